// The messages of a chat. The list stays at the bottom, or where the reader is, whatever comes.

import type { Message } from "@hongyan/client";
import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Chat, Pending } from "../state/chat.ts";
import { text } from "../text/index.ts";
import { lineTime } from "../text/time.ts";

const FIVE_MINUTES = 300_000;
/** Distance from the bottom, in pixels, within which the list sticks to it. */
const NEAR = 10;

interface Anchor {
    isAtBottom: boolean;
    element: Element | undefined;
    top: number;
}

export function Timeline({ chat, me }: { chat: Chat; me: string }) {
    const list = useRef<HTMLDivElement>(null);
    const anchor = useRef<Anchor>({ isAtBottom: true, element: undefined, top: 0 });
    const below = useSignal(0);
    const messages = chat.messages.value;
    const newest = messages.at(-1);
    const seen = useRef(newest?.seq ?? 0);

    const remember = () => {
        const box = list.current;
        if (box) {
            const isAtBottom = box.scrollHeight - box.scrollTop - box.clientHeight <= NEAR;
            const start = box.getBoundingClientRect().top;
            const element = [...box.children].find((row) => row.getBoundingClientRect().bottom > start);
            anchor.current = { isAtBottom, element, top: element?.getBoundingClientRect().top ?? 0 };
        }
    };
    const restore = () => {
        const box = list.current;
        if (!box) {
            return;
        }
        const { isAtBottom, element, top } = anchor.current;
        if (isAtBottom) {
            box.scrollTop = box.scrollHeight;
        } else if (element?.isConnected) {
            box.scrollTop += element.getBoundingClientRect().top - top;
        }
        remember();
    };
    const read = () => {
        if (anchor.current.isAtBottom && document.visibilityState === "visible" && document.hasFocus()) {
            below.value = 0;
            void chat.read();
        }
    };
    useLayoutEffect(() => {
        const last = newest?.seq ?? 0;
        if (anchor.current.isAtBottom || newest?.sender_id === me) {
            anchor.current.isAtBottom = true;
        } else {
            below.value += messages.filter(({ seq, sender_id }) => seq > seen.current && sender_id !== me).length;
        }
        seen.current = Math.max(seen.current, last);
        restore();
        read();
    }, [messages, chat.pending.value]);
    useEffect(() => {
        const observer = new ResizeObserver(restore);
        list.current && observer.observe(list.current);
        globalThis.addEventListener("focus", read);
        return () => {
            observer.disconnect();
            globalThis.removeEventListener("focus", read);
        };
    }, []);
    const onScroll = () => {
        remember();
        read();
        if (chat.hasOlder.value && (list.current?.scrollTop ?? 1000) < 400) {
            void chat.loadOlder();
        }
    };
    const toBottom = () => {
        anchor.current.isAtBottom = true;
        restore();
        read();
    };
    return (
        <div class="timeline">
            <div class="log" ref={list} onScroll={onScroll} tabIndex={0} role="log" aria-live="off" aria-label={text.messages}>
                {messages.map((message, place) => <Row key={message.message_id} chat={chat} me={me} message={message} before={messages[place - 1]} />)}
                {chat.pending.value.map((pending) => <Waiting key={pending.client_message_id} pending={pending} chat={chat} />)}
            </div>
            {below.value > 0 && <button class="pill" onClick={toBottom}>{text.newBelow(below.value)}</button>}
        </div>
    );
}

function Row({ message, before, chat, me }: { message: Message; before: Message | undefined; chat: Chat; me: string }) {
    const isOwn = message.sender_id === me;
    const isApart = before === undefined || Date.parse(message.created_at) - Date.parse(before.created_at) >= FIVE_MINUTES;
    const isOpen = useSignal(false);
    return (
        <div class="entry-of-log">
            {isApart && <p class="line"><time>{lineTime(message.created_at, new Date(), text)}</time></p>}
            {message.seq === chat.firstUnread && <p class="line unread-line">{text.unreadLine}</p>}
            {message.recalled ? <p class="line">{isOwn ? text.youRecalled : text.otherRecalled}</p> : (
                <div class={`message ${isOwn ? "own" : "other"}`}>
                    <button class="bubble" dir="auto" aria-expanded={isOpen.value} onClick={() => (isOpen.value = !isOpen.value)}>{message.content}</button>
                    {isOpen.value && <Menu message={message} isOwn={isOwn} chat={chat} />}
                </div>
            )}
        </div>
    );
}

function Menu({ message, isOwn, chat }: { message: Message; isOwn: boolean; chat: Chat }) {
    const problem = useSignal("");
    const show = (error: unknown) => (problem.value = (error as Error).message);
    return (
        <span class="menu">
            {navigator.clipboard && <button onClick={() => void navigator.clipboard.writeText(message.content ?? "")}>{text.copy}</button>}
            {isOwn && <button onClick={() => chat.recall(message.message_id).catch(show)}>{text.recall}</button>}
            <button onClick={() => chat.remove(message).catch(show)}>{text.remove}</button>
            {problem.value && <small class="problem" role="alert">{problem.value}</small>}
        </span>
    );
}

function Waiting({ pending, chat }: { pending: Pending; chat: Chat }) {
    return (
        <div class="entry-of-log">
            <div class="message own">
                {pending.refusal ? <span class="failed" role="img" aria-label={text.notSent}>!</span> : pending.sent === undefined && <span class="spinner" role="img" aria-label={text.sending} />}
                <span class="bubble" dir="auto">{pending.content}</span>
            </div>
            {pending.refusal && (
                <p class="line">
                    {pending.refusal.message} <button class="link" onClick={() => chat.retry(pending.client_message_id)}>{text.resend}</button>{" "}
                    <button class="link" onClick={() => chat.discard(pending.client_message_id)}>{text.discard}</button>
                </p>
            )}
        </div>
    );
}
