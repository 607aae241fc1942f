// Drafts: what was typed and not sent, by account and conversation. They survive reloads and the end of a session.

import { type Signal, signal } from "@preact/signals";
import { store } from "./preferences.ts";

const drafts = new Map<string, Signal<string>>();
const keyOf = (user: string, conversation: string) => `hongyan.draft.${user}.${conversation}`;

/** The draft of a conversation; a new value is stored at once. */
export function draftOf(user: string, conversation: string): Signal<string> {
    const key = keyOf(user, conversation);
    let draft = drafts.get(key);
    if (draft === undefined) {
        draft = signal(store.get(key) ?? "");
        drafts.set(key, draft);
    }
    return draft;
}

export function keepDraft(user: string, conversation: string, content: string): void {
    draftOf(user, conversation).value = content;
    store.set(keyOf(user, conversation), content === "" ? null : content);
}

// Another tab of the account: the later text wins.
store.watch((key, value) => {
    const draft = drafts.get(key);
    if (draft) {
        draft.value = value ?? "";
    }
});
