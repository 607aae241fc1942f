import assert from "node:assert/strict";
import { test } from "node:test";
import { Account } from "../../src/account.js";
import { connect, type ConnectOptions } from "../../src/connect.js";
import { type Change, Conversations, type Entry, type Synced } from "../../src/conversations.js";
import { Refusal } from "../../src/refusal.js";
import { Session } from "../../src/session.js";
import { MemoryStore } from "../../src/store.js";
import { Transport } from "../../src/transport.js";
import type { Message } from "../../src/types.js";
import { envelope, refusal, TokenServer } from "./support.js";

const FRIEND = "friend";

function entry(conversation_id: string, last_seq: number, more: Partial<Entry> = {}): Entry {
    const stamp = `2026-01-01T00:00:00.${String(last_seq).padStart(3, "0")}Z`;
    const base = { conversation_id, friend_id: FRIEND, last_seq, read_seq: 0, unread_count: 0, updated_at: stamp, pinned: false, hidden: false };
    return { ...base, last_message: null, recalled: [], deleted: [], ...more } as unknown as Entry;
}

function message(seq: number, sender_id = FRIEND): Message {
    return { seq, sender_id, content: `text ${seq}`, recalled: false, created_at: `2026-01-01T00:00:01.${String(seq).padStart(3, "0")}Z` } as Message;
}

function synced(cursor: string, conversations: Entry[] = [], more: Partial<Synced> = {}): { data: Synced } {
    return { data: { cursor, reset: false, conversations, stale: [], unread_total: 0, ...more } };
}

/** Connects to a server that gives these answers, and then ends the session. Resolves when the connection has ended. */
async function played(answers: (Response | "cut")[], options: Partial<ConnectOptions> = {}) {
    const asked: string[] = [];
    const fetch = async (url: string) => {
        asked.push(url.replace("/api/auth/sync?limit=200", ""));
        const answer = answers.shift() ?? refusal(403, "forbidden");
        if (answer === "cut") {
            throw new TypeError("fetch failed");
        }
        return answer;
    };
    const [transport, store] = [new Transport("", fetch, () => undefined), new MemoryStore()];
    const account = new Account(Session.begin(new TokenServer().login(), store, transport), transport, store);
    const changes: Change[] = [];
    const cursors: string[] = [];
    let lives = 0;
    const { end, connection } = await new Promise<{ end: unknown; connection: ReturnType<typeof connect> }>((resolve) => {
        const connection = connect(account, {
            onChange: (change) => void changes.push(change),
            onCursor: (cursor) => cursors.push(cursor),
            onLive: () => (lives += 1),
            onEnd: (end) => setImmediate(() => resolve({ end, connection })),
            socketClass: null,
            ...options,
        });
    });
    return { asked, changes, cursors, lives, end, connection };
}

test("all pages are applied before their cursor is kept, and only then an answer may wait", async () => {
    const first = envelope(200, { ...synced("c1", [entry("a", 1)]), next_cursor: "p2" });
    const second = envelope(200, { ...synced("c1", [entry("b", 2)]), next_cursor: null });
    const { asked, changes, cursors, lives, connection } = await played([first, second, envelope(200, synced("c2"))]);
    assert.deepEqual(asked, ["", "&cursor=p2", "&cursor=c1&wait=15", "&cursor=c2&wait=15"]);
    assert.deepEqual(cursors, ["c1", "c2"]);
    assert.equal(lives, 1);
    assert.deepEqual(changes.map((change) => change.type === "sync" && [change.data.reset, change.more]), [[true, true], [false, false]]);
    assert.deepEqual(connection.conversations.list().map((entry) => entry.conversation_id), ["b", "a"]);
    assert.equal(connection.isLive, false);
});

