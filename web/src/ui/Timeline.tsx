// The messages of a chat. The list stays at the bottom, or where the reader is, whatever comes.

import type { Account } from "@hongyan/client";
import { signal, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Chat } from "../state/chat.ts";
import { conversationOf, nameOf } from "../state/lists.ts";
import { text } from "../text/index.ts";
import { Icon } from "./Icon.tsx";
import { Row, type Shown } from "./Row.tsx";

/** Distance from the bottom, in pixels, within which the list sticks to it. */
const NEAR = 10;
/** Distance from an end at which more is loaded. */
const EARLY = 600;

/** The newest message from the other, for screen readers. */
export const announced = signal("");

/** The rows: the history, then what is on its way. A message of one's own keeps its key, and so its element. */
function rowsOf(chat: Chat): Shown[] {
    const messages = chat.messages.value.map((message) => ({ key: message.client_message_id ?? message.message_id, message, created_at: message.created_at }));
    const pending = chat.hasNewer.value ? [] : chat.pending.value.map((pending) => ({ key: pending.client_message_id, pending, created_at: new Date(pending.added_at).toISOString() }));
    return [...messages, ...pending];
}

export function Timeline({ chat, account }: { chat: Chat; account: Account }) {
    const list = useRef<HTMLDivElement>(null);
    const isPlaced = useRef(false);
    /** The height for which the place holds: after another one the observer restores it first. */
    const height = useRef(0);
    const wantsBottom = useRef(false);
    const count = useRef(0);
    const isAtBottom = useSignal(true);
    const me = account.user.user_id;
    const rows = rowsOf(chat);
    const newest = chat.messages.value.at(-1);
    const { firstUnread } = chat;
    const firstNew = firstUnread === undefined ? undefined : chat.messages.value.find(({ seq, sender_id }) => seq >= firstUnread && sender_id !== me)?.seq;

    /** Where the reader is: kept before each change, and for the next visit. */
    const remember = () => {
        const box = list.current;
        if (box && isPlaced.current && box.clientHeight === height.current) {
            const top = box.getBoundingClientRect().top;
            const row = [...box.children].find((child) => child.getBoundingClientRect().bottom > top) as HTMLElement | undefined;
            const isBottom = !chat.hasNewer.peek() && box.scrollHeight - box.scrollTop - box.clientHeight <= NEAR;
            chat.place = { isAtBottom: isBottom, row: row?.dataset["key"], offset: (row?.getBoundingClientRect().top ?? top) - top };
        }
    };
    const rowOf = (key: string | undefined) => [...(list.current?.children ?? [])].find((child) => (child as HTMLElement).dataset["key"] === key);
    const restore = () => {
        const box = list.current;
        if (box && chat.place) {
            height.current = box.clientHeight;
            if (chat.place.isAtBottom) {
                box.scrollTop = box.scrollHeight;
            } else {
                const row = rowOf(chat.place.row);
                box.scrollTop += row ? row.getBoundingClientRect().top - box.getBoundingClientRect().top - chat.place.offset : 0;
            }
        }
    };
    const look = () => {
        isAtBottom.value = chat.place?.isAtBottom ?? true;
        if (isAtBottom.value && isPlaced.current && document.visibilityState === "visible" && document.hasFocus()) {
            void chat.read();
        }
        const box = list.current;
        if (box && isPlaced.current) {
            if (chat.hasOlder.peek() && box.scrollTop < EARLY) {
                void chat.loadOlder();
            }
            if (chat.hasNewer.peek() && box.scrollHeight - box.scrollTop - box.clientHeight < EARLY) {
                void chat.loadNewer();
            }
        }
    };
    // The document still shows what was before this change.
    remember();

    useLayoutEffect(() => {
        const box = list.current;
        if (!box || !chat.isLoaded.value) {
            return;
        }
        if (!isPlaced.current) {
            isPlaced.current = true;
            if (!chat.place) {
                chat.place = { isAtBottom: true, row: undefined, offset: 0 };
                const line = box.querySelector(".unread-line");
                if (line && box.scrollHeight > box.clientHeight) {
                    const tooLong = box.scrollHeight - (line as HTMLElement).offsetTop > box.clientHeight - 8;
                    chat.place = tooLong ? { isAtBottom: false, row: line.parentElement?.dataset["key"], offset: 8 } : chat.place;
                }
            }
        } else if (wantsBottom.current || chat.pending.value.some(({ isSent, refusal }) => !isSent && !refusal) && chat.pending.value.length > count.current) {
            chat.place = { isAtBottom: true, row: undefined, offset: 0 };
            wantsBottom.current = false;
        }
        count.current = chat.pending.value.length;
        restore();
        remember();
        look();
    }, [chat, chat.messages.value, chat.pending.value, chat.isLoaded.value]);

    useEffect(() => {
        const observer = new ResizeObserver(() => {
            restore();
            remember();
        });
        list.current && observer.observe(list.current);
        globalThis.addEventListener("focus", look);
        document.addEventListener("visibilitychange", look);
        return () => {
            observer.disconnect();
            globalThis.removeEventListener("focus", look);
            document.removeEventListener("visibilitychange", look);
        };
    }, [chat]);
    useFlash(chat, list);
    useAnnouncement(chat, newest?.message_id);

    const toBottom = () => {
        wantsBottom.current = chat.hasNewer.value;
        chat.toNewest();
        chat.place = { isAtBottom: true, row: undefined, offset: 0 };
        restore();
        remember();
        look();
    };
    const unseen = chat.hasNewer.value
        ? (conversationOf(chat.id)?.unread_count ?? 0)
        : chat.messages.value.filter(({ seq, sender_id, recalled }) => seq > chat.seen.value && sender_id !== me && !recalled).length;
    const showsPill = !isAtBottom.value && (unseen > 0 || chat.hasNewer.value);
    return (
        <div class="timeline">
            <div class="log" ref={list} tabIndex={0} role="log" aria-live="off" aria-label={text.messages} onKeyDown={moveFocus} onScroll={() => { remember(); look(); }}>
                {rows.map((row, place) => <Row key={row.key} row={row} before={rows[place - 1]} isFirstNew={firstNew !== undefined && row.message?.seq === firstNew} chat={chat} account={account} />)}
            </div>
            {showsPill && <button class="pill" onClick={toBottom}><Icon name="down" />{unseen > 0 ? text.newBelow(unseen) : text.toNewest}</button>}
        </div>
    );
}

