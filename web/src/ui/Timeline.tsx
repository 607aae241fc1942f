// The messages of a chat. The list stays at the bottom, or where the reader is, whatever comes.

import type { Account } from "@hongyan/client";
import { signal, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Chat, Place } from "../state/chat.ts";
import { conversationOf, nameOf } from "../state/lists.ts";
import { text } from "../text/index.ts";
import { Icon } from "./Icon.tsx";
import { Row, type Shown } from "./Row.tsx";
import { Waiting } from "./Waiting.tsx";
import { sliceAt } from "./windowing.ts";

/** Distance from the bottom, in pixels, within which the list sticks to it. */
const NEAR = 10;
/** Distance from an end at which more is loaded. */
const EARLY = 600;

/** An offset that no list can reach: it scrolls to the end. */
const FAR = 10_000;
const BOTTOM: Place = { isAtBottom: true, row: undefined, offset: 0 };

/** More messages at once are counted for a screen reader, and not read. */
const MOST_SAID = 3;
const SILENCE = { words: "", number: 0 };
/** What a screen reader says. The number tells two equal messages apart. */
export const announced = signal(SILENCE);

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
    /** A place to go to with the next change. */
    const wanted = useRef<Place | undefined>(undefined);
    const count = useRef(0);
    /** What is in the document, of which rows. */
    const held = useRef<{ rows: Shown[]; from: number; to: number }>({ rows: [], from: 0, to: 0 });
    const moves = useSignal(0);
    const isAtBottom = useSignal(true);
    const me = account.user.user_id;
    const rows = rowsOf(chat);
    const newest = chat.messages.value.at(-1);
    const { firstUnread } = chat;
    const firstNew = firstUnread === undefined ? undefined : chat.messages.value.find(({ seq, sender_id }) => seq >= firstUnread && sender_id !== me)?.seq;

    /** The rows to have in the document. */
    const sliceOf = (all: Shown[]) => {
        const { rows: known, from } = held.current;
        const target = chat.target.peek() ?? (chat.place ? undefined : firstNew);
        const reader = all.findIndex(({ key, message }) => (target === undefined ? key === chat.place?.row : message?.seq === target));
        const first = known[from]?.key;
        return sliceAt(all.length, reader < 0 || target === undefined && chat.place?.isAtBottom ? all.length - 1 : reader, all.findIndex(({ key }) => key === first));
    };
    /** Where the reader is: kept before each change, and for the next visit. */
    const remember = () => {
        const box = list.current;
        if (box && isPlaced.current && box.clientHeight === height.current) {
            const top = box.getBoundingClientRect().top;
            const row = [...box.children].find((child) => child.getBoundingClientRect().bottom > top) as HTMLElement | undefined;
            const isBottom = isWhole("end") && !chat.hasNewer.peek() && box.scrollHeight - box.scrollTop - box.clientHeight <= NEAR;
            chat.place = { isAtBottom: isBottom, row: row?.dataset["key"], offset: (row?.getBoundingClientRect().top ?? top) - top };
        }
    };
    const isWhole = (side: "start" | "end") => (side === "start" ? held.current.from === 0 : held.current.to === held.current.rows.length);
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
            if (sliceOf(held.current.rows).from !== held.current.from) {
                moves.value += 1;
            }
            if (isWhole("start") && chat.hasOlder.peek() && box.scrollTop < EARLY) {
                void chat.loadOlder();
            }
            if (isWhole("end") && chat.hasNewer.peek() && box.scrollHeight - box.scrollTop - box.clientHeight < EARLY) {
                void chat.loadNewer();
            }
        }
    };
    const goTo = (place: Place) => {
        wanted.current = place;
        moves.value += 1;
    };
    const isSending = chat.pending.value.some(({ isSent, refusal }) => !isSent && !refusal) && chat.pending.value.length > count.current;
    if (isPlaced.current && (wanted.current || isSending)) {
        chat.place = wanted.current ?? BOTTOM;
    } else {
        // The document still shows what was before this change.
        remember();
    }
    const slice = sliceOf(rows);

    useLayoutEffect(() => {
        const box = list.current;
        if (!box || !chat.isLoaded.value) {
            return;
        }
        held.current = { rows, ...slice };
        if (!isPlaced.current) {
            isPlaced.current = true;
            if (!chat.place) {
                chat.place = BOTTOM;
                const line = box.querySelector(".unread-line");
                if (line && box.scrollHeight > box.clientHeight) {
                    const tooLong = box.scrollHeight - (line as HTMLElement).offsetTop > box.clientHeight - 8;
                    chat.place = tooLong ? { isAtBottom: false, row: line.parentElement?.dataset["key"], offset: 8 } : chat.place;
                }
            }
        }
        wanted.current = undefined;
        count.current = chat.pending.value.length;
        restore();
        remember();
        look();
    }, [chat, chat.messages.value, chat.pending.value, chat.isLoaded.value, moves.value, slice.from, slice.to]);

    useLayoutEffect(() => {
        const observer = new ResizeObserver(() => {
            restore();
            remember();
        });
        list.current && observer.observe(list.current);
        globalThis.addEventListener("focus", look);
        document.addEventListener("visibilitychange", look);
        return () => {
            // The last scrolling may not have been reported yet.
            remember();
            observer.disconnect();
            globalThis.removeEventListener("focus", look);
            document.removeEventListener("visibilitychange", look);
        };
    }, [chat]);
    useFlash(chat, list);
    useAnnouncement(chat, newest?.message_id);

    const toBottom = () => {
        chat.toNewest();
        goTo(BOTTOM);
    };
    const onKeyDown = (event: KeyboardEvent) => {
        if (event.key === "Home" || event.key === "End") {
            event.preventDefault();
            goTo(event.key === "End" ? BOTTOM : { isAtBottom: false, row: rows[0]?.key, offset: FAR });
        } else {
            moveFocus(event);
        }
    };
    const conversation = conversationOf(chat.id);
    const unseen = chat.hasNewer.value
        ? (conversation?.unread_count ?? 0)
        : chat.messages.value.filter(({ seq, sender_id, recalled }) => seq > chat.seen.value && sender_id !== me && !recalled).length;
    const hasBegun = rows.length > 0 || !chat.isLoaded.value || conversation?.last_seq !== 0 || !conversation.is_friend;
    const showsPill = !isAtBottom.value && (unseen > 0 || chat.hasNewer.value);
    return (
        <div class="timeline">
            <div class="log" ref={list} tabIndex={0} role="log" aria-live="off" aria-label={text.messages} onKeyDown={onKeyDown} onScroll={() => { remember(); look(); }}>
                {rows.slice(slice.from, slice.to).map((row, place) => <Row key={row.key} row={row} before={rows[slice.from + place - 1]} isFirstNew={firstNew !== undefined && row.message?.seq === firstNew} chat={chat} account={account} />)}
            </div>
            {hasBegun || <p class="line over">{text.canBegin}</p>}
            {!chat.isLoaded.value && <div class="over"><Waiting /></div>}
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

/** Tells a screen reader what the other has written since the chat was opened, each message once. Pages of the history are silent. */
function useAnnouncement(chat: Chat, newest: string | undefined): void {
    const known = useRef<number | undefined>(undefined);
    useEffect(() => {
        if (!chat.isLoaded.value) {
            return;
        }
        const messages = chat.messages.value;
        const before = known.current;
        known.current = Math.max(before ?? conversationOf(chat.id)?.last_seq ?? 0, messages.at(-1)?.seq ?? 0);
        const news = before === undefined ? [] : messages.filter(({ seq, sender_id }) => seq > before && sender_id === chat.peer.value?.friend_id);
        if (news.length > 0) {
            const words = news.length > MOST_SAID ? text.newBelow(news.length) : news.map(({ content }) => content ?? text.otherRecalled).join("\n");
            announced.value = { words: text.said(nameOf(chat.peer.value ?? { remark: "", friend_name: "" }), words), number: announced.value.number + 1 };
        }
    }, [chat, newest, chat.isLoaded.value]);
    useEffect(() => () => {
        announced.value = SILENCE;
    }, []);
}

/** Arrows move from message to message. */
function moveFocus(event: KeyboardEvent): void {
    const list = event.currentTarget as HTMLElement;
    if (event.key === "ArrowUp" || event.key === "ArrowDown") {
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
