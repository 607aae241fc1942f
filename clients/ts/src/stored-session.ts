// The stored form of a session: one value per account, replaced as a whole.

import type { End } from "./refusal.js";
import type { Store } from "./store.js";
import type { Login, Tokens } from "./types.js";

/** A session as it is stored, by the account's id. */
export interface StoredSession {
    token: string;
    refresh: string;
    /** When the access token expires, in milliseconds of this machine's clock. */
    expires_at: number;
    /** Seconds that the access token was valid when it was issued. */
    lifetime: number;
    /** Which login this is, and how often its tokens were replaced: tells a newer pair from a late copy of an older one. */
    login: string;
    rotation: number;
    user: Login["user_info"];
}

const PREFIX = "hongyan.session.";

/** The key of an account's session in the store. */
export function storageKey(user: string): string {
    return PREFIX + user;
}

/** The stored sessions, one per account. */
export function storedSessions(store: Store): StoredSession[] {
    const keys = store.keys().filter((key) => key.startsWith(PREFIX));
    return keys.map((key) => read(store, key.slice(PREFIX.length))).filter((session) => session !== null);
}

/** Whether `a` comes after `b`: a later login, or a later pair of the same one. */
export function isNewer(a: StoredSession, b: StoredSession): boolean {
    return a.login === b.login ? a.rotation > b.rotation : a.login > b.login;
}

export function pair(tokens: Tokens, started: number): Pick<StoredSession, "token" | "refresh" | "expires_at" | "lifetime"> {
    const lifetime = tokens.expires_in;
    return { token: tokens.token, refresh: tokens.refresh_token, expires_at: started + lifetime * 1000, lifetime };
}

export function read(store: Store, user: string): StoredSession | null {
    return parse(store.get(storageKey(user))).session;
}

export function write(store: Store, user: string, session: StoredSession): void {
    store.set(storageKey(user), JSON.stringify({ session }));
}

/** A stored value. One that does not parse counts as none. */
export function parse(value: string | null): { session: StoredSession | null; end?: End } {
    try {
        const { session = null, end } = JSON.parse(value ?? "{}") as { session?: StoredSession; end?: End };
        return end === undefined ? { session } : { session, end };
    } catch {
        return { session: null };
    }
}
