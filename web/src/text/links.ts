// Links in a text: http and https only. A mark at the end of a sentence, and a bracket that does not belong to the address, are text.

export interface Part {
    words: string;
    /** The address, if the part is a link. */
    href?: string;
}

const ADDRESS = /https?:\/\/[^\s<>"「」『』（）《》，。；！？、\u202a-\u202e\u2066-\u2069]+/giu;
const MARKS = /[.,;:!?'*_~…]+$/u;

export function parts(content: string): Part[] {
    const found: Part[] = [];
    let from = 0;
    for (const match of content.matchAll(ADDRESS)) {
        let words = match[0].replace(MARKS, "");
        while (/[)\]}]$/.test(words) && count(words, ")]}") > count(words, "([{")) {
            words = words.slice(0, -1).replace(MARKS, "");
        }
        if (URL.canParse(words)) {
            found.push({ words: content.slice(from, match.index) }, { words, href: words });
            from = match.index + words.length;
        }
    }
    found.push({ words: content.slice(from) });
    return found.filter(({ words }) => words !== "");
}

const count = (words: string, letters: string) => [...words].filter((letter) => letters.includes(letter)).length;
