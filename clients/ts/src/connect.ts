// Catching up by a cursor: every change of an account, exactly, however long this client was away. Changes come by a socket, and by long
// poll where sockets do not get through.

import type { Account } from "./account.js";
import { pause, wait } from "./backoff.js";
import { type Change, Conversations, type Synced } from "./conversations.js";
import { isTemporary, Refusal, Unreachable } from "./refusal.js";
import { ChangeSocket, CLOSED, type SocketClass, type SocketEnd } from "./socket.js";

/** Seconds that an answer may wait for a change; less than the time limit of an exchange. */
const LONGEST_WAIT = 15;
/** Conversations per page. */
const PAGE = 200;
/** Sockets in a row that the server did not greet, after which long polls take over; and for how many milliseconds. */
const UNGREETED = 2;
const WITHOUT_SOCKETS = 300_000;
/** Milliseconds between two reports that the user is writing; the server ignores more. */
const TYPING_PAUSE = 3_000;
const TYPING = "/api/auth/conversations/{conversation_id}/typing";

export interface ConnectOptions {
    /** The cursor that `onCursor` reported last, if what was applied before it is still held; else everything comes first. */
    cursor?: string | null;
    /** The class of sockets: by default the environment's, where it has one. `null`: only long polls. */
    socketClass?: SocketClass | null;
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
    readonly #socketClass: SocketClass | null;
    #socket: ChangeSocket | undefined;
    #ungreeted = 0;
    /** The time before which no socket is opened. */
    #socketsFrom = 0;
    #failures = 0;
    /** When the user was last reported to be writing, by conversation. */
    readonly #typedAt = new Map<string, number>();

    constructor(account: Account, options: ConnectOptions) {
        this.#account = account;
        this.#options = options;
        this.#cursor = options.cursor ?? null;
        this.conversations = options.conversations ?? new Conversations();
        this.#socketClass = options.socketClass === undefined ? ((globalThis.WebSocket as SocketClass | undefined) ?? null) : options.socketClass;
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
        this.#socket?.close();
    }

    /** Reports that the user is writing: by the socket, or by a call where none is open. At most once per 3 s and conversation. */
    typing(conversation_id: string): void {
        const now = Date.now();
        const since = now - (this.#typedAt.get(conversation_id) ?? -Infinity);
        if (since >= 0 && since < TYPING_PAUSE) {
            return;
        }
        this.#typedAt.set(conversation_id, now);
        if (!this.#socket?.typing(conversation_id)) {
            // A lost report matters to no one; the next one follows.
            this.#account.call("post", TYPING, { path: { conversation_id } }).catch(() => undefined);
        }
    }

    async #run(): Promise<void> {
        const { signal } = this.#stopped;
        while (!signal.aborted) {
            try {
                await (this.#mayRide() ? this.#ride(this.#cursor as string) : this.#catchUp());
                this.#failures = 0;
            } catch (error) {
                if (signal.aborted) {
                    return;
                }
                this.#isLive = false;
                if (isForeignCursor(error) && this.#cursor !== null) {
                    this.#cursor = null;
                } else if (isTemporary(error)) {
                    this.#failures += 1;
                    const seconds = pause(this.#failures, error);
                    this.#options.onTrouble?.(error, seconds);
                    await wait(seconds, signal).catch(() => undefined);
                } else {
                    this.stop();
                    this.#options.onEnd?.(error);
                }
            }
        }
    }

    /** Whether the next changes come by a socket: not before a first answer, and not where sockets do not get through. */
    #mayRide(): boolean {
        return this.#socketClass !== null && this.#cursor !== null && Date.now() >= this.#socketsFrom;
    }

    /** Applies what a socket tells, until it ends. */
    async #ride(cursor: string): Promise<void> {
        const socket = new ChangeSocket(this.#socketClass as SocketClass, this.#account, cursor, {
            apply: (change) => this.#apply(change),
            keep: (next) => this.#keep(next),
            live: () => this.#live(),
        });
        this.#socket = socket;
        const end = await socket.ended;
        this.#socket = undefined;
        this.#stopped.signal.throwIfAborted();
        await this.#afterSocket(end);
    }

    /** What the end of a socket asks for. Throws to wait before the next attempt. */
    async #afterSocket({ code, wasGreeted, retry, failure }: SocketEnd): Promise<void> {
        if (failure !== undefined) {
            throw failure;
        }
        this.#isLive = false;
        this.#ungreeted = wasGreeted ? 0 : this.#ungreeted + 1;
        if (this.#ungreeted >= UNGREETED || code === CLOSED.replaced) {
            this.#ungreeted = 0;
            this.#socketsFrom = Date.now() + WITHOUT_SOCKETS;
            return;
        }
        if (code === CLOSED.unauthenticated || code === CLOSED.expired) {
            await this.#account.session.renew();
        } else if (code === CLOSED.malformed || code === CLOSED.sessionEnded) {
            // An answer in the envelope says more.
            await this.#catchUp();
        }
        const ended = new Unreachable(`the socket ended with ${code}`);
        throw retry === undefined ? ended : Object.assign(ended, { retryAfter: retry / 1000 });
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

    async #apply(change: Change): Promise<void> {
        this.#stopped.signal.throwIfAborted();
        if (change.type !== "sync" || isNews(change.data)) {
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
        if (this.#socket === undefined) {
            this.#live();
        }
    }

    #live(): void {
        this.#failures = 0;
        if (!this.#isLive) {
            this.#isLive = true;
            this.#options.onLive?.();
        }
    }
}

function isNews({ reset, conversations, stale }: Synced): boolean {
    return reset || conversations.length > 0 || stale.length > 0;
}

function isForeignCursor(error: unknown): boolean {
    return error instanceof Refusal && error.is("invalid_field") && error.field === "cursor";
}