/** Shows and marks the message to which a search leads. */
function useFlash(chat: Chat, list: { current: HTMLDivElement | null }): void {
    const target = chat.target.value;
    useLayoutEffect(() => {
        const row = target === undefined ? null : list.current?.querySelector(`[data-seq="${target}"]`);
        if (row) {
            row.scrollIntoView({ block: "center" });
            row.classList.add("flashed");
            const timer = setTimeout(() => {
                row.classList.remove("flashed");
                chat.target.value = undefined;
            }, 2000);
            return () => clearTimeout(timer);
        }
        return undefined;
    }, [target, chat]);
}

/** Tells a screen reader the newest message of the other, once, and no older one. */
function useAnnouncement(chat: Chat, newest: string | undefined): void {
    const last = useRef({ chat, seq: -1 });
    useEffect(() => {
        const message = chat.messages.value.at(-1);
        const known = last.current.chat === chat ? last.current.seq : -1;
        if (message && known >= 0 && message.seq > known && message.sender_id === chat.peer.value?.friend_id) {
            announced.value = text.said(nameOf(chat.peer.value), message.content ?? text.otherRecalled);
        }
        last.current = { chat, seq: message?.seq ?? (chat.isLoaded.value ? 0 : -1) };
    }, [chat, newest, chat.isLoaded.value]);
}

/** Arrows move from message to message, Home and End to the ends. */
function moveFocus(event: KeyboardEvent): void {
    const list = event.currentTarget as HTMLElement;
    if (event.key === "Home" || event.key === "End") {
        event.preventDefault();
        list.scrollTop = event.key === "Home" ? 0 : list.scrollHeight;
    } else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
        const bubbles = [...list.querySelectorAll<HTMLElement>(".bubble")];
        const place = bubbles.indexOf(document.activeElement as HTMLElement);
        const next = event.key === "ArrowDown" ? place + 1 : place < 0 ? bubbles.length - 1 : place - 1;
        if (bubbles[next]) {
            event.preventDefault();
            bubbles[next].focus();
            bubbles[next].scrollIntoView({ block: "nearest" });
        }
    }
}
