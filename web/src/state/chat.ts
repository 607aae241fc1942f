// One open chat: its history, the messages on their way, and the read position.

import { type Account, type Conversation, History, isTemporary, type Message, type Outgoing } from "@hongyan/client";
import { signal } from "@preact/signals";
import { refresh } from "./app.ts";

/** A message of one's own that is not in the history yet; `sent` holds its id once the server has it. */
export interface Pending extends Outgoing {
    sent?: string;
}

export class Chat {
    readonly messages = signal<Message[]>([]);
    readonly pending = signal<Pending[]>([]);
    readonly hasOlder = signal(false);
    readonly id: string;
    readonly friend: string;
    /** The first unread message when the chat was opened. */
    readonly firstUnread: number | undefined;
    readonly #account: Account;
    readonly #history = new History();
    readonly #stop: (() => void)[] = [];
    #loading = false;
    #readSeq: number;

    constructor(account: Account, conversation: Conversation) {
        this.#account = account;
        this.id = conversation.conversation_id;
        this.friend = conversation.friend_id;
        this.#readSeq = conversation.read_seq;
        this.firstUnread = conversation.unread_count > 0 ? conversation.read_seq + 1 : undefined;
        this.pending.value = account.outbox.messages(this.friend);
        const poll = account.poll("/api/auth/conversations/{conversation_id}", { path: { conversation_id: this.id } }, {
            every: 2,
            onAnswer: ({ data }) => {
                this.#history.apply(data);
                void this.#fill();
            },
        });
        const unwatch = account.outbox.onChange((message, state, sent) => {
            if (message.receiver_id !== this.friend) {
                return;
            }
            const others = this.pending.value.filter(({ client_message_id }) => client_message_id !== message.client_message_id);
            if (state === "discarded") {
                this.pending.value = others;
            } else if (state === "sent" && sent) {
                this.pending.value = this.pending.value.map((held) => (held.client_message_id === message.client_message_id ? { ...held, sent: sent.message_id } : held));
                poll.refresh();
                refresh();
            } else {
                this.pending.value = [...others, message].sort((a, b) => a.added_at - b.added_at);
            }
        });
        this.#stop.push(() => poll.stop(), unwatch);
    }

    close(): void {
        this.#stop.forEach((stop) => stop());
    }

    /** Shows the message at once; it is on its way. */
    send(content: string): void {
        this.#account.outbox.add(this.friend, content);
    }

    retry(client_message_id: string): void {
        this.#account.outbox.retry(client_message_id);
    }

    discard(client_message_id: string): void {
        this.#account.outbox.discard(client_message_id);
    }

    async loadOlder(): Promise<void> {
        if (!this.#loading) {
            this.#loading = true;
            await this.#account.load(this.id, this.#history, "older").catch(() => undefined);
            this.#loading = false;
            this.#show();
        }
    }

    /** Moves the read position to the newest message. */
    async read(): Promise<void> {
        const last = this.#history.messages().at(-1)?.seq ?? 0;
        if (last > this.#readSeq) {
            const before = this.#readSeq;
            this.#readSeq = last;
            try {
                await this.#account.call("put", "/api/auth/conversations/{conversation_id}/read", { path: { conversation_id: this.id }, body: { seq: last } });
                refresh();
            } catch (error) {
                if (!isTemporary(error)) {
                    return;
                }
                this.#readSeq = before;
            }
        }
    }

    recall(message_id: string): Promise<unknown> {
        return this.#account.call("delete", "/api/auth/message/recall", { body: { message_id } }).then(refresh);
    }

    remove(message: Message): Promise<unknown> {
        return this.#account.call("delete", "/api/auth/message/delete", { body: { message_id: message.message_id } }).then(() => {
            this.#history.remove(message.seq);
            this.#show();
            refresh();
        });
    }

    /** Loads what lies between the newest window and what was known before, so that no gap stays. */
    async #fill(): Promise<void> {
        const known = this.messages.value.at(-1)?.seq;
        const newest = this.#history.messages().at(0)?.seq;
        if (known !== undefined && newest !== undefined && newest > known) {
            for (let after: number | undefined = known; after !== undefined && !this.#history.messages().some(({ seq }) => seq === known); ) {
                after = await this.#loadAfter(after);
            }
        }
        this.#show();
    }

    /** Returns where to go on. */
    async #loadAfter(after: number): Promise<number | undefined> {
        const { data } = await this.#account.call("get", "/api/auth/conversations/{conversation_id}", { path: { conversation_id: this.id }, query: { after } });
        this.#history.apply(data, { after });
        return data.has_more ? data.messages.at(-1)?.seq : undefined;
    }

    #show(): void {
        const messages = this.#history.messages();
        const ids = new Set(messages.map(({ message_id }) => message_id));
        this.messages.value = messages;
        this.hasOlder.value = this.#history.older() !== undefined;
        if (this.pending.value.some(({ sent }) => sent !== undefined && ids.has(sent))) {
            this.pending.value = this.pending.value.filter(({ sent }) => sent === undefined || !ids.has(sent));
        }
    }
}
