// Token rotation across tabs. All tabs of an account share one pair of tokens in the store. The idempotency key of a refresh is derived
// from the refresh token, so tabs that race send the same key and get the same pair; no lock is needed for that. Web Locks, where they
// exist, only save calls.

import { pause, wait } from "./backoff.js";
import { hash64, randomId } from "./ids.js";
import { type End, isTemporary, Refusal, SessionEnded, Unreachable } from "./refusal.js";
import type { Store } from "./store.js";
import { isNewer, pair, parse, read, type StoredSession, storageKey, write } from "./stored-session.js";
import { alone } from "./tab-lock.js";
import type { Transport } from "./transport.js";
import type { Login, Tokens } from "./types.js";

/** Seconds to wait for another tab's pair after a race. */
const OTHER_TAB = 2;

/** One account's session in one tab. */
export class Session {
    readonly user: Login["user_info"];
    readonly #store: Store;
    readonly #transport: Transport;
    #held: StoredSession | null;
    #end: End | undefined;
    #renewal: Promise<void> | undefined;
    /** Renewals that failed in a row, the last failure, and the time (`performance.now`) before which none starts unasked. */
    #failures = 0;
    #trouble: unknown;
    #notBefore = 0;
    /** This tab's deviation from the common time of renewal, ± 5 s, so that tabs do not start together. */
    readonly #jitter = (Math.random() - 0.5) * 10_000;
    readonly #endListeners = new Set<(end: End) => void>();
    readonly #changeListeners = new Set<() => void>();
    readonly #unwatch: () => void;

    constructor(held: StoredSession, store: Store, transport: Transport) {
        this.user = held.user;
        this.#held = held;
        this.#store = store;
        this.#transport = transport;
        this.#unwatch = store.watch((key, value) => this.#onChange(key, value));
    }

    /** Stores the tokens of a login. */
    static begin({ token_class, user_info }: Login, store: Store, transport: Transport): Session {
        const login = `${Date.now()}-${randomId()}`;
        const held = { ...pair(token_class, Date.now()), login, rotation: 0, user: user_info };
        write(store, user_info.user_id, held);
        return new Session(held, store, transport);
    }

    /** The end of the session, once it is over. */
    get end(): End | undefined {
        return this.#end;
    }

    /** Reports the end of the session, in whichever tab it ended. */
    onEnd(listener: (end: End) => void): () => void {
        this.#endListeners.add(listener);
        return () => this.#endListeners.delete(listener);
    }

    /** A token for a call. A pair that is about to expire is renewed meanwhile, an expired one before. */
    async token(): Promise<string> {
        const held = this.#current();
        const left = held.expires_at - Date.now();
        if (left <= 0) {
            await this.renew();
        } else if (left < this.#margin(held)) {
            this.#renewUnasked();
        }
        return this.#current().token;
    }

    /** A token in place of one that the server called expired. */
    async tokenInsteadOf(expired: string): Promise<string> {
        if (this.#current().token === expired) {
            this.#adopt(read(this.#store, this.user.user_id));
        }
        if (this.#current().token === expired) {
            await this.renew();
        }
        return this.#current().token;
    }

    /** After the server has refused a token for good: the token of a newer session in another tab. Else the session ends, by `SessionEnded`. */
    async othersTokenAfter(refused: string, refusal: Refusal): Promise<string> {
        this.#adopt(read(this.#store, this.user.user_id));
        if (this.#current().token === refused) {
            throw this.#finish({ error: refusal.error, message: refusal.message }, refusal);
        }
        return this.token();
    }

    /** Replaces the tokens by those of a changed password. They win over a renewal that another tab started before. */
    replace(tokens: Tokens): void {
        this.#adopt(read(this.#store, this.user.user_id));
        const held = this.#current();
        this.#keep({ ...held, ...pair(tokens, Date.now()), rotation: held.rotation + 2 });
    }

    /** Forgets the session in all tabs; the server is not asked. */
    logOut(message = ""): void {
        this.#finish({ error: "logout", message });
    }

    /** Stops listening to other tabs; what is stored stays. */
    close(): void {
        this.#unwatch();
    }

