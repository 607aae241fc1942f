// Beside the contacts: adding a friend by uid, and the requests received and sent.

import type { Account, DataOf, Method } from "@hongyan/client";
import { computed, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { sentence, tried } from "../state/app.ts";
import { areRequestsLoaded, type FriendRequest, me, received, refresh, sent } from "../state/lists.ts";
import { go } from "../state/route.ts";
import { text } from "../text/index.ts";
import { Avatar } from "./Avatar.tsx";
import { Dialog } from "./Dialog.tsx";
import { guardForm } from "./enter.ts";
import { wanted } from "./Search.tsx";
import { Waiting } from "./Waiting.tsx";

type Found = DataOf<"get", "/api/auth/users">;

/** Asks someone to be a friend, with a greeting that can be changed. */
export function Greeting({ account, receiver_id, onDone }: { account: Account; receiver_id: string; onDone: (note: string) => void }) {
    const greeting = useSignal(text.greeting(me.value?.name ?? account.user.name));
    const problem = useSignal("");
    const isBusy = useSignal(false);
    const ask = async (event: Event) => {
        event.preventDefault();
        isBusy.value = true;
        problem.value = "";
        try {
            const { data } = await account.call("post", "/api/auth/friendship_requests", { body: { receiver_id, verification_message: greeting.value } });
            refresh();
            onDone(data.status === "accepted" ? text.added : text.requestSent);
        } catch (error) {
            problem.value = sentence(error);
        } finally {
            isBusy.value = false;
        }
    };
    return (
        <form class="greeting" onSubmit={ask} onKeyDown={guardForm}>
            <label>{text.verification}<input value={greeting.value} maxLength={128} dir="auto" onInput={(event) => (greeting.value = event.currentTarget.value)} /></label>
            {problem.value && <p class="problem" role="alert">{problem.value}</p>}
            <button class="primary" disabled={isBusy.value}>{text.addToContacts}</button>
        </form>
    );
}

export function GreetingDialog({ account, receiver_id, onClose }: { account: Account; receiver_id: string; onClose: () => void }) {
    const note = useSignal("");
    return (
        <Dialog title={text.verificationLink} onClose={onClose}>
            {note.value ? <p role="status">{note.value}</p> : <Greeting account={account} receiver_id={receiver_id} onDone={(done) => (note.value = done)} />}
        </Dialog>
    );
}

export function AddFriend({ account }: { account: Account }) {
    const uid = useSignal("");
    const found = useSignal<Found | null>(null);
    const note = useSignal("");
    const find = async (event?: Event) => {
        event?.preventDefault();
        note.value = "";
        found.value = null;
        try {
            found.value = (await account.call("get", "/api/auth/users", { query: { uid: uid.value.trim() } })).data;
        } catch (error) {
            note.value = sentence(error);
        }
    };
    useEffect(() => {
        if (wanted.value) {
            uid.value = wanted.value;
            wanted.value = "";
            void find();
        }
    }, [wanted.value]);
    const relation = { self: text.self, friend: text.added, request_sent: text.waiting, request_received: text.asksYou, none: "" };
    const { value: person } = found;
    return (
        <div class="page">
            <h1>{text.addFriend}</h1>
            <form class="find" onSubmit={find} onKeyDown={guardForm}>
                <input value={uid.value} placeholder={text.searchUid} aria-label={text.searchUid} autocapitalize="none" autocomplete="off" spellcheck={false} onInput={(event) => (uid.value = event.currentTarget.value)} />
                <button class="primary" disabled={uid.value.trim() === ""}>{text.find}</button>
            </form>
            {person && (
                <div class="card found">
                    <div class="who"><Avatar id={person.user_id} name={person.name} /><div><b><bdi>{person.name}</bdi></b><small>{text.myUid(person.uid ?? "")}</small></div></div>
                    {relation[person.relation] && <small>{relation[person.relation]}</small>}
                    {person.relation === "friend" && <button class="primary" onClick={() => go("contacts", person.user_id)}>{text.sendMessage}</button>}
                    {(person.relation === "none" || person.relation === "request_received") && (
                        <Greeting account={account} receiver_id={person.user_id} onDone={(done) => { found.value = null; note.value = done; }} />
                    )}
                </div>
            )}
            <p class="note" role="status">{note.value}</p>
        </div>
    );
}

/** Received and sent ones in one list, newest first. */
const requests = computed(() => [...received.value, ...sent.value].sort((a, b) => (a.created_at < b.created_at ? 1 : -1)));

function person(request: FriendRequest): { id: string; name: string; isSent: boolean } {
    return "receiver_id" in request && request.receiver_id
        ? { id: request.receiver_id, name: request.receiver_name ?? "", isSent: true }
        : { id: ("sender_id" in request && request.sender_id) || "", name: ("sender_name" in request && request.sender_name) || "", isSent: false };
}

function RequestRow({ account, request }: { account: Account; request: FriendRequest }) {
    const path = { request_id: request.request_id };
    const { id, name, isSent } = person(request);
    const isBusy = useSignal(false);
    const act = async (method: Extract<Method, "post" | "delete">, status: "accepted" | "rejected" = "accepted") => {
        const call = method === "post"
            ? account.call("post", "/api/auth/friendship_requests/{request_id}", { path, body: { status } })
            : account.call("delete", "/api/auth/friendship_requests/{request_id}", { path });
        isBusy.value = true;
        // Once it has succeeded the row says so.
        isBusy.value = await tried(call);
        refresh();
    };
    const states = { pending: isSent ? text.waiting : "", accepted: text.added, rejected: text.rejected, expired: text.expired, canceled: text.canceled };
    return (
        <li class="request">
            <Avatar id={id} name={name} />
            <div class="words"><b><bdi>{name}</bdi></b><small><bdi>{request.verification_message}</bdi></small></div>
            <div class="buttons">
                {states[request.status] && <small>{states[request.status]}</small>}
                {request.status === "pending" && !isSent && <button class="primary" disabled={isBusy.value} onClick={() => void act("post")}>{text.accept}</button>}
                {request.status === "pending" && !isSent && <button class="secondary" disabled={isBusy.value} onClick={() => void act("post", "rejected")}>{text.reject}</button>}
                {request.status === "pending" && isSent && <button class="secondary" disabled={isBusy.value} onClick={() => void act("delete")}>{text.withdraw}</button>}
            </div>
        </li>
    );
}

export function Requests({ account }: { account: Account }) {
    return (
        <div class="page">
            <h1>{text.newFriends}</h1>
            {requests.value.length === 0 && (areRequestsLoaded.value ? <p class="empty">{text.noRequests}</p> : <Waiting />)}
            <ul>{requests.value.map((request) => <RequestRow key={request.request_id} account={account} request={request} />)}</ul>
        </div>
    );
}
