// What this browser prefers: language, colours, the key that sends, notifications. Every tab follows at once.

import { BrowserStore } from "@hongyan/client";
import { effect, type Signal, signal } from "@preact/signals";

export const store = new BrowserStore();

/** A preference that is stored, one of some words. */
function kept<T extends string>(name: string, words: readonly T[], otherwise: T): Signal<T> {
    const key = `hongyan.preference.${name}`;
    const accepted = (value: string | null) => words.find((word) => word === value);
    const preference = signal(accepted(store.get(key)) ?? otherwise);
    preference.subscribe((value) => {
        const held = store.get(key);
        if (value !== (accepted(held) ?? otherwise)) {
            store.set(key, value);
        }
    });
    store.watch((changed, value) => {
        if (changed === key) {
            preference.value = accepted(value) ?? otherwise;
        }
    });
    return preference;
}

const preferred = navigator.languages.find((tag) => /^(zh|en)\b/i.test(tag));

export const language = kept("language", ["zh", "en"], preferred?.toLowerCase().startsWith("en") ? "en" : "zh");
export const theme = kept("theme", ["auto", "light", "dark"], "auto");
export const sendKey = kept("send-key", ["enter", "ctrl"], "enter");
export const notifications = kept("notifications", ["off", "on"], "off");

effect(() => {
    document.documentElement.lang = language.value === "zh" ? "zh-CN" : "en";
    document.documentElement.dataset["theme"] = theme.value;
});
