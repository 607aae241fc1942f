// The settings: the account, this browser, privacy.

import type { Account } from "@hongyan/client";
import { type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { say, sentence, tried } from "../state/app.ts";
import { me, refresh } from "../state/lists.ts";
import { language, notifications, sendKey, theme } from "../state/preferences.ts";
import { text } from "../text/index.ts";
import { Avatar } from "./Avatar.tsx";
import { ask } from "./Dialog.tsx";
import { guardForm } from "./enter.ts";
import { Blocked, Devices } from "./Lists.tsx";
import { EraseDialog, PasswordDialog } from "./Passwords.tsx";
import { Switch } from "./Switch.tsx";

/** A line with a value that can be changed. */
function Editable({ label, value, most, save }: { label: string; value: string; most: number; save: (value: string) => Promise<unknown> }) {
    const typed = useSignal(value);
    const problem = useSignal("");
    useEffect(() => {
        typed.value = value;
    }, [value]);
    const submit = async (event: Event) => {
        event.preventDefault();
        problem.value = "";
        try {
            await save(typed.value.trim());
            refresh();
            say(text.saved);
        } catch (error) {
            problem.value = sentence(error);
        }
    };
    return (
        <form class="inline" onSubmit={submit} onKeyDown={guardForm}>
            <label><span>{label}</span><input value={typed.value} maxLength={most} dir="auto" spellcheck={false} autocomplete="off" onInput={(event) => (typed.value = event.currentTarget.value)} /></label>
            <button class="secondary" disabled={typed.value.trim() === value || typed.value.trim() === ""}>{text.save}</button>
            {problem.value && <p class="problem" role="alert">{problem.value}</p>}
        </form>
    );
}

/** A line with some words of which one is chosen. */
function Choose<T extends string>({ label, of, words, onChange }: { label: string; of: Signal<T>; words: Record<T, string>; onChange?: (value: T) => void }) {
    return (
        <label class="choose">{label}
            <select value={of.value} onChange={(event) => { of.value = event.currentTarget.value as T; onChange?.(of.value); }}>
                {(Object.keys(words) as T[]).map((word) => <option key={word} value={word} selected={word === of.value}>{words[word]}</option>)}
            </select>
        </label>
    );
}

/** Saves what the server has stored about the account as a file. */
async function download(account: Account): Promise<void> {
    const { data } = await account.call("get", "/api/auth/me/export");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(data, undefined, 2)], { type: "application/json" }));
    link.download = `hongyan-${account.user.uid}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

async function permit(value: "on" | "off"): Promise<void> {
    if (value === "on" && (typeof Notification === "undefined" || (await Notification.requestPermission()) !== "granted")) {
        notifications.value = "off";
        say(text.notificationsRefused);
    }
}

/** Switches whether friends see that this user is writing. */
async function shareTyping(account: Account, share_typing: boolean): Promise<void> {
    if (await tried(account.call("patch", "/api/auth/me", { body: { share_typing } }))) {
        me.value = me.value && { ...me.value, share_typing };
        refresh();
    }
}

export function Settings({ account }: { account: Account }) {
    const dialog = useSignal<"password" | "erase" | "">("");
    const isBusy = useSignal(false);
    const { name, uid } = me.value ?? account.user;
    const sharesTyping = me.value?.share_typing ?? false;
    const logOut = async () => {
        if (await ask(text.logOutQuestion, text.logOut)) {
            void account.logOut().catch(() => undefined);
        }
    };
    return (
        <div class="page settings">
            <div class="who"><Avatar id={account.user.user_id} name={name} /><div><h1><bdi>{name}</bdi></h1><small>{text.myUid(uid)}</small></div></div>
            <section aria-label={text.account}>
                <h2>{text.account}</h2>
                <Editable label={text.nickname} value={name} most={64} save={(name) => account.call("patch", "/api/auth/me", { body: { name } })} />
                <Editable label={text.uid} value={uid} most={20} save={(new_uid) => account.call("patch", "/api/auth/me/uid", { body: { new_uid } })} />
                <p class="setting"><span>{text.phone}</span><span>{me.value?.phone_number ?? text.notBound}</span></p>
                <p class="setting"><span>{text.password}</span><button class="secondary" onClick={() => (dialog.value = "password")}>{text.changePassword}</button></p>
            </section>
            <Devices account={account} />
            <section aria-label={text.general}>
                <h2>{text.general}</h2>
                <Choose label={text.language} of={language} words={{ zh: "简体中文", en: "English" }} />
                <Choose label={text.appearance} of={theme} words={{ auto: text.auto, light: text.light, dark: text.dark }} />
                <Choose label={text.sendBy} of={sendKey} words={{ enter: text.byEnter, ctrl: text.byCtrlEnter }} />
                <Choose label={text.notifications} of={notifications} words={{ off: text.notificationsOff, on: text.notificationsOn }} onChange={(value) => void permit(value)} />
            </section>
            <Blocked account={account} />
            <section aria-label={text.privacy}>
                <h2>{text.privacy}</h2>
                <Switch label={text.shareTyping} hint={text.shareTypingHint} isOn={sharesTyping} onChange={() => void shareTyping(account, !sharesTyping)} />
                <p class="setting"><span>{text.exportData}<small>{text.exportHint}</small></span>
                    <button class="secondary" disabled={isBusy.value} onClick={() => { isBusy.value = true; void tried(download(account)).then(() => (isBusy.value = false)); }}>{text.export}</button></p>
                <p class="buttons"><button class="secondary" onClick={() => void logOut()}>{text.logOut}</button><button class="secondary danger" onClick={() => (dialog.value = "erase")}>{text.erase}</button></p>
            </section>
            {dialog.value === "password" && <PasswordDialog account={account} onClose={() => (dialog.value = "")} />}
            {dialog.value === "erase" && <EraseDialog account={account} onClose={() => (dialog.value = "")} />}
        </div>
    );
}
