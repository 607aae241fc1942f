// The field for a new message. Enter sends, Shift and Enter break the line.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Chat } from "../state/chat.ts";
import { draft, keepDraft } from "../state/drafts.ts";
import { text } from "../text/index.ts";
import { isPlainEnter, onCompositionEnd } from "./enter.ts";

const MOST = 5000;
const COUNTED_FROM = 4500;

export function Composer({ chat, me }: { chat: Chat; me: string }) {
    const content = useSignal(draft(me, chat.id));
    const field = useRef<HTMLTextAreaElement>(null);
    const length = [...content.value].length;
    const canSend = content.value.trim() !== "" && length <= MOST;
    const change = (value: string) => {
        content.value = value;
        keepDraft(me, chat.id, value);
    };
    const send = () => {
        if (canSend) {
            chat.send(content.value);
            change("");
        }
    };
    useEffect(() => {
        if (matchMedia("(min-width: 760px)").matches) {
            field.current?.focus();
        }
    }, []);
    useEffect(() => {
        const box = field.current;
        if (box) {
            box.style.height = "auto";
            box.style.height = `${box.scrollHeight}px`;
        }
    }, [content.value]);
    return (
        <form class="composer" onSubmit={(event) => { event.preventDefault(); send(); }}>
            <textarea ref={field} rows={1} dir="auto" aria-label={text.inputLabel} value={content.value} onInput={(event) => change(event.currentTarget.value)}
                onCompositionEnd={onCompositionEnd}
                onKeyDown={(event) => {
                    if (isPlainEnter(event)) {
                        event.preventDefault();
                        send();
                    }
                }} />
            {length > COUNTED_FROM && <small class={length > MOST ? "problem" : ""} role="status">{length}/{MOST}</small>}
            <button class="primary" disabled={!canSend}>{text.send}</button>
        </form>
    );
}
