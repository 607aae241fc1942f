// One message: its bubble, its menu, and how its sending goes.

import type { Account, Message } from "@hongyan/client";
import { signal, useSignal } from "@preact/signals";
import { info, say, serverNow, tried } from "../state/app.ts";
import type { Chat, Pending } from "../state/chat.ts";
import { me, nameOf } from "../state/lists.ts";
import { text } from "../text/index.ts";
import { parts } from "../text/links.ts";
import { lineTime } from "../text/time.ts";
import { Avatar } from "./Avatar.tsx";
import { insert, insertBefore } from "./Composer.tsx";
import { ask } from "./Dialog.tsx";
import { Icon } from "./Icon.tsx";
import { type Choice, openMenu, withMenu } from "./Menu.tsx";
import { GreetingDialog } from "./People.tsx";

/** A message of the history, or one on its way. */
export interface Shown {
    key: string;
    created_at: string;
    message?: Message;
    pending?: Pending;
}

const FIVE_MINUTES = 300_000;
/** The texts of messages that this tab recalled, for five minutes. */
const recalled = signal<ReadonlyMap<string, string>>(new Map());

const isApart = (row: Shown, before: Shown | undefined) => before === undefined || Date.parse(row.created_at) - Date.parse(before.created_at) >= FIVE_MINUTES;

interface RowProps {
    row: Shown;
    before: Shown | undefined;
    /** Whether the line of new messages stands above it. */
    isFirstNew: boolean;
    chat: Chat;
    account: Account;
}

export function Row({ row, before, isFirstNew, chat, account }: RowProps) {
    const { message, pending } = row;
    const isOwn = !message || message.sender_id === account.user.user_id;
    return (
        <div class="entry-of-log" data-key={row.key} data-seq={message?.seq}>
            {isApart(row, before) && <p class="line"><time>{lineTime(row.created_at, new Date(), text)}</time></p>}
            {isFirstNew && <p class="line unread-line">{text.unreadLine}</p>}
            {message?.recalled ? <Recalled message={message} isOwn={isOwn} /> : <Bubble row={row} isOwn={isOwn} chat={chat} account={account} />}
            {pending?.refusal && <Refused pending={pending} chat={chat} account={account} />}
        </div>
    );
}

function Recalled({ message, isOwn }: { message: Message; isOwn: boolean }) {
    const words = isOwn ? recalled.value.get(message.message_id) : undefined;
    return (
        <p class="line">
            {isOwn ? text.youRecalled : text.otherRecalled}
            {words !== undefined && <>{" "}<button class="link" onClick={() => insert(words)}>{text.editAgain}</button></>}
        </p>
    );
}

function Bubble({ row, isOwn, chat, account }: { row: Shown; isOwn: boolean; chat: Chat; account: Account }) {
    const { message, pending } = row;
    const content = message?.content ?? pending?.content ?? "";
    const name = isOwn ? (me.value?.name ?? account.user.name) : chat.peer.value ? nameOf(chat.peer.value) : "";
    const choices = () => choicesOf(message, content, isOwn, chat, name);
    const retry = async () => {
        if (pending && (await ask(text.resendQuestion, text.resend))) {
            chat.retry(pending.client_message_id);
        }
    };
    return (
        <div class={`message ${isOwn ? "own" : "other"}`}>
            <Avatar id={isOwn ? account.user.user_id : (chat.peer.value?.friend_id ?? "")} name={name} />
            <div class="bubble" dir="auto" tabIndex={-1} {...withMenu(choices)}
                onKeyDown={(event) => {
                    if (event.key === "Enter" || event.key === " ") {
                        event.preventDefault();
                        openMenu({ clientX: 0, clientY: 0 }, event.currentTarget, choices());
                    }
                }}>
                {parts(content).map(({ words, href }) => (href ? <a href={href} target="_blank" rel="noopener noreferrer">{words}</a> : words))}
            </div>
            <button class="plain handle" tabIndex={-1} aria-label={text.more} aria-haspopup="menu" onClick={(event) => openMenu(event, event.currentTarget, choices())}><Icon name="more" /></button>
            {pending?.refusal && <button class="failed" aria-label={text.notSent} onClick={() => void retry()}>!</button>}
            {pending && !pending.refusal && !pending.isSent && <span class="spinner" role="img" aria-label={text.sending} />}
        </div>
    );
}

function choicesOf(message: Message | undefined, content: string, isOwn: boolean, chat: Chat, name: string): Choice[] {
    const choices: Choice[] = [
        { label: text.copy, act: () => void copy(content) },
        { label: text.quote, act: () => insertBefore(text.quoted(name, content)) },
    ];
    if (message && isOwn && serverNow() - Date.parse(message.created_at) < 1000 * (info.value?.recall_seconds ?? 120)) {
        choices.push({ label: text.recall, act: () => void recall(message, chat) });
    }
    if (message) {
        choices.push({ label: text.remove, act: () => void remove(message, chat) });
    }
    return choices;
}

/** Gives the focus to the messages if what had it is gone. */
function keepFocus(): void {
    requestAnimationFrame(() => document.activeElement === document.body && document.querySelector<HTMLElement>(".log")?.focus({ preventScroll: true }));
}

async function remove(message: Message, chat: Chat): Promise<void> {
    if ((await ask(text.removeQuestion, text.remove, true)) && (await tried(chat.remove(message)))) {
        keepFocus();
    }
}

async function recall(message: Message, chat: Chat): Promise<void> {
    if (await tried(chat.recall(message))) {
        keepFocus();
        recalled.value = new Map([...recalled.value, [message.message_id, message.content ?? ""]]);
        chat.refresh();
        setTimeout(() => (recalled.value = new Map([...recalled.value].filter(([id]) => id !== message.message_id))), FIVE_MINUTES);
    }
}

/** Copies a text; without a secure context the browser has no clipboard, and the selection is copied. */
async function copy(content: string): Promise<void> {
    try {
        await navigator.clipboard.writeText(content);
    } catch {
        const box = document.createElement("textarea");
        box.value = content;
        document.body.append(box);
        box.select();
        document.execCommand("copy");
        box.remove();
    }
    say(text.copied);
}

function Refused({ pending, chat, account }: { pending: Pending; chat: Chat; account: Account }) {
    const isAsking = useSignal(false);
    return (
        <p class="line" role="alert">
            {pending.refusal?.message}{" "}
            {pending.refusal?.error === "not_friends" && <button class="link" onClick={() => (isAsking.value = true)}>{text.verificationLink}</button>}{" "}
            <button class="link" onClick={() => chat.discard(pending.client_message_id)}>{text.discard}</button>
            {isAsking.value && <GreetingDialog account={account} receiver_id={pending.receiver_id} onClose={() => (isAsking.value = false)} />}
        </p>
    );
}
