// A square with the initial of a name, on a colour that belongs to the id.

export function Avatar({ id, name }: { id: string; name: string }) {
    const hue = [...id].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 8;
    return <span class={`avatar hue-${hue}`} aria-hidden="true">{[...name.trim()][0] ?? "?"}</span>;
}
