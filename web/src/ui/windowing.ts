// List windowing: of a long history only the rows around the reader are in the document.

/** The most rows in the document. */
export const MOST = 300;
/** Rows on each side of the reader below which the window moves. */
const MARGIN = 100;

/** Indices of the rows in the document: from the first one to before the last one. */
export interface Slice {
    from: number;
    to: number;
}

/** The slice of so many rows for a reader at one of them. The earlier slice, which began at `before`, stays while it reaches far enough. */
export function sliceAt(count: number, reader: number, before?: number): Slice {
    const last = Math.max(0, count - MOST);
    const reaches = (from: number) => (from === 0 || reader - from >= MARGIN) && (from === last || from + MOST - reader >= MARGIN);
    const from = before !== undefined && before >= 0 && before <= last && reaches(before) ? before : Math.min(last, Math.max(0, reader - MOST / 2));
    return { from, to: Math.min(count, from + MOST) };
}
