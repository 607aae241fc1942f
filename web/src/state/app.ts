// The state of this tab: its account, what is polled, the route in the address.

import { Hongyan, type Account, type Conversation, type DataOf } from "@hongyan/client";
import { batch, computed, effect, signal } from "@preact/signals";
import { language, text } from "../text/index.ts";

export type FriendRequest = DataOf<"get", "/api/auth/friendship_requests">[number];
export type Friend = DataOf<"get", "/api/auth/friendships">[number];

export const hongyan = new Hongyan({ language });

export const account = signal<Account | null>(null);
export const conversations = signal<Conversation[]>([]);
export const received = signal<FriendRequest[]>([]);
export const friends = signal<Friend[]>([]);
/** Whether the server cannot be reached at the moment. */
export const offline = signal(false);
/** Why the last session of this tab ended, for the entry. */
export const endOfSession = signal("");

export const route = signal(readRoute());
export const unreadTotal = computed(() => conversations.value.reduce((sum, { muted, unread_count }) => sum + (muted ? 0 : unread_count), 0));
export const openRequests = computed(() => received.value.filter(({ status }) => status === "pending").length);

/** `#/chat`, `#/chat/<conversation>`, `#/contacts`. */
function readRoute(): { page: string; id: string | undefined } {
    const [page = "", id] = location.hash.replace(/^#\//, "").split("/");
    return { page: page === "contacts" ? "contacts" : "chat", id: id || undefined };
}

export function go(page: "chat" | "contacts", id?: string): void {
    location.hash = id === undefined ? `#/${page}` : `#/${page}/${id}`;
}

globalThis.addEventListener("hashchange", () => {
    route.value = readRoute();
});

effect(() => {
    const count = unreadTotal.value;
    document.title = count > 0 ? `(${count > 99 ? "99+" : count}) ${text.appName}` : text.appName;
    document.documentElement.lang = language;
});

let stop: (() => void) | undefined;
/** Asks for the lists now instead of at the next turn. */
export let refresh: () => void = () => undefined;

/** Makes an account this tab's, and begins to poll for it. */
export function enter(entered: Account): void {
    leave();
    const trouble = { onTrouble: (problem: unknown) => (offline.value = problem !== null) };
    const polls = [
        entered.poll("/api/auth/conversations", {}, { every: 2, ...trouble, onAnswer: ({ data }) => (conversations.value = data) }),
        entered.poll("/api/auth/friendship_requests", {}, { every: 3, ...trouble, onAnswer: ({ data }) => (received.value = data as FriendRequest[]) }),
        entered.poll("/api/auth/friendships", {}, { every: 5, ...trouble, onAnswer: ({ data }) => (friends.value = data) }),
    ];
    const unwatch = entered.session.onEnd((end) => {
        leave();
        endOfSession.value = end.message || text.loggedOut;
    });
    refresh = () => polls.forEach((poll) => poll.refresh());
    stop = () => {
        unwatch();
        polls.forEach((poll) => poll.stop());
        entered.close();
    };
    entered.outbox.start();
    batch(() => {
        account.value = entered;
        endOfSession.value = "";
    });
    if (location.hash === "") {
        go("chat");
    }
}

function leave(): void {
    stop?.();
    stop = undefined;
    batch(() => {
        account.value = null;
        conversations.value = [];
        received.value = [];
        friends.value = [];
    });
}
