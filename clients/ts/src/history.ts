// The history of a conversation as islands of `seq`: ranges of positions that are known completely. `seq` has no gaps, so a range is
// complete if the server gave it in one window, and two ranges join where they touch. No gap can be overlooked.

import type { ConversationWindow, Message } from "./types.js";

/** How a window was asked for. */
export interface WindowQuery {
    before?: number;
    after?: number;
}

interface Island {
    from: number;
    to: number;
}

export class History {
    readonly #messages = new Map<number, Message>();
    /** Ascending; no two touch. */
    #islands: Island[] = [];
    #lastSeq = 0;
    #isEmpty = false;

    /** The highest position that the server named. */
    get lastSeq(): number {
        return this.#lastSeq;
    }

    /** Takes a window over. What it covers replaces what was known there, so recalled and deleted messages are right. */
    apply(window: Pick<ConversationWindow, "messages" | "has_more" | "last_seq">, query: WindowQuery = {}): void {
        this.#lastSeq = Math.max(this.#lastSeq, window.last_seq);
        const covered = coverage(window, query);
        this.#isEmpty = window.last_seq === 0;
        if (covered.to < covered.from) {
            return;
        }
        for (const seq of [...this.#messages.keys()].filter((seq) => seq >= covered.from && seq <= covered.to)) {
            this.#messages.delete(seq);
        }
        for (const message of window.messages) {
            this.#messages.set(message.seq, message);
        }
        this.#join(covered);
    }

    /** Marks a message as recalled. */
    recall(seq: number): void {
        const message = this.#messages.get(seq);
        if (message) {
            this.#messages.set(seq, { ...message, recalled: true, content: null });
        }
    }

    /** Removes a message that the caller deleted. */
    remove(seq: number): void {
        this.#messages.delete(seq);
    }

    /** The messages of the island that holds a position (by default the newest island), ascending. */
    messages(seq?: number): Message[] {
        const island = this.#island(seq);
        if (!island) {
            return [];
        }
        const inside = [...this.#messages.values()].filter((message) => message.seq >= island.from && message.seq <= island.to);
        return inside.sort((a, b) => a.seq - b.seq);
    }

    /** The query for what lies before an island, or nothing if it reaches the first message. */
    older(seq?: number): WindowQuery | undefined {
        const island = this.#island(seq);
        if (!island) {
            return this.#isUnknown() ? {} : undefined;
        }
        return island.from > 1 ? { before: island.from } : undefined;
    }

    /** The query for what follows an island, or nothing if it reaches the newest message. */
    newer(seq?: number): WindowQuery | undefined {
        const island = this.#island(seq);
        if (!island) {
            return this.#isUnknown() ? {} : undefined;
        }
        return island.to < this.#lastSeq ? { after: island.to } : undefined;
    }

    /** Notes that the server has messages up to a position, for example from the list of conversations. */
    expect(lastSeq: number): void {
        this.#lastSeq = Math.max(this.#lastSeq, lastSeq);
    }

    #isUnknown(): boolean {
        return !this.#isEmpty || this.#lastSeq > 0;
    }

    #island(seq?: number): Island | undefined {
        return seq === undefined ? this.#islands.at(-1) : this.#islands.find(({ from, to }) => seq >= from && seq <= to);
    }

    #join(island: Island): void {
        const touches = (other: Island) => other.from <= island.to + 1 && other.to >= island.from - 1;
        const joined = this.#islands.filter(touches);
        const from = Math.min(island.from, ...joined.map((other) => other.from));
        const to = Math.max(island.to, ...joined.map((other) => other.to));
        const apart = this.#islands.filter((other) => !touches(other));
        this.#islands = [...apart, { from, to }].sort((a, b) => a.from - b.from);
    }
}

/** The positions that a window knows completely. Messages that the caller deleted are missing in it, and known to be. */
function coverage({ messages, has_more, last_seq }: Pick<ConversationWindow, "messages" | "has_more" | "last_seq">, query: WindowQuery): Island {
    const first = messages.at(0)?.seq;
    const last = messages.at(-1)?.seq;
    if (query.after !== undefined) {
        return { from: query.after + 1, to: has_more ? (last ?? query.after) : Math.max(last_seq, last ?? 0) };
    }
    const end = query.before === undefined ? Math.max(last_seq, last ?? 0) : query.before - 1;
    return { from: has_more ? (first ?? end + 1) : 1, to: end };
}
