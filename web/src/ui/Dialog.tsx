// Modal dialogs. The browser keeps the focus inside, closes them at Escape, and gives the focus back.

import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { text } from "../text/index.ts";
import { Icon } from "./Icon.tsx";

interface DialogProps {
    title: string;
    /** A class for its place, for example a drawer's. */
    kind?: string;
    onClose: () => void;
    children: ComponentChildren;
}

export function Dialog({ title, kind = "", onClose, children }: DialogProps) {
    const dialog = useRef<HTMLDialogElement>(null);
    useEffect(() => {
        const back = document.activeElement;
        dialog.current?.showModal();
        return () => back instanceof HTMLElement && back.focus();
    }, []);
    return (
        <dialog ref={dialog} class={`dialog ${kind}`} aria-label={title} onClose={onClose}
            onMouseDown={(event) => event.target === dialog.current && dialog.current?.close()}>
            <div class="dialog-body">
                <header><h2><bdi>{title}</bdi></h2><button class="plain" aria-label={text.close} onClick={() => dialog.current?.close()}><Icon name="close" /></button></header>
                {children}
            </div>
        </dialog>
    );
}

interface Question {
    words: string;
    /** The name of the button that agrees. */
    action: string;
    isDangerous: boolean;
    answer: (isAgreed: boolean) => void;
}

const question = signal<Question | null>(null);

/** Asks before something that cannot be undone. */
export function ask(words: string, action: string, isDangerous = false): Promise<boolean> {
    return new Promise((resolve) => {
        const answer = (isAgreed: boolean) => {
            question.value = null;
            resolve(isAgreed);
        };
        question.value = { words, action, isDangerous, answer };
    });
}

export function Asked() {
    const asked = question.value;
    return asked && (
        <Dialog title={asked.action} kind="question" onClose={() => asked.answer(false)}>
            <p>{asked.words}</p>
            <div class="buttons">
                <button class="secondary" onClick={() => asked.answer(false)}>{text.cancel}</button>
                <button class={asked.isDangerous ? "primary danger" : "primary"} onClick={() => asked.answer(true)}>{asked.action}</button>
            </div>
        </Dialog>
    );
}
