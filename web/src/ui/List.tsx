// The list of chats.

import type { Account, Conversation } from "@hongyan/client";
import { conversations, go, route } from "../state/app.ts";
import { draft } from "../state/drafts.ts";
import { text } from "../text/index.ts";
import { listTime } from "../text/time.ts";
import { Avatar } from "./Avatar.tsx";

const badge = (count: number) => (count > 99 ? "99+" : String(count));

function preview({ last_message, friend_id }: Conversation): string {
    if (!last_message) {
        return "";
    }
    if (last_message.recalled) {
        return last_message.sender_id === friend_id ? text.otherRecalled : text.youRecalled;
    }
    return last_message.content ?? "";
}

export function List({ account }: { account: Account }) {
    if (conversations.value.length === 0) {
        return <p class="empty">{text.noChats}</p>;
    }
    return (
        <ul class="rows" aria-label={text.chats}>
            {conversations.value.map((conversation) => {
                const { conversation_id: id, friend_id, friend_name, remark, unread_count, updated_at, pinned, muted } = conversation;
                const kept = route.value.id === id ? "" : draft(account.user.user_id, id);
                return (
                    <li key={id}>
                        <button class={`row${pinned ? " pinned" : ""}`} aria-current={route.value.id === id} onClick={() => go("chat", id)}>
                            <Avatar id={friend_id} name={remark || friend_name} />
                            <span class="names"><bdi>{remark || friend_name}</bdi><time>{listTime(updated_at, new Date(), text)}</time></span>
                            <span class="preview">
                                <span class="words">{kept ? <><em>{text.draft}</em> <bdi>{kept}</bdi></> : <bdi>{preview(conversation)}</bdi>}</span>
                                {unread_count > 0 && <b class={muted ? "dot" : "badge"} aria-label={text.unread(unread_count)}>{muted ? "" : badge(unread_count)}</b>}
                            </span>
                        </button>
                    </li>
                );
            })}
        </ul>
    );
}
