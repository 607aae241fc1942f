// The contacts: what is new, then the friends.

import { areFriendsLoaded, friends, openRequests } from "../state/lists.ts";
import { go, route } from "../state/route.ts";
import { text } from "../text/index.ts";
import { ContactRows } from "./ContactRows.tsx";
import { Icon } from "./Icon.tsx";
import { Waiting } from "./Waiting.tsx";

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
            {friends.value.length > 0 ? <ContactRows /> : areFriendsLoaded.value ? <p class="empty">{text.noContacts}</p> : <Waiting />}
        </div>
    );
}
