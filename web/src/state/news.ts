// Desktop notifications: of new messages while the page is not looked at, if the user wants them and the browser permits.

import { effect } from "@preact/signals";
import { conversations, nameOf } from "./lists.ts";
import { notifications } from "./preferences.ts";
import { go } from "./route.ts";

export function watchNews(): void {
    const known = new Map<string, number>();
    effect(() => {
        const isFirst = known.size === 0;
        for (const { conversation_id, friend_id, last_seq, last_message, muted, remark, friend_name } of conversations.value) {
            const isNew = !isFirst && last_seq > (known.get(conversation_id) ?? 0) && last_message?.sender_id === friend_id;
            known.set(conversation_id, last_seq);
            if (isNew && !muted && !document.hasFocus() && notifications.peek() === "on" && typeof Notification !== "undefined" && Notification.permission === "granted") {
                const news = new Notification(nameOf({ remark, friend_name }), { body: last_message.content ?? "", tag: conversation_id });
                news.onclick = () => {
                    globalThis.focus();
                    go("chat", conversation_id);
                };
            }
        }
    });
}
