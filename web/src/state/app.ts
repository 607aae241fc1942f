// The tab: its account, the sentences it shows, what the server says about itself.

import { type Account, type DataOf, Hongyan, isTemporary, Refusal } from "@hongyan/client";
import { batch, effect, signal } from "@preact/signals";
import { text } from "../text/index.ts";
import { closeChats } from "./chat.ts";
import { begin, end, unreadTotal } from "./lists.ts";
import { language, store } from "./preferences.ts";
import { go } from "./route.ts";

export const hongyan = new Hongyan({ language: () => language.value, store });

export const account = signal<Account | null>(null);
/** Why the last session of this tab ended, for the entry. */
export const endOfSession = signal("");
/** A sentence that is shown for a moment. */
export const notice = signal("");
export const info = signal<DataOf<"get", "/api/info"> | null>(null);
/** Milliseconds by which the server's clock is ahead of this one. */
let ahead = 0;

effect(() => {
    const count = unreadTotal.value;
    document.title = count > 0 ? `(${count > 99 ? "99+" : count}) ${text.appName}` : text.appName;
});

export const serverNow = () => Date.now() + ahead;

/** Asks the server for its rules, again after a while if it does not answer. */
export function learn(): void {
    hongyan.call("get", "/api/info").then(({ data }) => {
        ahead = Date.parse(data.time) - Date.now();
        info.value = data;
    }, () => setTimeout(learn, 5000));
}

/** The server's sentence about a field stands beside the field, so it needs no name for it: programs know that name, people do not. */
function withoutField({ error, field, message }: Refusal): string {
    const rule = error === "invalid_field" && field ? message.slice(message.search(/[：:]/) + 1).trim() : message;
    return rule.charAt(0).toUpperCase() + rule.slice(1);
}

/** The sentence of an error: the server's, or that it cannot be reached. */
export const sentence = (error: unknown): string => (error instanceof Refusal ? withoutField(error) : isTemporary(error) ? text.offline : "");

let noticeTimer: ReturnType<typeof setTimeout> | undefined;

export function say(what: string): void {
    clearTimeout(noticeTimer);
    notice.value = what;
    noticeTimer = setTimeout(() => (notice.value = ""), 4000);
}

/** Waits for a call and shows why it failed. Returns whether it succeeded. */
export async function tried(call: Promise<unknown>): Promise<boolean> {
    try {
        await call;
        return true;
    } catch (error) {
        say(sentence(error));
        return false;
    }
}

let unwatch: (() => void) | undefined;

/** Makes an account this tab's. */
export function enter(entered: Account): void {
    leave();
    unwatch = entered.session.onEnd((why) => {
        leave();
        endOfSession.value = why.message || text.loggedOut;
    });
    entered.outbox.start();
    begin(entered);
    batch(() => {
        account.value = entered;
        endOfSession.value = "";
    });
    if (location.hash === "") {
        go("chat");
    }
}

function leave(): void {
    unwatch?.();
    unwatch = undefined;
    closeChats();
    end();
    account.value?.close();
    account.value = null;
}
