// One chat: its history as islands of `seq`, the messages on their way, the read position, the place to which the reader scrolled.

import { type Account, type Conversation, type ConversationWindow, History, isTemporary, type Message, type Outgoing, type Poll, Refusal, type WindowQuery } from "@hongyan/client";
import { batch, signal } from "@preact/signals";
import { conversationOf, every, refresh } from "./lists.ts";

/** A message of one's own that is not in the history yet. */
export interface Pending extends Outgoing {
    isSent?: boolean;
}

/** Where the reader was: at the bottom, or so many pixels below the top of a row. */
export interface Place {
    isAtBottom: boolean;
    row: string | undefined;
    offset: number;
}

type Peer = Pick<ConversationWindow, "friend_id" | "friend_name" | "remark" | "is_friend">;

const PATH = "/api/auth/conversations/{conversation_id}";
/** Windows of a gap that are loaded unasked; a wider one is loaded as the reader scrolls. */
const WINDOWS = 4;
/** Milliseconds after which a read position that could not be stored is sent again. */
const READ_AGAIN = 3000;

export class Chat {
    readonly messages = signal<Message[]>([]);
    readonly pending = signal<Pending[]>([]);
    readonly hasOlder = signal(false);
    readonly hasNewer = signal(false);
    readonly isLoaded = signal(false);
    readonly peer = signal<Peer | null>(null);
    /** Whether the server knows no such chat. */
    readonly isMissing = signal(false);
    /** The message to show and to mark for a moment. */
    readonly target = signal<number | undefined>(undefined);
    /** Up to here everything was in view. */
    readonly seen = signal(0);
    readonly id: string;
    place: Place | undefined;
    /** The first unread message when the chat was opened. */
    firstUnread: number | undefined;
    readonly #account: Account;
    #history = new History();
    /** A position in the island that is shown; none: the newest. */
    #view: number | undefined;
    readonly #loading = new Set<string>();
    #poll: Pick<Poll<unknown>, "refresh" | "stop"> | undefined;
    #unwatch: () => void = () => undefined;
    #readSeq = 0;

    constructor(account: Account, id: string) {
        this.#account = account;
        this.id = id;
    }

    /** Follows the conversation while it is on screen. */
    open(): void {
        const conversation = conversationOf(this.id);
        this.firstUnread = undefined;
        if (conversation) {
            this.#begin(conversation);
        }
        this.#poll = this.#account.poll(PATH, { path: { conversation_id: this.id } }, { get every() { return every(2); }, onAnswer: ({ data }) => this.#take(data), onEnd: (error) => (this.isMissing.value = error instanceof Refusal && error.status === 400) });
        this.#unwatch = this.#account.outbox.onChange((message, state) => this.#onOutgoing(message, state));
    }

    close(): void {
        this.#poll?.stop();
        this.#unwatch();
    }

    /** Shows the message at once; it is on its way. */
    send(content: string): void {
        if (this.peer.value) {
            this.#account.outbox.add(this.peer.value.friend_id, content);
        }
    }

    retry(key: string): void {
        this.#account.outbox.retry(key);
    }

    discard(key: string): void {
        this.#account.outbox.discard(key);
    }

    loadOlder(): Promise<void> {
        return this.#once("older", () => this.#load(this.#history.older(this.#view)));
    }

    loadNewer(): Promise<void> {
        return this.#once("newer", () => this.#load(this.#history.newer(this.#view)));
    }

    /** Goes to the newest messages, whatever lies between. */
    toNewest(): void {
        this.#view = undefined;
        this.#show();
    }

    /** Goes to a message, for example one that a search found. */
    async jump(seq: number): Promise<void> {
        if (this.#history.messages(seq).length === 0) {
            await this.#load({ before: seq + 26 }).catch(() => undefined);
        }
        this.#view = seq;
        this.#show();
        this.target.value = seq;
    }

    /** Moves the read position to the newest message: it was in view. */
    async read(): Promise<void> {
        const last = this.messages.value.at(-1)?.seq ?? 0;
        if (this.hasNewer.value) {
            return;
        }
        this.seen.value = Math.max(this.seen.value, last);
        await this.#readTo(last);
    }

    async #readTo(seq: number): Promise<void> {
        const before = this.#readSeq;
        if (seq <= before) {
            return;
        }
        this.#readSeq = seq;
        try {
            await this.#account.call("put", "/api/auth/conversations/{conversation_id}/read", { path: { conversation_id: this.id }, body: { seq } });
            refresh();
        } catch (error) {
            if (isTemporary(error)) {
                // It was seen, so it is read when the server can be reached again, without another look.
                this.#readSeq = before;
                setTimeout(() => void this.#readTo(seq), READ_AGAIN);
            }
        }
    }

