// A replicated state: one's conversations, kept up to date by entries and frames after the four rules of docs/API.md.

import type { DataOf, Message } from "./types.js";

/** What has changed since a cursor. */
export type Synced = DataOf<"get", "/api/auth/sync">;
export type Entry = Synced["conversations"][number];
export type StaleList = Synced["stale"][number];

/** A change that concerns the account, as the server sends it on a socket. A long poll reports `sync` only. */
export type Change =
    | { type: "sync"; data: Synced; more: boolean }
    | { type: "message"; conversation_id: string; friend_id: string; message: Message }
    | { type: "changed"; conversation_id: string; last_seq: number }
    | { type: "recall" | "delete"; conversation_id: string; seq: number; unread_count: number }
    | { type: "read"; conversation_id: string; user_id: string; read_seq: number; unread_count?: number }
    | { type: "conversation"; conversation: Entry }
    | { type: "stale"; what: StaleList[] }
    | { type: "typing"; conversation_id: string; user_id: string; seconds: number };

export class Conversations {
    readonly #entries = new Map<string, Entry>();

    /** The entry of a conversation. Its `last_seq` is the highest position that is known. */
    get(conversation_id: string): Entry | undefined {
        return this.#entries.get(conversation_id);
    }

    /** As `GET /api/auth/conversations` lists them: without hidden ones, pinned first, then the newest activity. */
    list(): Entry[] {
        const shown = [...this.#entries.values()].filter((entry) => !entry.hidden);
        const activity = (a: Entry, b: Entry) => Date.parse(b.updated_at) - Date.parse(a.updated_at);
        return shown.sort((a, b) => Number(b.pinned) - Number(a.pinned) || activity(a, b));
    }

    get unreadTotal(): number {
        return this.list().reduce((total, entry) => total + entry.unread_count, 0);
    }

    /** Applies a change. Applying one again changes nothing. */
    apply(change: Change): void {
        switch (change.type) {
            case "sync":
                if (change.data.reset) {
                    this.#entries.clear();
                }
                change.data.conversations.forEach((entry) => this.#entries.set(entry.conversation_id, entry));
                break;
            case "conversation":
                this.#entries.set(change.conversation.conversation_id, change.conversation);
                break;
            case "message":
                this.#update(change.conversation_id, (entry) => withMessage(entry, change.message, change.friend_id));
                break;
            case "changed":
                this.#update(change.conversation_id, (entry) => ({ ...entry, last_seq: Math.max(entry.last_seq, change.last_seq) }));
                break;
            case "recall":
                this.#update(change.conversation_id, (entry) => ({ ...recalled(entry, change.seq), unread_count: change.unread_count }));
                break;
            case "delete":
                this.#update(change.conversation_id, (entry) => ({ ...entry, unread_count: change.unread_count }));
                break;
            case "read":
                this.#update(change.conversation_id, (entry) => withRead(entry, change));
                break;
            case "stale":
            case "typing":
        }
    }

    #update(conversation_id: string, next: (entry: Entry) => Entry): void {
        const entry = this.#entries.get(conversation_id);
        if (entry !== undefined) {
            this.#entries.set(conversation_id, next(entry));
        }
    }
}

/** A message at or below `last_seq` is known, and counted where it has to be. */
function withMessage(entry: Entry, message: Message, friend_id: string): Entry {
    if (message.seq <= entry.last_seq) {
        return entry;
    }
    const isUnread = message.sender_id === friend_id && message.seq > entry.read_seq && !message.recalled;
    return {
        ...entry,
        last_message: message,
        last_seq: message.seq,
        updated_at: message.created_at,
        hidden: false,
        unread_count: entry.unread_count + (isUnread ? 1 : 0),
    };
}

function recalled(entry: Entry, seq: number): Entry {
    const message = entry.last_message;
    return message?.seq === seq ? { ...entry, last_message: { ...message, recalled: true, content: null } } : entry;
}

function withRead(entry: Entry, read: { user_id: string; read_seq: number; unread_count?: number }): Entry {
    if (read.user_id === entry.friend_id) {
        return { ...entry, peer_read_seq: read.read_seq };
    }
    return { ...entry, read_seq: read.read_seq, unread_count: read.unread_count ?? entry.unread_count };
}
