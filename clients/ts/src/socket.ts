// One WebSocket from its opening to its end: authentication with a cursor, changes in order, signs of life, fresh tokens in place.

import type { Account } from "./account.js";
import type { Change } from "./conversations.js";

/** Milliseconds without a frame after which the server is asked, and within which it has to answer then. */
const SILENCE = 60_000;
const ANSWER = 5_000;

/** Close codes that ask the client for something. */
export const CLOSED = { malformed: 4400, unauthenticated: 4401, expired: 4402, sessionEnded: 4403, replaced: 4409 } as const;

/** How a socket ended. */
export interface SocketEnd {
    code: number;
    /** Whether the server has greeted: else this may be a network that lets no sockets through. */
    wasGreeted: boolean;
    /** Milliseconds after which the server wants to be asked again. */
    retry: number | undefined;
    /** What applying a change threw. */
    failure: unknown;
}

export interface SocketEvents {
    apply: (change: Change) => Promise<void>;
    keep: (cursor: string) => void;
    live: () => void;
}

export type SocketClass = new (url: string) => WebSocket;

type Frame = Change | { type: "tick"; cursor?: string } | { type: "goodbye"; retry_ms: number } | { type: "hello" | "live" | "ready" | "expiring" | "pong" | "error" };

/** The address of a path for WebSockets. */
export function socketUrl(url: string): string {
    const address = new URL(url, globalThis.location?.href);
    address.protocol = address.protocol.replace("http", "ws");
    return address.href;
}

export class ChangeSocket {
    readonly #account: Account;
    readonly #cursor: string;
    readonly #events: SocketEvents;
    readonly #socket: WebSocket;
    readonly #end: SocketEnd = { code: 1006, wasGreeted: false, retry: undefined, failure: undefined };
    /** Frames are applied one after the other. */
    #queue: Promise<void> = Promise.resolve();
    #token = "";
    /** Whether the server has accepted the token. */
    #isReady = false;
    #silence: ReturnType<typeof setTimeout> | undefined;
    readonly ended: Promise<SocketEnd>;

    constructor(socketClass: SocketClass, account: Account, cursor: string, events: SocketEvents) {
        this.#account = account;
        this.#cursor = cursor;
        this.#events = events;
        this.#socket = new socketClass(socketUrl(account.url("/api/auth/socket")));
        this.#socket.onmessage = ({ data }: MessageEvent<string>) => this.#receive(data);
        this.ended = new Promise((resolve) => {
            this.#socket.onclose = ({ code }: CloseEvent) => {
                clearTimeout(this.#silence);
                this.#end.code = code;
                void this.#queue.finally(() => resolve(this.#end));
            };
        });
        this.#listen();
    }

    close(): void {
        this.#socket.close();
    }

    #receive(data: string): void {
        this.#listen();
        const frame = JSON.parse(data) as Frame;
        this.#queue = this.#queue
            .then(() => (this.#end.failure === undefined ? this.#take(frame) : undefined))
            .catch((error: unknown) => {
                this.#end.failure = error;
                this.close();
            });
    }

    async #take(frame: Frame): Promise<void> {
        switch (frame.type) {
            case "hello":
                this.#end.wasGreeted = true;
                this.#token = await this.#account.session.token();
                this.#send({ type: "authenticate", token: this.#token, cursor: this.#cursor });
                break;
            case "ready":
                this.#isReady = true;
                break;
            case "expiring":
                this.#token = await this.#account.session.tokenInsteadOf(this.#token);
                this.#send({ type: "authenticate", token: this.#token });
                break;
            case "sync":
                await this.#events.apply(frame);
                if (!frame.more) {
                    this.#events.keep(frame.data.cursor);
                }
                break;
            case "live":
                this.#events.live();
                break;
            case "tick":
                if (frame.cursor !== undefined) {
                    this.#events.keep(frame.cursor);
                }
                break;
            case "goodbye":
                this.#end.retry = frame.retry_ms;
                break;
            case "message":
            case "changed":
            case "recall":
            case "delete":
            case "read":
            case "conversation":
            case "stale":
            case "typing":
                await this.#events.apply(frame);
                break;
            default:
            // A newer server may send what this client does not know.
        }
    }

    /** Returns whether the socket is open. */
    #send(frame: object): boolean {
        const isOpen = this.#socket.readyState === 1;
        if (isOpen) {
            this.#socket.send(JSON.stringify(frame));
        }
        return isOpen;
    }

    /** Begins to wait for the next sign of life. */
    #listen(): void {
        clearTimeout(this.#silence);
        this.#silence = setTimeout(() => {
            this.#send({ type: "ping", id: 1 });
            this.#silence = setTimeout(() => this.close(), ANSWER);
        }, SILENCE);
    }

    /** Reports that the user is writing. Returns whether the socket could take it. */
    typing(conversation_id: string): boolean {
        return this.#isReady && this.#send({ type: "typing", conversation_id });
    }
}
