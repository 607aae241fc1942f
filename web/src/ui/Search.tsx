// Search: contacts, the history of all chats or of one, and a uid. A hit opens the chat where it stands.

import { type Account, isTemporary, type RowOf } from "@hongyan/client";
import { signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { sentence } from "../state/app.ts";
import { conversationOf, friends, nameOf } from "../state/lists.ts";
import { go } from "../state/route.ts";
import { isNarrow } from "../state/width.ts";
import { text } from "../text/index.ts";
import { listTime } from "../text/time.ts";
import { Avatar } from "./Avatar.tsx";
import { isComposing, isPlainEnter } from "./enter.ts";
import { Icon } from "./Icon.tsx";

type Hit = RowOf<"/api/auth/messages/search">;

export const words = signal("");
/** The one chat that is searched, if not all. */
export const scope = signal<string | undefined>(undefined);

/** Opens the search of one chat. */
export function searchChat(conversation: string): void {
    scope.value = conversation;
    words.value = "";
    if (isNarrow.peek()) {
        // The field is in the list, which the chat hides.
        go("chat");
    }
    requestAnimationFrame(() => document.querySelector<HTMLInputElement>(".search input")?.focus());
}

function endSearch(): void {
    words.value = "";
    scope.value = undefined;
}

export function SearchField() {
    const field = useRef<HTMLInputElement>(null);
    const chat = scope.value && conversationOf(scope.value);
    return (
        <div class="search" role="search">
            <label>
                <Icon name="search" />
                {chat && <bdi class="scope">{nameOf(chat)}</bdi>}
                <input ref={field} type="text" value={words.value} placeholder={text.search} aria-label={text.search} autocomplete="off" spellcheck={false} maxLength={200}
                    onInput={(event) => (words.value = event.currentTarget.value)}
                    onKeyDown={(event) => {
                        if (event.key === "Escape" && !isComposing(event)) {
                            endSearch();
                            document.querySelector<HTMLElement>(".composer textarea")?.focus();
                        } else if (isPlainEnter(event)) {
                            document.querySelector<HTMLElement>(".results .row")?.click();
                        }
                    }} />
                {(words.value || scope.value) && <button class="plain" aria-label={text.clear} onClick={() => { endSearch(); field.current?.focus(); }}><Icon name="close" /></button>}
            </label>
            <button class="plain square" aria-label={text.addFriend} title={text.addFriend} onClick={() => { endSearch(); go("contacts", "add"); }}><Icon name="add" /></button>
        </div>
    );
}

/** A text with what was sought marked in it, some characters before it shown. */
function InContext({ content, sought }: { content: string; sought: string }) {
    const line = content.replace(/\s+/g, " ");
    const at = line.toLowerCase().indexOf(sought.toLowerCase());
    if (at < 0) {
        return <bdi>{line}</bdi>;
    }
    const from = Math.max(0, at - 8);
    return <bdi>{from > 0 && "…"}{line.slice(from, at)}<mark>{line.slice(at, at + sought.length)}</mark>{line.slice(at + sought.length)}</bdi>;
}

function Hits({ account, sought, isAlone }: { account: Account; sought: string; isAlone: boolean }) {
    const hits = useSignal<Hit[]>([]);
    const cursor = useSignal<string | null>(null);
    const state = useSignal<"busy" | "done">("busy");
    const note = useSignal("");
    const chat = scope.value;
    const load = async (from: string | null, signal?: AbortSignal): Promise<void> => {
        state.value = "busy";
        try {
            const query = { q: sought, limit: 30, ...(from && { cursor: from }), ...(chat && { conversation_id: chat }) };
            const answer = await account.call("get", "/api/auth/messages/search", { query, ...(signal && { signal }) });
            hits.value = from ? [...hits.value, ...answer.data] : answer.data;
            cursor.value = answer.next_cursor ?? null;
            note.value = "";
        } catch (error) {
            if (signal?.aborted) {
                return;
            }
            note.value = sentence(error);
            if (isTemporary(error) && !from) {
                setTimeout(() => signal?.aborted || void load(from, signal), 2000);
                return;
            }
        }
        state.value = "done";
    };
    useEffect(() => {
        const gone = new AbortController();
        const timer = setTimeout(() => void load(null, gone.signal), 300);
        return () => {
            clearTimeout(timer);
            gone.abort();
        };
    }, [sought, chat]);
    const open = ({ conversation_id, seq }: Hit) => {
        go("chat", conversation_id, seq);
    };
    const nameFor = (id: string) => {
        const known = conversationOf(id) ?? friends.value.find(({ conversation_id }) => conversation_id === id);
        return { name: known ? nameOf(known) : text.chats, id: known?.friend_id ?? id };
    };
    return (
        <section aria-label={text.searchHistory}>
            {hits.value.length > 0 && <h2>{text.searchHistory}</h2>}
            <ul>
                {hits.value.map((hit) => {
                    const { name, id } = nameFor(hit.conversation_id);
                    return (
                        <li key={hit.message_id}>
                            <button class="row" onClick={() => open(hit)}>
                                <Avatar id={id} name={name} />
                                <span class="names"><bdi>{name}</bdi><time>{listTime(hit.created_at, new Date(), text)}</time></span>
                                <span class="preview"><span class="words"><InContext content={hit.content ?? ""} sought={sought} /></span></span>
                            </button>
                        </li>
                    );
                })}
            </ul>
            {cursor.value && <button class="link more" disabled={state.value === "busy"} onClick={() => void load(cursor.value)}>{text.loadMore}</button>}
            <p class="empty" role="status">{note.value || (state.value === "done" && hits.value.length === 0 && isAlone ? text.nothingFound : "")}</p>
        </section>
    );
}

export function Results({ account }: { account: Account }) {
    const sought = words.value.trim();
    const lower = sought.toLowerCase();
    const isLike = (value: string | null) => value?.toLowerCase().includes(lower);
    const people = scope.value || !sought ? [] : friends.value.filter((friend) => isLike(friend.remark) || isLike(friend.friend_name) || isLike(friend.friend_uid)).slice(0, 20);
    return (
        <div class="results">
            {people.length > 0 && (
                <section aria-label={text.searchContacts}>
                    <h2>{text.searchContacts}</h2>
                    <ul>
                        {people.map((friend) => (
                            <li key={friend.friend_id}>
                                <button class="row short" onClick={() => { endSearch(); go("chat", friend.conversation_id ?? undefined); }}>
                                    <Avatar id={friend.friend_id} name={nameOf(friend)} />
                                    <span class="names"><InContext content={nameOf(friend)} sought={sought} /></span>
                                </button>
                            </li>
                        ))}
                    </ul>
                </section>
            )}
            {sought && <Hits account={account} sought={sought} isAlone={people.length === 0} />}
            {sought && !scope.value && <button class="link more" onClick={() => { endSearch(); go("contacts", "add"); wanted.value = sought; }}>{text.searchForUid(sought)}</button>}
        </div>
    );
}

/** A uid to find, for the page that adds friends. */
export const wanted = signal("");
