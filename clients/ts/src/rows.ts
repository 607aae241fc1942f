// Keyset pagination: iterates over a list page by page.

import type { Account } from "./account.js";
import { exchangeOf } from "./calls.js";
import type { DataOf } from "./types.js";

/** The lists, each with the member that tells its rows apart. */
const KEYS = {
    "/api/auth/conversations": "conversation_id",
    "/api/auth/friendships": "friendship_id",
    "/api/auth/friendship_requests": "request_id",
    "/api/auth/blocks": "user_id",
    "/api/auth/sessions": "session_id",
    "/api/auth/messages/search": "message_id",
} as const;

export type ListPath = keyof typeof KEYS;
export type RowOf<P extends ListPath> = DataOf<"get", P> extends readonly (infer Row)[] ? Row : never;

/** The rows of a list. One that changes meanwhile and so comes twice is given once. */
export class Rows<P extends ListPath> implements AsyncIterable<RowOf<P>> {
    readonly #account: Account;
    readonly #path: P;
    readonly #query: object;

    constructor(account: Account, path: P, query: object) {
        this.#account = account;
        this.#path = path;
        this.#query = query;
    }

    async *[Symbol.asyncIterator](): AsyncIterator<RowOf<P>> {
        const seen = new Set<unknown>();
        let cursor: string | null = null;
        do {
            const { envelope } = await this.#account.exchange(exchangeOf("get", this.#path, { query: { ...this.#query, cursor } }));
            for (const row of (envelope?.data ?? []) as RowOf<P>[]) {
                const key = (row as Record<string, unknown>)[KEYS[this.#path]];
                if (!seen.has(key)) {
                    seen.add(key);
                    yield row;
                }
            }
            cursor = envelope?.next_cursor ?? null;
        } while (cursor !== null);
    }
}
