// A server of tokens in memory, and a store that several "tabs" share, for the unit tests.

import type { Store, StoreListener } from "../../src/store.js";
import { Session } from "../../src/session.js";
import type { StoredSession } from "../../src/stored-session.js";
import { Transport } from "../../src/transport.js";
import type { Login } from "../../src/types.js";

export function envelope(status: number, body: object, headers: Record<string, string> = {}): Response {
    return new Response(JSON.stringify({ code: status, message: "", ...body }), { status, headers });
}

export function refusal(status: number, error: string, headers: Record<string, string> = {}): Response {
    return envelope(status, { error, message: `the sentence of ${error}` }, headers);
}

/** The values of a browser's `localStorage`, and one store for each of its tabs. */
export class SharedValues {
    readonly values = new Map<string, string>();
    readonly #tabs: { listeners: Set<StoreListener> }[] = [];

    /** The stored session of the only account. */
    session(): StoredSession {
        return JSON.parse([...this.values.values()][0] ?? "null").session;
    }

    tab(): Store {
        const own = { listeners: new Set<StoreListener>() };
        this.#tabs.push(own);
        return {
            get: (key) => this.values.get(key) ?? null,
            set: (key, value) => {
                value === null ? this.values.delete(key) : this.values.set(key, value);
                const others = this.#tabs.filter((tab) => tab !== own);
                setImmediate(() => others.forEach((tab) => tab.listeners.forEach((listener) => listener(key, value))));
            },
            keys: () => [...this.values.keys()],
            watch: (listener) => {
                own.listeners.add(listener);
                return () => own.listeners.delete(listener);
            },
        };
    }
}

export interface Asked {
    path: string;
    authorization: string | null;
    key: string | null;
}

/** Rotates tokens as the server does: each refresh token works once, and again under the same key until its successor is used. */
export class TokenServer {
    readonly asked: Asked[] = [];
    generation = 1;
    ended = false;
    /** Answers in place of the next exchanges. `lost`: the exchange takes place, and its answer does not arrive. */
    readonly instead: (Response | "lost" | "cut")[] = [];
    /** Milliseconds before each answer. */
    delay = 1;
    expires_in = 600;
    #key: string | null = null;

    tokens(): Login["token_class"] {
        return { token: `access-${this.generation}`, refresh_token: `refresh-${this.generation}`, expires_in: this.expires_in };
    }

    login(): Login {
        return { token_class: this.tokens(), user_info: { uid: "alice_1", name: "Alice", user_id: "a" } };
    }

    refreshes(): Asked[] {
        return this.asked.filter(({ path }) => path.endsWith("/refresh_token"));
    }

    readonly fetch = async (url: string, init: RequestInit): Promise<Response> => {
        const headers = new Headers(init.headers);
        const asked = { path: url, authorization: headers.get("Authorization"), key: headers.get("Idempotency-Key") };
        this.asked.push(asked);
        const instead = this.instead.shift();
        if (instead instanceof Response) {
            return instead;
        }
        const answer = instead === "cut" ? undefined : this.#answer(asked);
        await new Promise((resolve) => setTimeout(resolve, this.delay));
        if (instead !== undefined || answer === undefined) {
            throw new TypeError("fetch failed");
        }
        return answer;
    };

    #answer({ path, authorization, key }: Asked): Response {
        const [, kind, generation] = /^Bearer (\w+)-(\d+)$/.exec(authorization ?? "") ?? [];
        if (this.ended) {
            return refusal(401, "session_ended");
        }
        if (!path.endsWith("/refresh_token")) {
            return Number(generation) === this.generation ? envelope(200, { data: {} }) : refusal(401, "token_expired");
        }
        if (kind !== "refresh") {
            return refusal(401, "invalid_token");
        }
        if (Number(generation) === this.generation) {
            this.generation += 1;
            this.#key = key;
        } else if (Number(generation) !== this.generation - 1 || key === null || key !== this.#key) {
            return refusal(409, "refresh_token_reused");
        }
        return envelope(200, { data: this.tokens() });
    }
}

/** A tab that finds a login in its store. */
export function resumed(server: TokenServer, store: Store, stored: StoredSession): Session {
    return new Session(stored, store, new Transport("http://server", server.fetch, () => undefined));
}

/** Tabs with one login: the first logs in, the others find it in the store. */
export function tabs(server: TokenServer, shared: SharedValues, count: number): Session[] {
    const transport = new Transport("http://server", server.fetch, () => undefined);
    const first = Session.begin(server.login(), shared.tab(), transport);
    return [first, ...Array.from({ length: count - 1 }, () => resumed(server, shared.tab(), shared.session()))];
}