test("a page that is lost makes the client begin again at the cursor that it keeps", async () => {
    const page = () => envelope(200, { ...synced("c1", [entry("a", 1)]), next_cursor: "p2" });
    const last = envelope(200, { ...synced("c1", [entry("b", 2)]), next_cursor: null });
    const troubles: number[] = [];
    const { asked, cursors } = await played([page(), "cut", page(), last], { cursor: "c0", onTrouble: (_, seconds) => troubles.push(seconds) });
    assert.deepEqual(asked, ["&cursor=c0", "&cursor=p2", "&cursor=c0", "&cursor=p2", "&cursor=c1&wait=15"]);
    assert.deepEqual(cursors, ["c1"]);
    assert.equal(troubles.length, 1);
});

test("a reset drops what the client has, and a malformed cursor makes it begin with everything", async () => {
    const conversations = new Conversations();
    conversations.apply({ type: "sync", more: false, ...synced("c0", [entry("old", 9)]) });
    const malformed = refusal(400, "invalid_field");
    const body = JSON.parse(await malformed.text());
    const answers = [envelope(400, { ...body, field: "cursor" }), envelope(200, synced("c1", [entry("a", 1)], { reset: true }))];
    const { asked, cursors } = await played(answers, { cursor: "bad", conversations });
    assert.deepEqual(asked, ["&cursor=bad", "", "&cursor=c1&wait=15"]);
    assert.deepEqual(cursors, ["c1"]);
    assert.deepEqual(conversations.list().map((entry) => entry.conversation_id), ["a"]);
});

test("an error while a change is applied ends the connection, and the cursor is not kept", async () => {
    const failure = new Error("the disk is full");
    const { cursors, end } = await played([envelope(200, synced("c1", [entry("a", 1)]))], { onChange: () => Promise.reject(failure) });
    assert.equal(end, failure);
    assert.deepEqual(cursors, []);
});

test("a refusal that no wait cures ends the connection", async () => {
    const { end, asked } = await played([]);
    assert.ok(end instanceof Refusal && end.status === 403);
    assert.equal(asked.length, 1);
});

test("messages count once, and a repeated one changes nothing", () => {
    const conversations = new Conversations();
    const take = (change: Change) => conversations.apply(change);
    take({ type: "conversation", conversation: entry("a", 3, { read_seq: 2, unread_count: 1, hidden: true }) });
    assert.deepEqual(conversations.list(), []);
    const arrives = (seq: number, sender_id?: string) => take({ type: "message", conversation_id: "a", friend_id: FRIEND, message: message(seq, sender_id) });
    [3, 4, 4, 5].forEach((seq) => arrives(seq));
    arrives(6, "me");
    assert.deepEqual([conversations.get("a")?.last_seq, conversations.unreadTotal], [6, 3]);
    take({ type: "recall", conversation_id: "a", seq: 6, unread_count: 2 });
    assert.deepEqual([conversations.get("a")?.last_message?.recalled, conversations.unreadTotal], [true, 2]);
    take({ type: "read", conversation_id: "a", user_id: "me", read_seq: 6, unread_count: 0 });
    take({ type: "read", conversation_id: "a", user_id: FRIEND, read_seq: 5 });
    take({ type: "changed", conversation_id: "a", last_seq: 90 });
    take({ type: "delete", conversation_id: "a", seq: 1, unread_count: 0 });
    take({ type: "message", conversation_id: "unknown", friend_id: FRIEND, message: message(1) });
    const { read_seq, peer_read_seq, last_seq, unread_count } = conversations.get("a") as Entry;
    assert.deepEqual([read_seq, peer_read_seq, last_seq, unread_count], [6, 5, 90, 0]);
    assert.equal(conversations.list().length, 1);
});

test("the list has pinned conversations first, then the newest activity", () => {
    const conversations = new Conversations();
    const entries = [entry("old", 1), entry("pinned", 2, { pinned: true }), entry("new", 3), entry("hidden", 4, { hidden: true })];
    entries.forEach((conversation) => conversations.apply({ type: "conversation", conversation }));
    assert.deepEqual(conversations.list().map((entry) => entry.conversation_id), ["pinned", "new", "old"]);
});
