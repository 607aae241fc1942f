// A friend's card, and what can be done about a friend.

import type { Account } from "@hongyan/client";
import { useSignal } from "@preact/signals";
import { say, tried } from "../state/app.ts";
import { chatOf } from "../state/chat.ts";
import { areFriendsLoaded, conversationOf, friendOf, nameOf, refresh } from "../state/lists.ts";
import { go } from "../state/route.ts";
import { text } from "../text/index.ts";
import { Avatar } from "./Avatar.tsx";
import { ask } from "./Dialog.tsx";
import { guardForm } from "./enter.ts";
import { Icon } from "./Icon.tsx";
import { openMenu } from "./Menu.tsx";
import { Waiting } from "./Waiting.tsx";

export async function block(account: Account, user_id: string, isBlocked: boolean): Promise<void> {
    if (isBlocked || (await ask(text.blockQuestion, text.block))) {
        const path = { user_id };
        await tried(isBlocked ? account.call("delete", "/api/auth/blocks/{user_id}", { path }) : account.call("put", "/api/auth/blocks/{user_id}", { path }));
        refresh();
    }
}

export async function unfriend(account: Account, friend: { friend_id: string; name: string; conversation_id: string | undefined }): Promise<boolean> {
    const isDone = (await ask(text.deleteFriendQuestion(friend.name), text.deleteFriend, true)) && (await tried(account.call("delete", "/api/auth/friendships/{friend_id}", { path: { friend_id: friend.friend_id } })));
    if (isDone) {
        friend.conversation_id && chatOf(account, friend.conversation_id).clear();
        refresh();
    }
    return isDone;
}

/** One's own name for a friend. */
export function Remark({ account, friend_id, remark }: { account: Account; friend_id: string; remark: string }) {
    const value = useSignal(remark);
    const save = async (event: Event) => {
        event.preventDefault();
        if (await tried(account.call("put", "/api/auth/friendships/{friend_id}/remark", { path: { friend_id }, body: { remark: value.value.trim() } }))) {
            refresh();
            say(text.saved);
        }
    };
    return (
        <form class="inline" onSubmit={save} onKeyDown={guardForm}>
            <label><span>{text.remark}</span><input value={value.value} maxLength={64} dir="auto" placeholder={text.remarkHint} onInput={(event) => (value.value = event.currentTarget.value)} /></label>
            <button class="secondary" disabled={value.value.trim() === remark}>{text.save}</button>
        </form>
    );
}

export function Person({ account, id }: { account: Account; id: string }) {
    const friend = friendOf(id);
    if (!friend) {
        return areFriendsLoaded.value ? <p class="empty">{text.noSuchPerson}</p> : <Waiting />;
    }
    const name = nameOf(friend);
    const conversation_id = friend.conversation_id ?? undefined;
    const isBlocked = (conversation_id && conversationOf(conversation_id)?.blocked) || false;
    const choices = () => [
        { label: isBlocked ? text.unblock : text.block, act: () => void block(account, id, isBlocked) },
        { label: text.deleteFriend, act: () => void unfriend(account, { friend_id: id, name, conversation_id }).then((isDone) => isDone && go("contacts")) },
    ];
    return (
        <div class="page person">
            <div class="who">
                <Avatar id={id} name={name} />
                <div><h1><bdi>{name}</bdi></h1>{friend.remark && <small><bdi>{text.originalName(friend.friend_name)}</bdi></small>}<small>{friend.friend_uid ? text.myUid(friend.friend_uid) : text.erased}</small></div>
                <button class="plain square" aria-label={text.more} aria-haspopup="menu" onClick={(event) => openMenu(event, event.currentTarget, choices())}><Icon name="more" /></button>
            </div>
            <Remark key={`${id} ${friend.remark}`} account={account} friend_id={id} remark={friend.remark} />
            <button class="primary wide" disabled={!conversation_id} onClick={() => go("chat", conversation_id)}>{text.sendMessage}</button>
        </div>
    );
}
