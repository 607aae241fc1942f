// Two lists of the settings: the devices that are logged in, and who is blocked.

import type { Account, RowOf } from "@hongyan/client";
import { batch, type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { tried } from "../state/app.ts";
import { refresh } from "../state/lists.ts";
import { deviceName } from "../text/devices.ts";
import { text } from "../text/index.ts";
import { lineTime } from "../text/time.ts";
import { Avatar } from "./Avatar.tsx";

/** The rows of a list that is asked while its page is open. */
function useRows<P extends "/api/auth/sessions" | "/api/auth/blocks">(account: Account, path: P): { rows: Signal<RowOf<P>[]>; isLoaded: Signal<boolean>; again: () => void } {
    const rows = useSignal<RowOf<P>[]>([]);
    const isLoaded = useSignal(false);
    const poll = useSignal<(() => void) | undefined>(undefined);
    useEffect(() => {
        const asking = account.poll(path as "/api/auth/sessions", {}, { every: 5, onAnswer: ({ data }) => batch(() => { rows.value = data as RowOf<P>[]; isLoaded.value = true; }) });
        poll.value = () => asking.refresh();
        return () => asking.stop();
    }, [account]);
    return { rows, isLoaded, again: () => poll.value?.() };
}

export function Devices({ account }: { account: Account }) {
    const { rows, again } = useRows(account, "/api/auth/sessions");
    const end = async (session_id: string) => {
        await tried(account.call("delete", "/api/auth/sessions/{session_id}", { path: { session_id } }));
        again();
    };
    const endOthers = async () => {
        await tried(account.call("delete", "/api/auth/sessions"));
        again();
    };
    return (
        <section aria-label={text.devices}>
            <h2>{text.devices}</h2>
            <ul>
                {rows.value.map(({ session_id, device_name, last_used_at, current }) => (
                    <li key={session_id} class="setting">
                        <span><bdi title={device_name}>{deviceName(device_name) || text.unknownDevice}</bdi><small>{text.lastUsed(lineTime(last_used_at, new Date(), text))}</small></span>
                        {current ? <small>{text.thisDevice}</small> : <button class="secondary" onClick={() => void end(session_id)}>{text.endSession}</button>}
                    </li>
                ))}
            </ul>
            {rows.value.length > 1 && <p class="buttons"><button class="secondary" onClick={() => void endOthers()}>{text.endOthers}</button></p>}
        </section>
    );
}

export function Blocked({ account }: { account: Account }) {
    const { rows, isLoaded, again } = useRows(account, "/api/auth/blocks");
    const unblock = async (user_id: string) => {
        await tried(account.call("delete", "/api/auth/blocks/{user_id}", { path: { user_id } }));
        refresh();
        again();
    };
    return (
        <section aria-label={text.blocked}>
            <h2>{text.blocked}</h2>
            {isLoaded.value && rows.value.length === 0 && <p class="setting"><small>{text.noBlocked}</small></p>}
            <ul>
                {rows.value.map(({ user_id, name }) => (
                    <li key={user_id} class="setting"><span class="named"><Avatar id={user_id} name={name} /><bdi>{name}</bdi></span><button class="secondary" onClick={() => void unblock(user_id)}>{text.unblock}</button></li>
                ))}
            </ul>
        </section>
    );
}