    async recall(message: Message): Promise<void> {
        await this.#account.call("delete", "/api/auth/message/recall", { body: { message_id: message.message_id } });
        this.#history.recall(message.seq);
        this.#show();
        refresh();
    }

    async remove(message: Message): Promise<void> {
        await this.#account.call("delete", "/api/auth/message/delete", { body: { message_id: message.message_id } });
        this.#history.remove(message.seq);
        this.#show();
        refresh();
    }

    /** Forgets the history, which the account has cleared. */
    clear(): void {
        this.#history = new History();
        this.#view = undefined;
        this.#show();
        this.#poll?.refresh();
    }

    /** Asks for news now. */
    refresh(): void {
        this.#poll?.refresh();
    }

    #begin(conversation: Conversation): void {
        this.peer.value = conversation;
        this.pending.value = this.#account.outbox.messages(conversation.friend_id);
        this.#readSeq = Math.max(this.#readSeq, conversation.read_seq);
        this.seen.value = Math.max(this.seen.value, conversation.read_seq);
        if (conversation.unread_count > 0) {
            const first = conversation.read_seq + 1;
            this.firstUnread = first;
            this.place = undefined;
            if (this.#history.messages(first).length === 0 && conversation.unread_count > 20) {
                // The first unread message and what is around it, however far back.
                this.#view = first;
                void this.#around(first);
            }
        }
    }

    async #around(seq: number): Promise<void> {
        await Promise.all([this.#load({ before: seq }), this.#load({ after: seq - 1 })]).catch(() => (this.#view = undefined));
        this.#show();
    }

    #take(window: ConversationWindow): void {
        if (!this.peer.value) {
            this.pending.value = this.#account.outbox.messages(window.friend_id);
        }
        this.peer.value = window;
        this.#history.apply(window);
        void this.#once("gap", () => this.#fill());
    }

    /** Loads what lies between the shown island and the newest window, so that no gap stays. */
    async #fill(): Promise<void> {
        const last = this.messages.value.at(-1)?.seq;
        if (this.#view === undefined && last !== undefined && !this.hasNewer.value) {
            this.#view = last;
        }
        for (let count = 0; count < WINDOWS && this.target.value === undefined; count++) {
            const query = this.#view === undefined ? undefined : this.#history.newer(this.#view);
            if (query === undefined || (query.after ?? 0) + 200 * WINDOWS < this.#history.lastSeq) {
                break;
            }
            await this.#load(query, 200);
        }
        this.#show();
    }

    async #load(query: WindowQuery | undefined, limit = 50): Promise<void> {
        if (query !== undefined) {
            const { data } = await this.#account.call("get", PATH, { path: { conversation_id: this.id }, query: { ...query, limit } });
            this.#history.apply(data, query);
            this.#show();
        }
    }

    /** One of a kind at a time; a failure waits for the next occasion. */
    async #once(kind: string, work: () => Promise<void>): Promise<void> {
        if (!this.#loading.has(kind)) {
            this.#loading.add(kind);
            await work().catch(() => undefined);
            this.#loading.delete(kind);
        }
    }

    #onOutgoing(message: Outgoing, state: "waiting" | "refused" | "discarded" | "sent"): void {
        if (message.receiver_id !== this.peer.value?.friend_id) {
            return;
        }
        const others = this.pending.value.filter(({ client_message_id }) => client_message_id !== message.client_message_id);
        if (state === "discarded") {
            this.pending.value = others;
        } else {
            this.pending.value = [...others, { ...message, isSent: state === "sent" }].sort((a, b) => a.added_at - b.added_at);
        }
        if (state === "sent") {
            this.#poll?.refresh();
            refresh();
        }
        if (state === "waiting") {
            this.#view = undefined;
        }
        this.#show();
    }

    #show(): void {
        const messages = this.#history.messages(this.#view);
        if (messages.length === 0 && this.#view !== undefined && !this.isLoaded.value) {
            return;
        }
        const keys = new Set(messages.map(({ client_message_id }) => client_message_id));
        batch(() => {
            this.messages.value = messages;
            this.hasOlder.value = this.#history.older(this.#view) !== undefined;
            this.hasNewer.value = this.#view !== undefined && this.#history.newer(this.#view) !== undefined;
            this.isLoaded.value = true;
            if (this.pending.value.some(({ client_message_id }) => keys.has(client_message_id))) {
                this.pending.value = this.pending.value.filter(({ client_message_id }) => !keys.has(client_message_id));
            }
        });
    }
}

const chats = new Map<string, Chat>();

/** The chat of a conversation, with what was loaded when it was last on screen. */
export function chatOf(account: Account, id: string): Chat {
    const chat = chats.get(id) ?? new Chat(account, id);
    chats.set(id, chat);
    return chat;
}

export function closeChats(): void {
    chats.forEach((chat) => chat.close());
    chats.clear();
}
