// The dark rail: the places of the client, with what waits there.

import type { Account } from "@hongyan/client";
import { hasMutedUnread, me, openRequests, unreadTotal } from "../state/lists.ts";
import { go, type Page, route } from "../state/route.ts";
import { text } from "../text/index.ts";
import { Avatar } from "./Avatar.tsx";
import { Icon } from "./Icon.tsx";

export const badge = (count: number) => (count > 99 ? "99+" : String(count));

export function Rail({ of }: { of: Account }) {
    const place = (page: Page, icon: "chat" | "contacts" | "settings", count = 0, hasDot = false) => {
        const label = text[page === "chat" ? "chats" : page];
        return (
            <button class={page} aria-current={route.value.page === page ? "page" : undefined} onClick={() => go(page)}>
                <Icon name={icon} /><span>{label}</span>
                {count > 0 ? <b class="badge">{badge(count)}</b> : hasDot && <b class="dot" />}
            </button>
        );
    };
    const name = me.value?.name ?? of.user.name;
    return (
        <nav class="rail" aria-label={text.navigation}>
            <button class="self" aria-label={name} title={name} onClick={() => go("settings")}><Avatar id={of.user.user_id} name={name} /></button>
            {place("chat", "chat", unreadTotal.value, hasMutedUnread.value)}
            {place("contacts", "contacts", openRequests.value)}
            {place("settings", "settings")}
        </nav>
    );
}
