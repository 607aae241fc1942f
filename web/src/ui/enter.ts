// Enter and input methods: whether a keydown is an Enter that the input method has not taken. Every field asks here.

let composedUntil = 0;

/** Safari fires `compositionend` before the keydown of the Enter that confirms it, with keyCode 229; some web views give it 13. */
document.addEventListener("compositionend", () => {
    composedUntil = 1;
    setTimeout(() => (composedUntil = 0));
}, true);

/** Whether an input method takes this key. */
export const isComposing = (event: KeyboardEvent): boolean => event.isComposing || event.keyCode === 229 || composedUntil > 0;

export const isEnter = (event: KeyboardEvent): boolean => event.key === "Enter" && !isComposing(event);

export const isPlainEnter = (event: KeyboardEvent): boolean => isEnter(event) && !event.shiftKey && !event.ctrlKey && !event.metaKey && !event.altKey;

/** Keeps a form from being sent by the Enter of an input method. */
export function guardForm(event: KeyboardEvent): void {
    if (event.key === "Enter" && isComposing(event)) {
        event.preventDefault();
    }
}
