// An outbox: messages are stored before they are sent, so that a reload or a cut connection loses none. Several tabs may send the same
// message; its key makes the server store it once.

import type { Account, Sent } from "./account.js";
import { randomId } from "./ids.js";
import { Refusal } from "./refusal.js";
import type { Store } from "./store.js";

/** A message that is not sent yet. */
export interface Outgoing {
    client_message_id: string;
    receiver_id: string;
    content: string;
    /** Milliseconds of this machine's clock; the order of sending. */
    added_at: number;
    /** The server's refusal. Such a message waits for the user. */
    refusal?: { error: string; message: string };
}

/** `waiting`, `refused` and `discarded` messages, and `sent` ones with what they became. */
export type OutboxListener = (message: Outgoing, state: "waiting" | "refused" | "discarded" | "sent", sent?: Sent) => void;

export class Outbox {
    readonly #account: Account;
    readonly #store: Store;
    readonly #prefix: string;
    readonly #listeners = new Set<OutboxListener>();
    readonly #closed = new AbortController();
    /** Receivers to which a message is on its way. */
    readonly #busy = new Set<string>();
    #latest = 0;

    constructor(account: Account, store: Store) {
        this.#account = account;
        this.#store = store;
        this.#prefix = `hongyan.outbox.${account.user.user_id}.`;
        const page = globalThis as Partial<Pick<Window, "addEventListener">>;
        page.addEventListener?.("focus", () => this.start(), { signal: this.#closed.signal });
        this.start();
    }

    /** The messages that are not sent, to one receiver or to all, in their order. */
    messages(receiver_id?: string): Outgoing[] {
        const keys = this.#store.keys().filter((key) => key.startsWith(this.#prefix));
        const messages = keys.map((key) => JSON.parse(this.#store.get(key) ?? "null") as Outgoing | null);
        return messages
            .filter((message) => message !== null)
            .filter((message) => receiver_id === undefined || message.receiver_id === receiver_id)
            .sort((a, b) => a.added_at - b.added_at || (a.client_message_id < b.client_message_id ? -1 : 1));
    }

    /** Stores a message and begins to send it. */
    add(receiver_id: string, content: string): Outgoing {
        this.#latest = Math.max(Date.now(), this.#latest + 1);
        const message = { client_message_id: randomId(), receiver_id, content, added_at: this.#latest };
        this.#keep(message);
        this.#report(message, "waiting");
        this.start();
        return message;
    }

    /** Sends a refused message again, under its key. */
    retry(client_message_id: string): void {
        const message = this.#find(client_message_id);
        if (message?.refusal) {
            const { refusal: _, ...again } = message;
            this.#keep(again);
            this.#report(again, "waiting");
            this.start();
        }
    }

    /** Gives a message up. One that is on its way may arrive all the same. */
    discard(client_message_id: string): void {
        const message = this.#find(client_message_id);
        if (message) {
            this.#store.set(this.#prefix + client_message_id, null);
            this.#report(message, "discarded");
        }
    }

    onChange(listener: OutboxListener): () => void {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
    }

    /** Sends what waits: one message at a time to each receiver, in order. */
    start(): void {
        for (const { receiver_id, refusal } of this.messages()) {
            if (refusal === undefined && !this.#busy.has(receiver_id) && !this.#closed.signal.aborted) {
                this.#busy.add(receiver_id);
                void this.#sendTo(receiver_id).then((isDone) => {
                    this.#busy.delete(receiver_id);
                    if (isDone) {
                        // A message may have come since the last look.
                        this.start();
                    }
                });
            }
        }
    }

    /** Stops sending in this tab; what waits stays stored. */
    close(): void {
        this.#closed.abort();
    }

    /** Returns whether nothing waits any more; otherwise this tab cannot send. */
    async #sendTo(receiver_id: string): Promise<boolean> {
        const { signal } = this.#closed;
        for (;;) {
            const message = this.messages(receiver_id).find((message) => message.refusal === undefined);
            if (message === undefined || signal.aborted) {
                return !signal.aborted;
            }
            const { client_message_id } = message;
            try {
                const sent = await this.#account.send(receiver_id, message.content, { client_message_id, signal });
                this.#store.set(this.#prefix + client_message_id, null);
                this.#report(message, "sent", sent);
            } catch (error) {
                if (!(error instanceof Refusal)) {
                    // The session is over or this tab closes: the message stays.
                    return false;
                }
                const refused = { ...message, refusal: { error: error.error, message: error.message } };
                if (this.#find(client_message_id)) {
                    this.#keep(refused);
                }
                this.#report(refused, "refused");
            }
        }
    }

    #find(client_message_id: string): Outgoing | undefined {
        return this.messages().find((message) => message.client_message_id === client_message_id);
    }

    #keep(message: Outgoing): void {
        this.#store.set(this.#prefix + message.client_message_id, JSON.stringify(message));
    }

    #report(message: Outgoing, state: Parameters<OutboxListener>[1], sent?: Sent): void {
        for (const listener of this.#listeners) {
            listener(message, state, sent);
        }
    }
}
