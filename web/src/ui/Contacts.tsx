// Contacts: adding a friend by uid, the requests received, the friends.

import { type Account, type DataOf, Refusal } from "@hongyan/client";
import { useSignal } from "@preact/signals";
import { conversations, type FriendRequest, friends, go, openRequests, received, refresh } from "../state/app.ts";
import { text } from "../text/index.ts";
import { Avatar } from "./Avatar.tsx";
import { isPlainEnter, onCompositionEnd } from "./enter.ts";

type Found = DataOf<"get", "/api/auth/users">;

const sentence = (error: unknown) => (error instanceof Refusal ? error.message : text.offline);

function AddFriend({ account }: { account: Account }) {
    const uid = useSignal("");
    const found = useSignal<Found | null>(null);
    const greeting = useSignal(text.greeting(account.user.name));
    const note = useSignal("");
    const find = async () => {
        note.value = "";
        found.value = null;
        try {
            found.value = (await account.call("get", "/api/auth/users", { query: { uid: uid.value.trim() } })).data;
        } catch (error) {
            note.value = sentence(error);
        }
    };
    const ask = async (receiver_id: string) => {
        try {
            const { data } = await account.call("post", "/api/auth/friendship_requests", { body: { receiver_id, verification_message: greeting.value } });
            note.value = data.status === "accepted" ? text.added : text.requestSent;
            found.value = null;
            refresh();
        } catch (error) {
            note.value = sentence(error);
        }
    };
    return (
        <section class="add" aria-label={text.addFriend}>
            <div class="find">
                <input value={uid.value} placeholder={text.searchUid} aria-label={text.searchUid} autocapitalize="none" spellcheck={false}
                    onInput={(event) => (uid.value = event.currentTarget.value)} onCompositionEnd={onCompositionEnd}
                    onKeyDown={(event) => isPlainEnter(event) && uid.value.trim() && void find()} />
                <button class="secondary" disabled={uid.value.trim() === ""} onClick={find}>{text.find}</button>
            </div>
            {found.value && (
                <div class="found">
                    <Avatar id={found.value.user_id} name={found.value.name} />
                    <span class="names"><bdi>{found.value.name}</bdi><small>{text.myUid(found.value.uid)}</small></span>
                    {found.value.relation === "self" && <small>{text.self}</small>}
                    {found.value.relation === "friend" && <small>{text.added}</small>}
                    {found.value.relation === "request_sent" && <small>{text.waiting}</small>}
                    {(found.value.relation === "none" || found.value.relation === "request_received") && (
                        <>
                            <input value={greeting.value} maxLength={128} aria-label={text.verification} onInput={(event) => (greeting.value = event.currentTarget.value)} />
                            <button class="primary" onClick={() => found.value && ask(found.value.user_id)}>{text.addToContacts}</button>
                        </>
                    )}
                </div>
            )}
            <p class="note" role="status">{note.value}</p>
        </section>
    );
}

const STATES = { pending: "", accepted: text.added, rejected: text.rejected, expired: text.expired, canceled: text.canceled };

function Requests({ account }: { account: Account }) {
    const note = useSignal("");
    const answer = (request: FriendRequest, status: "accepted" | "rejected") =>
        account.call("post", "/api/auth/friendship_requests/{request_id}", { path: { request_id: request.request_id }, body: { status } }).then(refresh, (error: unknown) => (note.value = sentence(error)));
    return (
        <section aria-label={text.newFriends}>
            <h2>{text.newFriends}{openRequests.value > 0 && <b class="badge">{openRequests.value}</b>}</h2>
            <p class="note" role="status">{note.value}</p>
            <ul class="rows">
                {received.value.map((request) => "sender_id" in request && request.sender_id && (
                    <li key={request.request_id} class="row">
                        <Avatar id={request.sender_id} name={request.sender_name ?? ""} />
                        <span class="names"><bdi>{request.sender_name}</bdi></span>
                        <span class="preview"><span class="words"><bdi>{request.verification_message}</bdi></span></span>
                        <span class="answer">
                            {request.status === "pending" ? (
                                <>
                                    <button class="primary" onClick={() => answer(request, "accepted")}>{text.accept}</button>
                                    <button class="secondary" onClick={() => answer(request, "rejected")}>{text.reject}</button>
                                </>
                            ) : <small>{STATES[request.status]}</small>}
                        </span>
                    </li>
                ))}
            </ul>
        </section>
    );
}

const conversationWith = (friend: string) => conversations.value.find(({ friend_id }) => friend_id === friend)?.conversation_id;

export function Contacts({ account }: { account: Account }) {
    return (
        <div class="contacts">
            <AddFriend account={account} />
            {received.value.length > 0 && <Requests account={account} />}
            <section aria-label={text.friends}>
                <h2>{text.friends}</h2>
                {friends.value.length === 0 && <p class="empty">{text.noContacts}</p>}
                <ul class="rows">
                    {friends.value.map(({ friendship_id, friend_id, friend_name, remark }) => (
                        <li key={friendship_id}>
                            <button class="row" onClick={() => go("chat", conversationWith(friend_id))}>
                                <Avatar id={friend_id} name={remark || friend_name} />
                                <span class="names"><bdi>{remark || friend_name}</bdi></span>
                            </button>
                        </li>
                    ))}
                </ul>
            </section>
        </div>
    );
}
