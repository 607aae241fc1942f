import assert from "node:assert/strict";
import { test } from "node:test";
import { Account } from "../../src/account.js";
import { connect, type Connection } from "../../src/connect.js";
import type { Change } from "../../src/conversations.js";
import { Session } from "../../src/session.js";
import { socketUrl, type SocketClass } from "../../src/socket.js";
import { MemoryStore } from "../../src/store.js";
import { Transport } from "../../src/transport.js";
import { envelope, TokenServer } from "./support.js";

/** A socket whose server is the test. */
class FakeSocket {
    readonly url: string;
    readyState = 1;
    readonly sent: Record<string, unknown>[] = [];
    onmessage: ((event: { data: string }) => void) | undefined;
    onclose: ((event: { code: number }) => void) | undefined;

    constructor(url: string) {
        this.url = url;
    }

    send(text: string): void {
        this.sent.push(JSON.parse(text));
    }

    close(code = 1000): void {
        if (this.readyState === 1) {
            this.readyState = 3;
            this.onclose?.({ code });
        }
    }

    tell(...frames: object[]): void {
        frames.forEach((frame) => this.onmessage?.({ data: JSON.stringify(frame) }));
    }
}

const HELLO = { type: "hello", heartbeat_seconds: 25, authenticate_seconds: 10 };

function synced(cursor: string) {
    return { cursor, reset: false, conversations: [], stale: ["me"], unread_total: 0 };
}

/** A connection that has its first answer, and the sockets that it opens. */
async function connected(apply: (change: Change) => void = () => undefined) {
    const asked: string[] = [];
    const sockets: FakeSocket[] = [];
    const server = new TokenServer();
    const fetch = async (url: string, init: RequestInit) => {
        if (url.includes("/refresh_token")) {
            return server.fetch(url, init);
        }
        asked.push(url.replace("http://server/api/auth/sync", ""));
        await new Promise((resolve) => setTimeout(resolve, 1));
        return envelope(200, { data: synced(`c${asked.length}`), next_cursor: null });
    };
    const [transport, store] = [new Transport("http://server", fetch, () => undefined), new MemoryStore()];
    const account = new Account(Session.begin(server.login(), store, transport), transport, store);
    const socketClass = class extends FakeSocket {
        constructor(url: string) {
            super(url);
            sockets.push(this);
        }
    } as unknown as SocketClass;
    const cursors: string[] = [];
    const troubles: number[] = [];
    const ends: unknown[] = [];
    const connection: Connection = connect(account, {
        socketClass,
        onChange: apply,
        onCursor: (cursor) => cursors.push(cursor),
        onTrouble: (_, seconds) => troubles.push(seconds),
        onEnd: (end) => ends.push(end),
    });
    const until = async (isSo: () => boolean) => {
        while (!isSo()) {
            await new Promise((resolve) => setTimeout(resolve, 2));
        }
    };
    await until(() => sockets.length === 1);
    return { connection, sockets, asked, cursors, troubles, ends, server, until, socket: sockets[0] as FakeSocket };
}

test("after the first answer a socket goes on from its cursor, and ticks are kept in order", async () => {
    const seen: string[] = [];
    const { connection, socket, cursors, asked, until } = await connected((change) => void seen.push(change.type));
    assert.deepEqual([socket.url, asked.length], ["ws://server/api/auth/socket", 1]);
    socket.tell(HELLO);
    await until(() => socket.sent.length === 1);
    assert.deepEqual(socket.sent[0], { type: "authenticate", token: "access-1", cursor: "c1" });
    socket.tell({ type: "ready" }, { type: "sync", data: synced("s1"), more: true }, { type: "sync", data: synced("s2"), more: false });
    socket.tell({ type: "live" }, { type: "stale", what: ["me"] }, { type: "tick", cursor: "t1" }, { type: "new in 2030" });
    await until(() => cursors.length === 3);
    assert.deepEqual([cursors, seen], [["c1", "s2", "t1"], ["sync", "sync", "sync", "stale"]]);
    assert.equal(connection.isLive, true);
    connection.stop();
    assert.equal(socket.readyState, 3);
});

test("a token that is about to expire is replaced in place", async () => {
    const { connection, socket, until, server } = await connected();
    socket.tell(HELLO);
    await until(() => socket.sent.length === 1);
    socket.tell({ type: "expiring", seconds: 60 });
    await until(() => socket.sent.length === 2);
    assert.deepEqual(socket.sent[1], { type: "authenticate", token: "access-2" });
    assert.equal(server.refreshes().length, 1);
    connection.stop();
});

test("after a goodbye the client comes back with its last cursor when the server wishes", async () => {
    const { connection, socket, sockets, troubles, until } = await connected();
    socket.tell(HELLO, { type: "tick", cursor: "t1" }, { type: "goodbye", retry_ms: 1100, why: "restart" });
    await until(() => socket.sent.length === 1);
    socket.close(1012);
    await until(() => sockets.length === 2);
    assert.ok(troubles.length === 1 && (troubles[0] as number) >= 1.1);
    sockets[1]?.tell(HELLO);
    await until(() => sockets[1]?.sent.length === 1);
    assert.equal(sockets[1]?.sent[0]?.["cursor"], "t1");
    connection.stop();
});

test("where sockets do not get through, long polls take over", async () => {
    const { connection, socket, sockets, asked, until } = await connected();
    socket.close(1006);
    await until(() => sockets.length === 2);
    sockets[1]?.close(1006);
    await until(() => asked.length >= 3);
    assert.ok(asked.at(-1)?.includes("wait=15"));
    assert.equal(sockets.length, 2);
    connection.stop();
});

test("an error while a frame is applied ends the connection, and no later cursor is kept", async () => {
    let isFirst = true;
    const failure = new Error("the disk is full");
    const { socket, cursors, ends, until } = await connected(() => {
        if (!isFirst) {
            throw failure;
        }
        isFirst = false;
    });
    socket.tell(HELLO, { type: "stale", what: ["me"] }, { type: "tick", cursor: "t1" });
    await until(() => ends.length === 1);
    assert.deepEqual([ends, cursors], [[failure], ["c1"]]);
});

test("the address of a socket follows that of the server", () => {
    assert.equal(socketUrl("https://chat.example/api/auth/socket"), "wss://chat.example/api/auth/socket");
    assert.equal(socketUrl("http://127.0.0.1:8080/x"), "ws://127.0.0.1:8080/x");
});

test("typing is reported once per 3 s, by the socket or else by a call", async (t) => {
    const { connection, socket, asked, cursors, until } = await connected();
    connection.typing("7");
    await until(() => asked.length === 2);
    assert.equal(asked[1], "http://server/api/auth/conversations/7/typing");
    socket.tell(HELLO, { type: "ready" }, { type: "tick", cursor: "t1" });
    await until(() => cursors.at(-1) === "t1");
    connection.typing("7");
    connection.typing("8");
    connection.typing("8");
    const reports = () => socket.sent.slice(1).map((frame) => frame["conversation_id"]);
    assert.deepEqual(reports(), ["8"]);
    t.mock.timers.enable({ apis: ["Date"], now: Date.now() + 3001 });
    connection.typing("7");
    assert.deepEqual([reports(), asked.length], [["8", "7"], 2]);
    connection.stop();
});
