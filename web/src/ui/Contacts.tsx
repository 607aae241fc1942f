// The contacts: what is new, then the friends by the first letter of their names.

import { computed, useComputed } from "@preact/signals";
import { friends, type Friend, nameOf, openRequests } from "../state/lists.ts";
import { go, route } from "../state/route.ts";
import { grouped } from "../text/pinyin.ts";
import { text } from "../text/index.ts";
import { Avatar } from "./Avatar.tsx";
import { Icon } from "./Icon.tsx";

const groups = computed(() => grouped(friends.value, nameOf));

function FriendRow({ friend }: { friend: Friend }) {
    // Of thousands of rows only the two that change are drawn again.
    const isOpen = useComputed(() => route.value.id === friend.friend_id).value;
    return (
        <li>
            <button class="row short" aria-current={isOpen ? "true" : undefined} onClick={() => go("contacts", friend.friend_id)}>
                <Avatar id={friend.friend_id} name={nameOf(friend)} />
                <span class="names"><bdi>{nameOf(friend)}</bdi></span>
            </button>
        </li>
    );
}

export function Contacts() {
    const place = (id: string, icon: "newFriend" | "add", label: string, count = 0) => (
        <button class="row short" aria-current={route.value.id === id ? "true" : undefined} onClick={() => go("contacts", id)}>
            <span class="avatar special"><Icon name={icon} /></span>
            <span class="names">{label}{count > 0 && <b class="badge">{count}</b>}</span>
        </button>
    );
    return (
        <div class="contacts">
            {place("new", "newFriend", text.newFriends, openRequests.value)}
            {place("add", "add", text.addFriend)}
            {friends.value.length === 0 && <p class="empty">{text.noContacts}</p>}
            {groups.value.map(([letter, rows]) => (
                <section key={letter} id={`letter-${letter}`} aria-label={`${text.friends} ${letter}`}>
                    <h2>{letter}</h2>
                    <ul>{rows.map((friend) => <FriendRow key={friend.friend_id} friend={friend} />)}</ul>
                </section>
            ))}
            {friends.value.length > 20 && (
                <nav class="letters" aria-label={text.friends}>
                    {groups.value.map(([letter]) => (
                        <button key={letter} aria-label={text.jumpTo(letter)} onClick={() => document.getElementById(`letter-${letter}`)?.scrollIntoView()}>{letter}</button>
                    ))}
                </nav>
            )}
        </div>
    );
}
