// The field for a new message. By default Enter sends, and Enter with Shift or Ctrl breaks the line.

import type { Account } from "@hongyan/client";
import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Chat } from "../state/chat.ts";
import { draftOf, keepDraft } from "../state/drafts.ts";
import { conversationOf, me as self, refresh } from "../state/lists.ts";
import { reportTyping } from "../state/live.ts";
import { sendKey } from "../state/preferences.ts";
import { isNarrow } from "../state/width.ts";
import { text } from "../text/index.ts";
import { isComposing, isEnter } from "./enter.ts";
import { Emoji } from "./Emoji.tsx";
import { Icon } from "./Icon.tsx";

const MOST = 5000;
const COUNTED_FROM = 4500;

/** Puts words into the field of the open chat, where the caret is, and the caret behind them. */
export function insert(words: string): void {
    edit((field) => field.setRangeText(words, field.selectionStart, field.selectionEnd, "end"));
}

/** Puts words before what is in the field, and the caret at the end. */
export function insertBefore(words: string): void {
    edit((field) => {
        field.setRangeText(words, 0, 0, "end");
        field.setSelectionRange(field.value.length, field.value.length);
    });
}

function edit(change: (field: HTMLTextAreaElement) => void): void {
    const field = document.querySelector<HTMLTextAreaElement>(".composer textarea");
    if (field) {
        field.focus();
        change(field);
        field.dispatchEvent(new Event("input", { bubbles: true }));
    }
}

export function Composer({ chat, account }: { chat: Chat; account: Account }) {
    const me = account.user.user_id;
    const content = draftOf(me, chat.id);
    const hasEmoji = useSignal(false);
    const field = useRef<HTMLTextAreaElement>(null);
    const length = [...content.value].length;
    // Before the chat is loaded its receiver is unknown, and what was typed stays.
    const canSend = content.value.trim() !== "" && length <= MOST && chat.peer.value !== null;
    const send = () => {
        if (canSend) {
            chat.send(content.value);
            keepDraft(me, chat.id, "");
        }
        field.current?.focus();
    };
    const onInput = (value: string) => {
        keepDraft(me, chat.id, value);
        if (value !== "" && self.peek()?.share_typing) {
            reportTyping(chat.id);
        }
    };
    const onKeyDown = (event: KeyboardEvent) => {
        const hasModifier = event.ctrlKey || event.metaKey;
        if (isEnter(event) && !event.altKey && !event.shiftKey && hasModifier === (sendKey.value === "ctrl")) {
            event.preventDefault();
            send();
        } else if (isEnter(event) && hasModifier) {
            event.preventDefault();
            insert("\n");
        } else if (event.key === "Escape" && !isComposing(event)) {
            hasEmoji.value = false;
        } else if (event.key === "PageUp" || event.key === "PageDown") {
            event.preventDefault();
            const log = document.querySelector(".log");
            log?.scrollBy(0, (event.key === "PageUp" ? -0.9 : 0.9) * log.clientHeight);
        }
    };
    useEffect(() => {
        if (!isNarrow.peek()) {
            field.current?.focus();
        }
    }, [chat]);
    useLayoutEffect(() => {
        const box = field.current;
        if (box) {
            box.style.height = "auto";
            box.style.height = `${box.scrollHeight + 2}px`;
        }
    }, [content.value, chat]);
    if (conversationOf(chat.id)?.friend_uid === null) {
        return <p class="composer closed">{text.erasedFriend}</p>;
    }
    return (
        <form class="composer" onSubmit={(event) => { event.preventDefault(); send(); refresh(); }}>
            {hasEmoji.value && <Emoji onPick={insert} onClose={() => { hasEmoji.value = false; field.current?.focus(); }} />}
            <button type="button" class="plain square" aria-label={text.emoji} aria-expanded={hasEmoji.value} onClick={() => (hasEmoji.value = !hasEmoji.value)}><Icon name="smile" /></button>
            <textarea ref={field} rows={1} dir="auto" aria-label={text.inputLabel} value={content.value} onInput={(event) => onInput(event.currentTarget.value)} onKeyDown={onKeyDown} />
            {length > COUNTED_FROM && <small class={length > MOST ? "problem count" : "count"} role="status">{length}/{MOST}</small>}
            <button class="primary send" disabled={!canSend}>{text.send}</button>
        </form>
    );
}
