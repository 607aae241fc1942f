// What can be done about a chat, beside it.

import type { Account, Conversation } from "@hongyan/client";
import { nameOf } from "../state/lists.ts";
import { go } from "../state/route.ts";
import { text } from "../text/index.ts";
import { Avatar } from "./Avatar.tsx";
import { Dialog } from "./Dialog.tsx";
import { change, removeChat } from "./List.tsx";
import { block, Remark, unfriend } from "./Person.tsx";
import { searchChat } from "./Search.tsx";
import { Switch } from "./Switch.tsx";

export function Drawer({ account, conversation, onClose }: { account: Account; conversation: Conversation; onClose: () => void }) {
    const { conversation_id: id, friend_id, friend_uid, is_friend, pinned, muted, blocked, remark } = conversation;
    const name = nameOf(conversation);
    const remove = () => unfriend(account, { friend_id, name, conversation_id: id }).then((isDone) => {
        if (isDone) {
            onClose();
            go("chat");
        }
    });
    return (
        <Dialog title={text.chatInfo} kind="drawer" onClose={onClose}>
            <div class="who"><Avatar id={friend_id} name={name} /><div><b><bdi>{name}</bdi></b><small>{friend_uid ? text.myUid(friend_uid) : text.erased}</small></div></div>
            {is_friend && <Remark key={remark} account={account} friend_id={friend_id} remark={remark} />}
            <button class="line-button" onClick={() => { onClose(); searchChat(id); }}>{text.searchChat}</button>
            <Switch label={text.mute} isOn={muted} onChange={() => void change(account, id, { muted: !muted })} />
            <Switch label={text.pin} isOn={pinned} onChange={() => void change(account, id, { pinned: !pinned })} />
            <Switch label={text.block} isOn={blocked} onChange={() => void block(account, friend_id, blocked)} />
            <button class="line-button danger" onClick={() => void removeChat(account, id, [text.clearHistoryQuestion, text.clearHistory])}>{text.clearHistory}</button>
            {is_friend && <button class="line-button danger" onClick={() => void remove()}>{text.deleteFriend}</button>}
        </Dialog>
    );
}
