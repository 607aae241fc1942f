import assert from "node:assert/strict";
import { test } from "node:test";
import { type Account, connect, type Change, type Connection, Conversations, type Synced } from "../../src/index.js";
import { conversationWith, friends } from "./support.js";

/** Connects, and notes what arrives. */
function connected(account: Account, socketClass?: null, cursor: string | null = null, conversations = new Conversations()) {
    const changes: Change[] = [];
    const waiting = new Set<() => void>();
    const connection: Connection = connect(account, {
        cursor,
        conversations,
        ...(socketClass === null && { socketClass }),
        onChange: (change) => {
            changes.push(change);
            waiting.forEach((look) => look());
        },
        onCursor: () => waiting.forEach((look) => look()),
        onLive: () => waiting.forEach((look) => look()),
    });
    /** Resolves once the state is as wished. */
    const until = (isSo: () => boolean) =>
        new Promise<void>((resolve) => {
            const look = () => isSo() && resolve();
            waiting.add(look);
            look();
        });
    return { connection, changes, conversations, until };
}

async function fresh(account: Account): Promise<Synced> {
    return (await account.call("get", "/api/auth/sync")).data;
}

for (const [way, socketClass] of [["a socket", undefined], ["long polls", null]] as const) test(`messages, reads and recalls come by ${way}, and the state is that of a fresh client`, async () => {
    const [alice, bob] = await friends();
    const { connection, conversations, until, changes } = connected(bob, socketClass);
    const conversation_id = await conversationWith(bob, alice);
    await until(() => connection.isLive);
    const first = await alice.send(bob.user.user_id, "你好");
    await until(() => conversations.unreadTotal === 1);
    await bob.call("put", "/api/auth/conversations/{conversation_id}/read", { path: { conversation_id }, body: { seq: 1 } });
    await until(() => conversations.unreadTotal === 0);
    await alice.call("delete", "/api/auth/message/recall", { body: { message_id: first.message_id } });
    await until(() => conversations.get(conversation_id)?.last_message?.recalled === true);
    connection.stop();
    // What is listed since a cursor is empty in an answer that has everything.
    const state = conversations.list().map((entry) => ({ ...entry, recalled: [], deleted: [] }));
    assert.deepEqual(state, (await fresh(bob)).conversations);
    assert.ok(changes.length >= 4);
    assert.equal(changes.some((change) => change.type !== "sync"), socketClass === undefined);
});

test("a client that was away catches up by its cursor alone", async () => {
    const [alice, bob] = await friends();
    const before = connected(bob, null);
    await before.until(() => before.connection.isLive);
    before.connection.stop();
    for (const text of ["一", "二", "三"]) {
        await alice.send(bob.user.user_id, text);
    }
    const after = connected(bob, null, before.connection.cursor, before.conversations);
    await after.until(() => after.connection.isLive);
    after.connection.stop();
    assert.equal(after.conversations.unreadTotal, 3);
    assert.equal(after.changes.length, 1);
    assert.equal(after.changes[0]?.type === "sync" && after.changes[0].data.reset, false);
});
