// Registering and logging in, on one card.

import { Refusal } from "@hongyan/client";
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { endOfSession, enter, hongyan, info, sentence } from "../state/app.ts";
import { language } from "../state/preferences.ts";
import { text } from "../text/index.ts";
import { guardForm } from "./enter.ts";

/** What the server refuses in one field is shown below it. */
interface Problem {
    field: string | undefined;
    message: string;
}

export function Entry() {
    const signUp = useSignal(false);
    const busy = useSignal(false);
    const wait = useSignal(0);
    const problem = useSignal<Problem | null>(null);
    const known = useSignal(hongyan.accounts());
    const registration = info.value?.registration ?? "open";

    useEffect(() => {
        if (wait.value > 0) {
            const timer = setTimeout(() => (wait.value -= 1), 1000);
            return () => clearTimeout(timer);
        }
        return undefined;
    }, [wait.value]);

    const submit = async (event: SubmitEvent) => {
        event.preventDefault();
        const form = new FormData(event.currentTarget as HTMLFormElement);
        const field = (name: string) => String(form.get(name) ?? "").trim();
        const password = String(form.get("password") ?? "");
        busy.value = true;
        problem.value = null;
        try {
            if (signUp.value) {
                const [uid, invite_code] = [field("uid"), field("invite_code")];
                enter(await hongyan.register({ name: field("name"), password, ...(uid && { uid }), ...(invite_code && { invite_code }) }));
            } else {
                const who = field("identifier");
                enter(await hongyan.logIn(/^1\d{10}$/.test(who) ? { phone_number: who, password } : { uid: who, password }));
            }
        } catch (error) {
            const refusal = error instanceof Refusal ? error : undefined;
            problem.value = { field: fieldOf(refusal), message: refusal ? sentence(refusal) : text.offline };
            wait.value = refusal?.status === 429 ? (refusal.retryAfter ?? 0) : 0;
        } finally {
            busy.value = false;
        }
    };

    const below = (field: string) => problem.value?.field === field && <p class="problem" id={`problem-${field}`} role="alert">{problem.value.message}</p>;
    return (
        <main class="entry">
            <form class="card" onSubmit={submit} onKeyDown={guardForm}>
                <div class="brand"><img src="/web/icon.svg" alt="" width="56" height="56" /><h1>{text.appName}</h1><p>{text.slogan}</p></div>
                {endOfSession.value && <p class="notice" role="status">{endOfSession.value}</p>}
                {!signUp.value && known.value.map((user) => (
                    <button type="button" class="secondary" key={user.user_id} onClick={() => resume(user.user_id)}>{text.continueAs(user.name)}</button>
                ))}
                {signUp.value ? (
                    <>
                        <label>{text.nickname}<input name="name" required maxLength={64} autocomplete="nickname" /></label>
                        {below("name")}
                        <label>{text.uidOptional}<input name="uid" maxLength={20} autocomplete="username" autocapitalize="none" spellcheck={false} /></label>
                        {below("uid")}
                    </>
                ) : (
                    <label>{text.uidOrPhone}<input name="identifier" required autocomplete="username" autocapitalize="none" spellcheck={false} /></label>
                )}
                <label>{text.password}<input name="password" type="password" required autocomplete={signUp.value ? "new-password" : "current-password"} /></label>
                {below("password")}
                {signUp.value && registration === "invite" && <label>{text.invite}<input name="invite_code" required /></label>}
                {below("invite_code")}
                {problem.value && problem.value.field === undefined && <p class="problem" role="alert">{problem.value.message}</p>}
                <button class="primary" disabled={busy.value || wait.value > 0}>
                    {wait.value > 0 ? text.waitSeconds(wait.value) : signUp.value ? text.signUp : text.logIn}
                </button>
                {registration === "closed" ? <p class="hint">{text.closed}</p> : (
                    <button type="button" class="link" onClick={() => { signUp.value = !signUp.value; problem.value = null; }}>
                        {signUp.value ? text.toLogIn : text.toSignUp}
                    </button>
                )}
            </form>
            <button class="link" lang={language.value === "zh" ? "en" : "zh-CN"} onClick={() => (language.value = language.value === "zh" ? "en" : "zh")}>{language.value === "zh" ? "English" : "简体中文"}</button>
        </main>
    );
}

function resume(user_id: string): void {
    const account = hongyan.resume(user_id);
    if (account) {
        enter(account);
    }
}

function fieldOf(refusal: Refusal | undefined): string | undefined {
    return refusal?.is("uid_taken") ? "uid" : refusal?.is("invite_unknown") ? "invite_code" : refusal?.field;
}
