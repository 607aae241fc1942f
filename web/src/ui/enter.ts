// Enter and input methods: whether a keydown is an Enter that the input method has not taken.

let composedUntil = 0;

/** Safari fires `compositionend` before the keydown of the Enter that confirms it. Some web views then give it keyCode 13. */
export function onCompositionEnd(): void {
    composedUntil = performance.now() + 1;
    setTimeout(() => (composedUntil = 0));
}

export const isPlainEnter = (event: KeyboardEvent): boolean =>
    event.key === "Enter" && !event.isComposing && event.keyCode !== 229 && composedUntil === 0 && !event.shiftKey && !event.ctrlKey && !event.metaKey && !event.altKey;
