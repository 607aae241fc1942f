// The lists of the account: chats, friends, requests and the account itself. Changes come by themselves, and polling is the safeguard. What this
// client changes is asked for at once, in all tabs.

import type { Account, Conversation, DataOf, Me, Poll } from "@hongyan/client";
import { batch, computed, signal } from "@preact/signals";
import { follow, isLive } from "./live.ts";
import { forgetWriting } from "./typing.ts";

export type FriendRequest = DataOf<"get", "/api/auth/friendship_requests">[number];
export type Friend = DataOf<"get", "/api/auth/friendships">[number];

export const me = signal<Me | null>(null);
export const conversations = signal<Conversation[]>([]);
export const friends = signal<Friend[]>([]);
export const received = signal<FriendRequest[]>([]);
export const sent = signal<FriendRequest[]>([]);
/** Whether the chats were loaded once. */
export const isLoaded = signal(false);
/** Whether all friends, and the requests of both directions, were loaded once. */
export const areFriendsLoaded = signal(false);
const areReceivedLoaded = signal(false);
const areSentLoaded = signal(false);
export const areRequestsLoaded = computed(() => areReceivedLoaded.value && areSentLoaded.value);
/** Whether the server cannot be reached at the moment. */
export const offline = signal(false);

export const unreadTotal = computed(() => conversations.value.reduce((sum, { muted, unread_count }) => sum + (muted ? 0 : unread_count), 0));
export const hasMutedUnread = computed(() => conversations.value.some(({ muted, unread_count }) => muted && unread_count > 0));
export const openRequests = computed(() => received.value.filter(({ status }) => status === "pending").length);

export const nameOf = (of: { remark: string; friend_name: string }) => of.remark || of.friend_name;
export const conversationOf = (id: string) => conversations.value.find(({ conversation_id }) => conversation_id === id);
export const friendOf = (id: string) => friends.value.find(({ friend_id }) => friend_id === id);

let polls: Pick<Poll<unknown>, "refresh" | "stop">[] = [];
let channel: BroadcastChannel | undefined;
let unfollow: (() => void) | undefined;

/** Seconds between two questions: many while changes come by themselves. */
export const every = (seconds: number) => (isLive ? 60 : seconds);

/** Asks for the lists now; the chats, which stand first, come by themselves where changes do. */
const ask = () => polls.slice(isLive ? 1 : 0).forEach((poll) => poll.refresh());

/** Asks for the lists now: after a change of one's own. The account's other tabs ask too. */
export function refresh(): void {
    ask();
    channel?.postMessage("changed");
}

/** A chat's rows beyond the first page, which alone is polled, stay until it says otherwise. */
export function merged(known: Conversation[], page: Conversation[], isWhole: boolean): Conversation[] {
    const last = page.at(-1);
    if (isWhole || last === undefined) {
        return page;
    }
    const ids = new Set(page.map(({ conversation_id }) => conversation_id));
    const comesAfter = (row: Conversation) => (row.pinned === last.pinned ? row.updated_at <= last.updated_at : last.pinned);
    return [...page, ...known.filter((row) => !ids.has(row.conversation_id) && comesAfter(row))];
}

export function begin(account: Account): void {
    const onTrouble = (problem: unknown) => (offline.value = problem !== null);
    polls = [
        account.poll("/api/auth/conversations", {}, {
            get every() {
                return every(2);
            },
            onTrouble,
            onAnswer: ({ data, next_cursor }) => {
                const isFirst = !isLoaded.value;
                conversations.value = merged(conversations.value, data, !next_cursor);
                isLoaded.value = true;
                if (isFirst && next_cursor) {
                    void loadAll(account);
                }
            },
        }),
        account.poll("/api/auth/friendship_requests", {}, { get every() { return every(3); }, onAnswer: ({ data }) => batch(() => { received.value = data; areReceivedLoaded.value = true; }) }),
        account.poll("/api/auth/friendship_requests", { query: { direction: "sent" } }, { get every() { return every(5); }, onAnswer: ({ data }) => batch(() => { sent.value = data; areSentLoaded.value = true; }) }),
        account.poll("/api/auth/friendships", {}, {
            get every() {
                return every(5);
            },
            onAnswer: ({ data, next_cursor }) => {
                // The first page alone would take the others from the reader for a moment.
                if (!next_cursor || friends.value.length === 0) {
                    friends.value = data;
                    areFriendsLoaded.value ||= !next_cursor;
                }
                if (next_cursor) {
                    void gather(account.rows("/api/auth/friendships")).then((all) => batch(() => { friends.value = all; areFriendsLoaded.value = true; }), () => undefined);
                }
            },
        }),
        account.poll("/api/auth/me", {}, { every: 5, onTrouble, onAnswer: ({ data }) => (me.value = data) }),
    ];
    // The browser knows first; the call that fails at once shows the line.
    globalThis.addEventListener("offline", ask);
    if (typeof BroadcastChannel !== "undefined") {
        channel = new BroadcastChannel(`hongyan.changes.${account.user.user_id}`);
        channel.onmessage = ask;
    }
    unfollow = follow(account, {
        onList: (list) => {
            conversations.value = list;
            isLoaded.value = true;
        },
        onStale: ask,
        onTrouble: ask,
        onLive: ask,
    });
}

export function end(): void {
    unfollow?.();
    globalThis.removeEventListener("offline", ask);
    forgetWriting();
    polls.forEach((poll) => poll.stop());
    channel?.close();
    polls = [];
    channel = undefined;
    batch(() => {
        me.value = null;
        conversations.value = [];
        friends.value = [];
        received.value = [];
        sent.value = [];
        isLoaded.value = false;
        areFriendsLoaded.value = false;
        areReceivedLoaded.value = false;
        areSentLoaded.value = false;
        offline.value = false;
    });
}

async function loadAll(account: Account): Promise<void> {
    conversations.value = await gather(account.rows("/api/auth/conversations")).catch(() => conversations.value);
}

async function gather<T>(rows: AsyncIterable<T>): Promise<T[]> {
    const all: T[] = [];
    for await (const row of rows) {
        all.push(row);
    }
    return all;
}
