// The typing indicator: which friends are writing at this moment, by conversation. The server tells it again while they go on.

import { signal } from "@preact/signals";

export const writing = signal<ReadonlySet<string>>(new Set());
const timers = new Map<string, ReturnType<typeof setTimeout>>();

/** Shows for so many seconds that the friend is writing. */
export function noteWriting(conversation: string, seconds: number): void {
    clearTimeout(timers.get(conversation));
    timers.set(conversation, setTimeout(() => stopWriting(conversation), seconds * 1000));
    if (!writing.value.has(conversation)) {
        writing.value = new Set([...writing.value, conversation]);
    }
}

/** The friend has stopped: the message came. */
export function stopWriting(conversation: string): void {
    clearTimeout(timers.get(conversation));
    timers.delete(conversation);
    if (writing.value.has(conversation)) {
        writing.value = new Set([...writing.value].filter((id) => id !== conversation));
    }
}

export function forgetWriting(): void {
    [...timers.keys()].forEach(stopWriting);
}
