// The dialogs that ask for a password: changing it, and erasing the account.

import type { Account } from "@hongyan/client";
import { useSignal } from "@preact/signals";
import { endOfSession, say, sentence } from "../state/app.ts";
import { text } from "../text/index.ts";
import { Dialog } from "./Dialog.tsx";
import { guardForm } from "./enter.ts";

interface Props {
    account: Account;
    onClose: () => void;
}

interface FormProps {
    /** The fields by name, with their labels; the last two must be the same. */
    fields: Record<string, string>;
    action: string;
    isDangerous?: boolean;
    submit: (values: Record<string, string>) => Promise<unknown>;
}

function PasswordForm({ fields, action, isDangerous = false, submit }: FormProps) {
    const problem = useSignal("");
    const isBusy = useSignal(false);
    const onSubmit = async (event: SubmitEvent) => {
        event.preventDefault();
        const form = new FormData(event.currentTarget as HTMLFormElement);
        const values = Object.fromEntries(Object.keys(fields).map((name) => [name, String(form.get(name) ?? "")]));
        const [first, second] = Object.values(values).slice(-2);
        if (first !== second) {
            problem.value = text.differ;
            return;
        }
        isBusy.value = true;
        problem.value = "";
        await submit(values).catch((error: unknown) => (problem.value = sentence(error)));
        isBusy.value = false;
    };
    return (
        <form class="fields" onSubmit={onSubmit} onKeyDown={guardForm}>
            {Object.entries(fields).map(([name, label]) => (
                <label key={name}>{label}<input name={name} type="password" required autocomplete={name.startsWith("new") ? "new-password" : "current-password"} /></label>
            ))}
            {problem.value && <p class="problem" role="alert">{problem.value}</p>}
            <button class={isDangerous ? "primary danger" : "primary"} disabled={isBusy.value}>{action}</button>
        </form>
    );
}

export function PasswordDialog({ account, onClose }: Props) {
    const submit = async ({ old = "", new: next = "" }: Record<string, string>) => {
        await account.changePassword(old, next);
        say(text.passwordChanged);
        onClose();
    };
    return (
        <Dialog title={text.changePassword} onClose={onClose}>
            <PasswordForm fields={{ old: text.oldPassword, new: text.newPassword, newAgain: text.newPasswordAgain }} action={text.changePassword} submit={submit} />
        </Dialog>
    );
}

export function EraseDialog({ account, onClose }: Props) {
    const submit = async ({ password = "" }: Record<string, string>) => {
        await account.call("delete", "/api/auth/me", { body: { password } });
        account.session.logOut();
        endOfSession.value = text.erased;
    };
    return (
        <Dialog title={text.erase} onClose={onClose}>
            <p>{text.eraseHint}</p>
            <PasswordForm fields={{ password: text.password, again: text.passwordAgain }} action={text.erase} isDangerous submit={submit} />
        </Dialog>
    );
}
