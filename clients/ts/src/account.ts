// One logged-in account: authorized calls, sending exactly once, lists page by page, polling, history.

import { pause, wait } from "./backoff.js";
import { exchangeOf } from "./calls.js";
import type { History } from "./history.js";
import { randomId } from "./ids.js";
import { Outbox } from "./outbox.js";
import { Poll, type PollOptions } from "./poll.js";
import { isTemporary, Refusal, SessionEnded, type Unreachable } from "./refusal.js";
import { Rows, type ListPath, type RowOf } from "./rows.js";
import type { Session } from "./session.js";
import type { Store } from "./store.js";
import type { Exchange, Reply, Transport } from "./transport.js";
import type { Answer, Arguments, Input, Login, Method, PathOf } from "./types.js";

const WINDOW = "/api/auth/conversations/{conversation_id}";

/** What a sent message became. */
export interface Sent {
    message_id: string;
    client_message_id: string;
}

export interface SendOptions {
    /** The message's idempotency key; made up if missing. Keep it to send the same message again after a reload. */
    client_message_id?: string;
    signal?: AbortSignal;
    /** Called before each wait for a new attempt. */
    onWait?: (seconds: number, because: Refusal | Unreachable) => void;
}

export class Account {
    readonly session: Session;
    readonly #transport: Transport;
    readonly #store: Store;
    #outbox: Outbox | undefined;

    constructor(session: Session, transport: Transport, store: Store) {
        this.session = session;
        this.#transport = transport;
        this.#store = store;
    }

    get user(): Login["user_info"] {
        return this.session.user;
    }

    /** The address of a path at the server. */
    url(path: string): string {
        return this.#transport.url(path);
    }

    /** Messages that wait to be sent; they survive a reload of the page. */
    get outbox(): Outbox {
        this.#outbox ??= new Outbox(this, this.#store);
        return this.#outbox;
    }

    /** Calls an operation. Returns its whole answer; throws `Refusal`, `Unreachable` or `SessionEnded`. */
    async call<M extends Method, P extends PathOf<M>>(method: M, path: P, ...[input]: Arguments<M, P>): Promise<Answer<M, P>> {
        const { envelope } = await this.exchange(exchangeOf(method, path as string, input as Input<M, P> as object));
        return envelope as Answer<M, P>;
    }

    /** An exchange with this account's token. An expired token is renewed, and the exchange repeated. */
    async exchange(request: Exchange): Promise<Reply> {
        let token = await this.session.token();
        for (let attempt = 1; ; attempt++) {
            try {
                const headers = { ...request.headers, Authorization: `Bearer ${token}` };
                return await this.#transport.exchange({ ...request, headers });
            } catch (error) {
                if (!(error instanceof Refusal) || attempt === 3) {
                    throw error;
                }
                if (error.is("token_expired")) {
                    token = await this.session.tokenInsteadOf(token);
                } else if (error.is("session_ended", "invalid_token", "missing_token")) {
                    token = await this.session.othersTokenAfter(token, error);
                } else {
                    throw error;
                }
            }
        }
    }

    /**
     * Sends a message and stores it exactly once: after a network error, an overload or a used-up quota the same message goes again under the
     * same key, after 1, 2, 4 … 30 s or when the server wishes. Throws the server's refusal, with its sentence as `message`.
     */
    async send(receiver_id: string, content: string, options: SendOptions = {}): Promise<Sent> {
        const { client_message_id = randomId(), signal, onWait } = options;
        const request: Exchange = { method: "post", path: "/api/auth/messages", body: { receiver_id, content, client_message_id }, signal };
        for (let failures = 1; ; failures++) {
            try {
                const { envelope } = await this.exchange(request);
                return { message_id: envelope?.data as string, client_message_id };
            } catch (error) {
                if (!isTemporary(error)) {
                    throw error;
                }
                const seconds = pause(failures, error);
                onWait?.(seconds, error);
                await wait(seconds, signal);
            }
        }
    }

    /** All rows of a list, page by page, each once. */
    rows<P extends ListPath>(path: P, query: Omit<NonNullable<Input<"get", P> extends { query?: infer Q } ? Q : never>, "cursor"> | undefined = undefined): AsyncIterable<RowOf<P>> {
        return new Rows(this, path, query ?? {});
    }

    /** Asks again and again, and reports what has changed. An unchanged answer costs a 304. */
    poll<P extends PathOf<"get">>(path: P, input: Input<"get", P>, options: PollOptions<Answer<"get", P>>): Poll<Answer<"get", P>> {
        return new Poll((request) => this.exchange(request), exchangeOf("get", path as string, input as object), options);
    }

    /** Loads one more window into a history: what is newer than it has, or else what is older. Returns whether there was something to ask. */
    async load(conversation_id: string, history: History, direction: "newer" | "older", signal?: AbortSignal): Promise<boolean> {
        const query = direction === "newer" ? history.newer() : history.older();
        if (query === undefined) {
            return false;
        }
        const { data } = await this.call("get", WINDOW, { path: { conversation_id }, query, ...(signal && { signal }) });
        history.apply(data, query);
        return true;
    }

    /** Changes the password. All other sessions end; this one goes on in all tabs. Not repeated by itself. */
    async changePassword(old_password: string, new_password: string): Promise<void> {
        const { data } = await this.call("put", "/api/auth/me/password", { body: { old_password, new_password } });
        this.session.replace(data);
    }

    /** Ends the session at the server and in all tabs. If the server cannot be reached, the tabs forget it all the same, and the error is thrown. */
    async logOut(): Promise<void> {
        try {
            await this.call("post", "/api/auth/logout");
        } catch (error) {
            if (!(error instanceof SessionEnded)) {
                throw error;
            }
        } finally {
            this.session.logOut();
            this.close();
        }
    }

    /** Stops what runs by itself in this tab. The session and the outbox stay stored. */
    close(): void {
        this.#outbox?.close();
        this.session.close();
    }
}