    /** Gets the next pair. Calls that come meanwhile share the promise. Throws `SessionEnded`, or what kept the server from answering. */
    renew(): Promise<void> {
        if (this.#trouble instanceof Refusal && performance.now() < this.#notBefore) {
            return Promise.reject(this.#trouble);
        }
        const before = this.#current().refresh;
        this.#renewal ??= alone(storageKey(this.user.user_id), () => this.#rotate(before)).finally(() => {
            this.#renewal = undefined;
        });
        return this.#renewal;
    }

    #renewUnasked(): void {
        if (performance.now() >= this.#notBefore) {
            this.renew().catch(() => undefined);
        }
    }

    async #rotate(before: string): Promise<void> {
        this.#adopt(read(this.#store, this.user.user_id));
        const held = this.#current();
        if (held.refresh !== before && held.expires_at - Date.now() > this.#margin(held)) {
            return;
        }
        try {
            const started = Date.now();
            const tokens = await this.#exchange(held.refresh);
            this.#failures = 0;
            this.#trouble = undefined;
            this.#keep({ ...held, ...pair(tokens, started), rotation: held.rotation + 1 });
            this.#current();
        } catch (error) {
            if (isTemporary(error)) {
                this.#failures += 1;
                this.#trouble = error;
                this.#notBefore = performance.now() + 1000 * pause(this.#failures, error);
            }
            const isOver = error instanceof Refusal && (error.status === 401 || error.status === 409);
            if (!isOver) {
                throw error;
            }
            if (!(await this.#othersPair(held, error.status === 409))) {
                throw this.#finish({ error: error.error, message: error.message }, error);
            }
        }
    }

    /** One exchange, and after a lost answer at once a second one: the key makes it give the same pair. */
    async #exchange(refresh: string): Promise<Tokens> {
        const headers = { Authorization: `Bearer ${refresh}`, "Idempotency-Key": hash64(refresh) };
        const request = { method: "post", path: "/auth/refresh_token", headers, keepalive: true };
        const { envelope } = await this.#transport.exchange(request).catch((error: unknown) => {
            if (error instanceof Unreachable) {
                return this.#transport.exchange(request);
            }
            throw error;
        });
        return envelope?.data as Tokens;
    }

    /** Whether another tab holds, or within a moment receives, a newer pair than this one. */
    async #othersPair(than: StoredSession, patient: boolean): Promise<boolean> {
        const isNewer = () => this.#held !== null && this.#held.refresh !== than.refresh;
        this.#adopt(read(this.#store, this.user.user_id));
        if (!isNewer() && patient) {
            const changed = new AbortController();
            const listener = () => changed.abort();
            this.#changeListeners.add(listener);
            await wait(OTHER_TAB, changed.signal, false).catch(() => undefined);
            this.#changeListeners.delete(listener);
            this.#adopt(read(this.#store, this.user.user_id));
        }
        return isNewer();
    }

    /** Milliseconds before expiry at which the pair is renewed: a minute, less for tokens that live shorter than five. */
    #margin(held: StoredSession): number {
        return Math.min(60_000 + this.#jitter, held.lifetime * 200);
    }

    #current(): StoredSession {
        if (this.#held === null) {
            throw new SessionEnded(this.#end ?? { error: "session_ended", message: "" });
        }
        return this.#held;
    }

    /** Stores a pair, unless another tab has stored a newer one meanwhile or has logged out. */
    #keep(next: StoredSession): void {
        const stored = read(this.#store, this.user.user_id);
        if (stored === null) {
            this.#finish({ error: "logout", message: "" });
        } else if (isNewer(stored, next)) {
            this.#adopt(stored);
        } else {
            this.#held = next;
            write(this.#store, this.user.user_id, next);
        }
    }

    #adopt(stored: StoredSession | null): void {
        if (stored === null) {
            this.#finish({ error: "logout", message: "" });
        } else if (this.#held !== null && isNewer(stored, this.#held)) {
            this.#held = stored;
        }
    }

    #onChange(key: string, value: string | null): void {
        if (key !== storageKey(this.user.user_id)) {
            return;
        }
        const { session, end } = parse(value);
        if (end !== undefined) {
            this.#stop(end);
        } else {
            this.#adopt(session);
        }
        for (const listener of this.#changeListeners) {
            listener();
        }
    }

    /** Ends the session in all tabs. A newer login of the account stays. */
    #finish(end: End, cause?: unknown): SessionEnded {
        const key = storageKey(this.user.user_id);
        if (this.#held !== null && read(this.#store, this.user.user_id)?.login === this.#held.login) {
            // The other tabs learn the reason; nothing stays.
            this.#store.set(key, JSON.stringify({ end }));
            this.#store.set(key, null);
        }
        this.#stop(end);
        return new SessionEnded(end, cause);
    }

    #stop(end: End): void {
        if (this.#end !== undefined) {
            return;
        }
        this.#end = end;
        this.#held = null;
        this.close();
        for (const listener of this.#endListeners) {
            listener(end);
        }
    }
}
