// Drafts: what was typed and not sent, by account and conversation. They survive reloads and the end of a session.

import { signal } from "@preact/signals";
import { hongyan } from "./app.ts";

const changed = signal(0);
const key = (user: string, conversation: string) => `hongyan.draft.${user}.${conversation}`;

export function draft(user: string, conversation: string): string {
    void changed.value;
    return hongyan.store.get(key(user, conversation)) ?? "";
}

export function keepDraft(user: string, conversation: string, content: string): void {
    hongyan.store.set(key(user, conversation), content === "" ? null : content);
    changed.value += 1;
}
