// The list of chats.

import type { Account, Conversation } from "@hongyan/client";
import { useComputed } from "@preact/signals";
import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import { tried } from "../state/app.ts";
import { chatOf } from "../state/chat.ts";
import { draftOf } from "../state/drafts.ts";
import { conversations, isLoaded, nameOf, refresh } from "../state/lists.ts";
import { go, route } from "../state/route.ts";
import { text } from "../text/index.ts";
import { listTime } from "../text/time.ts";
import { Avatar } from "./Avatar.tsx";
import { ask } from "./Dialog.tsx";
import { Icon } from "./Icon.tsx";
import { type Choice, withMenu } from "./Menu.tsx";
import { badge } from "./Rail.tsx";
import { Waiting } from "./Waiting.tsx";

function preview({ last_message, last_seq, friend_id, is_friend }: Conversation): string {
    if (!last_message) {
        return last_seq === 0 && is_friend ? text.canBegin : "";
    }
    if (last_message.recalled) {
        return last_message.sender_id === friend_id ? text.otherRecalled : text.youRecalled;
    }
    return last_message.content ?? "";
}

export async function change(account: Account, conversation_id: string, body: { pinned?: boolean; muted?: boolean }): Promise<void> {
    if (await tried(account.call("patch", "/api/auth/conversations/{conversation_id}", { path: { conversation_id }, body }))) {
        refresh();
    }
}

/** Clears the history and hides the chat. */
export async function removeChat(account: Account, conversation_id: string, [words, action]: [string, string]): Promise<void> {
    if ((await ask(words, action, true)) && (await tried(account.call("delete", "/api/auth/conversations/{conversation_id}", { path: { conversation_id } })))) {
        chatOf(account, conversation_id).clear();
        refresh();
        if (route.value.id === conversation_id) {
            go("chat");
        }
    }
}

const choices = (account: Account, { conversation_id: id, pinned, muted }: Conversation): Choice[] => [
    { label: pinned ? text.unpin : text.pin, act: () => void change(account, id, { pinned: !pinned }) },
    { label: muted ? text.unmute : text.mute, act: () => void change(account, id, { muted: !muted }) },
    { label: text.deleteChat, act: () => void removeChat(account, id, [text.deleteChatQuestion, text.deleteChat]) },
];

function Row({ account, conversation }: { account: Account; conversation: Conversation }) {
    const { conversation_id: id, friend_id, unread_count, updated_at, pinned, muted } = conversation;
    const isOpen = useComputed(() => route.value.id === id).value;
    const draft = isOpen ? "" : draftOf(account.user.user_id, id).value;
    const name = nameOf(conversation);
    const count = muted && unread_count > 1 ? `${text.mutedCount(unread_count)} ` : "";
    return (
        <li>
            <button class={`row${pinned ? " pinned" : ""}`} aria-current={isOpen ? "true" : undefined} onClick={() => go("chat", id)} {...withMenu(() => choices(account, conversation))}>
                <span class="face">
                    <Avatar id={friend_id} name={name} />
                    {unread_count > 0 && <b class={muted ? "dot" : "badge"} role="img" aria-label={text.unread(unread_count)}>{muted ? "" : badge(unread_count)}</b>}
                </span>
                <span class="names"><bdi>{name}</bdi><time>{listTime(updated_at, new Date(), text)}</time></span>
                <span class="preview">
                    <span class="words">{draft ? <><em>{text.draft}</em> <bdi>{draft}</bdi></> : <>{count}<bdi>{preview(conversation)}</bdi></>}</span>
                    {muted && <Icon name="muted" />}
                </span>
            </button>
        </li>
    );
}

export function List({ account }: { account: Account }) {
    /** What is drawn by chat: a row that is the same as before is not drawn again. */
    const drawn = useRef(new Map<string, { of: string; row: VNode }>());
    if (conversations.value.length === 0) {
        return isLoaded.value ? <p class="empty">{text.noChats}</p> : <Waiting />;
    }
    // The day, because times are shown by it.
    const today = new Date().toDateString();
    drawn.current = new Map(conversations.value.map((conversation) => {
        const id = conversation.conversation_id;
        const of = today + JSON.stringify(conversation);
        const before = drawn.current.get(id);
        return [id, before?.of === of ? before : { of, row: <Row key={id} account={account} conversation={conversation} /> }];
    }));
    return (
        <ul class="rows" aria-label={text.chats}>
            {[...drawn.current.values()].map(({ row }) => row)}
        </ul>
    );
}
