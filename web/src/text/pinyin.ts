// The letter under which a name stands in the contacts: by pinyin for Chinese, `#` for what has none.

/** The first character of each letter in the order of pinyin. */
const BOUNDARIES = "阿八嚓哒妸发旮哈讥咔垃妈拏噢妑七呥扨它穵夕丫帀";
const LETTERS = "ABCDEFGHJKLMNOPQRSTWXYZ";

const order = new Intl.Collator("zh-u-co-pinyin");

export function letterOf(name: string): string {
    const [first = ""] = name.normalize("NFKD").trim();
    if (/[a-z]/i.test(first)) {
        return first.toUpperCase();
    }
    if (!/\p{Script=Han}/u.test(first)) {
        return "#";
    }
    // Binary search: thousands of names are sorted at once.
    let [from, to] = [0, LETTERS.length];
    while (to - from > 1) {
        const middle = (from + to) >> 1;
        [from, to] = order.compare(first, BOUNDARIES[middle] ?? "") >= 0 ? [middle, to] : [from, middle];
    }
    return LETTERS[from] ?? "#";
}

/** Sorted groups: A to Z, then what has no letter. */
export function grouped<T>(rows: readonly T[], name: (row: T) => string): [letter: string, rows: T[]][] {
    const groups = new Map<string, T[]>();
    const named = rows.map((row) => ({ row, name: name(row) })).sort((a, b) => order.compare(a.name, b.name));
    for (const { row, name } of named) {
        const letter = letterOf(name);
        const group = groups.get(letter);
        group ? group.push(row) : groups.set(letter, [row]);
    }
    return [...groups].sort(([a], [b]) => (a === "#" ? 1 : b === "#" ? -1 : a < b ? -1 : 1));
}
