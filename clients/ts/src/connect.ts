// Catching up by a cursor: every change of an account, exactly, however long this client was away. Changes come by long poll.

import type { Account } from "./account.js";
import { pause, wait } from "./backoff.js";
import { type Change, Conversations, type Synced } from "./conversations.js";
import { isTemporary, Refusal, type Unreachable } from "./refusal.js";

/** Seconds that an answer may wait for a change; less than the time limit of an exchange. */
const LONGEST_WAIT = 15;
/** Conversations per page. */
const PAGE = 200;

export interface ConnectOptions {
    /** The cursor that `onCursor` reported last, if what was applied before it is still held; else everything comes first. */
    cursor?: string | null;
    /** The state to go on with; an empty one by default. It is up to date before `onChange` is called. */
    conversations?: Conversations;
    /** Called with each change, in order. The next one waits until a returned promise is fulfilled; a rejection ends the connection. */
    onChange: (change: Change) => void | Promise<void>;
    /** Called once everything before this cursor is applied: store it together with what was applied. */
    onCursor?: (cursor: string) => void;
    /** Called when this client is up to date, and again after each trouble. */
    onLive?: () => void;
    /** Called when the server cannot be reached, before the wait of so many seconds. */
    onTrouble?: (trouble: Refusal | Unreachable, seconds: number) => void;
    /** Called once if the connection ends by itself: the end of the session, a refusal, or an error of `onChange`. */
    onEnd?: (error: unknown) => void;
}

/** Connects an account to its changes until `stop` is called. */
export function connect(account: Account, options: ConnectOptions): Connection {
    return new Connection(account, options);
}

export class Connection {
    readonly conversations: Conversations;
    readonly #account: Account;
    readonly #options: ConnectOptions;
    readonly #stopped = new AbortController();
    #cursor: string | null;
    #isLive = false;

    constructor(account: Account, options: ConnectOptions) {
        this.#account = account;
        this.#options = options;
        this.#cursor = options.cursor ?? null;
        this.conversations = options.conversations ?? new Conversations();
        void this.#run();
    }

    /** Everything up to here is applied. */
    get cursor(): string | null {
        return this.#cursor;
    }

    /** Whether everything that the server has reported was applied, and the server is reachable. */
    get isLive(): boolean {
        return this.#isLive;
    }

    stop(): void {
        this.#isLive = false;
        this.#stopped.abort();
    }

    async #run(): Promise<void> {
        const { signal } = this.#stopped;
        let failures = 0;
        while (!signal.aborted) {
            try {
                await this.#catchUp();
                failures = 0;
            } catch (error) {
                if (signal.aborted) {
                    return;
                }
                this.#isLive = false;
                if (isForeignCursor(error) && this.#cursor !== null) {
                    this.#cursor = null;
                } else if (isTemporary(error)) {
                    failures += 1;
                    const seconds = pause(failures, error);
                    this.#options.onTrouble?.(error, seconds);
                    await wait(seconds, signal).catch(() => undefined);
                } else {
                    this.stop();
                    this.#options.onEnd?.(error);
                }
            }
        }
    }

    /** Applies one answer, all its pages. Only then its cursor is kept. */
    async #catchUp(): Promise<void> {
        const begins = this.#cursor === null;
        let cursor = this.#cursor;
        let end: Synced;
        let next: string | null;
        do {
            const { data, next_cursor = null } = await this.#page(cursor);
            end = data;
            next = next_cursor;
            // Without a cursor everything comes, and what an earlier one had is dropped.
            const isFirst = begins && cursor === null;
            await this.#apply({ type: "sync", data: isFirst ? { ...data, reset: true } : data, more: next !== null });
            cursor = next;
        } while (next !== null);
        this.#keep(end.cursor);
    }

    async #page(cursor: string | null): Promise<{ data: Synced; next_cursor?: string | null }> {
        // An answer to a stored cursor may wait, once this client is known to be up to date.
        const isWaiting = this.#isLive && cursor === this.#cursor;
        const query = { limit: PAGE, ...(cursor !== null && { cursor }), ...(isWaiting && { wait: LONGEST_WAIT }) };
        return this.#account.call("get", "/api/auth/sync", { query, signal: this.#stopped.signal });
    }

    async #apply(change: Change & { type: "sync" }): Promise<void> {
        const { reset, conversations, stale } = change.data;
        this.#stopped.signal.throwIfAborted();
        if (reset || conversations.length > 0 || stale.length > 0) {
            this.conversations.apply(change);
            await this.#options.onChange(change);
        }
    }

    #keep(cursor: string): void {
        this.#stopped.signal.throwIfAborted();
        if (cursor !== this.#cursor) {
            this.#cursor = cursor;
            this.#options.onCursor?.(cursor);
        }
        if (!this.#isLive) {
            this.#isLive = true;
            this.#options.onLive?.();
        }
    }
}

function isForeignCursor(error: unknown): boolean {
    return error instanceof Refusal && error.is("invalid_field") && error.field === "cursor";
}
