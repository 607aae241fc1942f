import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Account } from "../../src/account.js";
import { MemoryStore } from "../../src/store.js";
import { Refusal, SessionEnded, Unreachable } from "../../src/refusal.js";
import { Session } from "../../src/session.js";
import { Transport } from "../../src/transport.js";
import { envelope, refusal, TokenServer } from "./support.js";

type Answer = Response | "cut";

/** An account whose sends are answered by a script, and by success after that. */
function world(answers: Answer[], store = new MemoryStore()) {
    const bodies: { receiver_id: string; content: string; client_message_id: string }[] = [];
    const fetch = async (_: string, init: RequestInit) => {
        bodies.push(JSON.parse(String(init.body)));
        const answer = answers.shift() ?? envelope(200, { data: `id-${bodies.length}` });
        if (answer === "cut") {
            throw new TypeError("fetch failed");
        }
        return answer;
    };
    const transport = new Transport("", fetch, () => undefined);
    const account = new Account(Session.begin(new TokenServer().login(), store, transport), transport, store);
    return { account, bodies, store };
}

/** Lets waits pass at once, and notes their seconds. */
async function skipping(work: () => Promise<unknown>): Promise<number[]> {
    const seconds: number[] = [];
    const real = globalThis.setTimeout;
    const timer = mock.method(globalThis, "setTimeout", (run: () => void, milliseconds = 0) => {
        // The time limit of an exchange is no wait.
        if (milliseconds === 20_000) {
            return real(run, milliseconds);
        }
        seconds.push(Math.floor(milliseconds / 1000));
        return real(run, 0);
    });
    try {
        await work();
    } finally {
        timer.mock.restore();
    }
    return seconds;
}

test("after a cut connection the message goes again under the same key", async () => {
    const { account, bodies } = world(["cut", refusal(503, "unavailable"), "cut"]);
    const waits: unknown[] = [];
    const seconds = await skipping(async () => {
        const sent = await account.send("b", "你好", { onWait: (_, because) => waits.push(because.constructor) });
        assert.equal(sent.client_message_id, bodies[0]?.client_message_id);
    });
    assert.equal(new Set(bodies.map((body) => body.client_message_id)).size, 1);
    assert.equal(bodies.length, 4);
    assert.deepEqual(waits, [Unreachable, Refusal, Unreachable]);
    assert.deepEqual(seconds.map((wait, place) => wait >= 2 ** place && wait <= 1.2 * 2 ** place), [true, true, true]);
});

test("waits grow to thirty seconds and follow Retry-After", async () => {
    const { account } = world([...Array(8).fill("cut"), refusal(429, "message_quota_used_up", { "Retry-After": "90" })]);
    const seconds = await skipping(() => account.send("b", "x"));
    assert.deepEqual(seconds.slice(5, 8).map((wait) => wait >= 30 && wait <= 36), [true, true, true]);
    assert.ok((seconds[8] ?? 0) >= 90);
});

test("a page of a proxy is no answer of the server", async () => {
    const page = new Response("<h1>502 Bad Gateway</h1>", { status: 502, headers: { "Retry-After": "4" } });
    const { account, bodies } = world([page]);
    const seconds = await skipping(() => account.send("b", "x"));
    assert.equal(bodies.length, 2);
    assert.ok((seconds[0] ?? 0) >= 4);
});

test("a refusal has the server's sentence and is not repeated", async () => {
    for (const [status, name] of [[409, "not_friends"], [400, "invalid_field"], [409, "idempotency_conflict"]] as const) {
        const { account, bodies } = world([refusal(status, name)]);
        const error = await account.send("b", "x").catch((error: unknown) => error);
        assert.ok(error instanceof Refusal && error.is(name), String(error));
        assert.equal(error.message, `the sentence of ${name}`);
        assert.equal(bodies.length, 1);
    }
});

test("an aborted send gives up between two attempts", async () => {
    const { account, bodies } = world(["cut", "cut"]);
    const giveUp = new AbortController();
    const error = await account.send("b", "x", { signal: giveUp.signal, onWait: () => giveUp.abort() }).catch((error: unknown) => error);
    assert.equal((error as Error).name, "AbortError");
    assert.equal(bodies.length, 1);
});

test("a session that ended stops a send", async () => {
    const { account } = world([refusal(401, "session_ended")]);
    await assert.rejects(account.send("b", "x"), SessionEnded);
    await assert.rejects(account.send("b", "x"), SessionEnded);
});

test("the outbox sends in order, one message at a time to each receiver", async () => {
    const { account, bodies } = world(["cut"]);
    const done = new Promise<void>((resolve) => {
        account.outbox.onChange((message, state) => state === "sent" && message.content === "3" && resolve());
    });
    await skipping(async () => {
        ["1", "2", "3"].forEach((content) => account.outbox.add("b", content));
        account.outbox.add("c", "another");
        await done;
    });
    assert.deepEqual(bodies.filter((body) => body.receiver_id === "b").map((body) => body.content), ["1", "1", "2", "3"].slice(bodies[0]?.receiver_id === "b" ? 0 : 1));
    assert.deepEqual(account.outbox.messages("b"), []);
});

test("a message in the outbox survives a reload and is stored once", async () => {
    const store = new MemoryStore();
    const before = world([], store);
    before.account.outbox.close();
    const { client_message_id } = before.account.outbox.add("b", "before the reload");
    const after = world([], store);
    await new Promise<void>((resolve) => after.account.outbox.onChange((_, state) => state === "sent" && resolve()));
    assert.equal(after.bodies[0]?.client_message_id, client_message_id);
    assert.deepEqual(after.account.outbox.messages(), []);
});

test("a refused message waits in the outbox with the server's sentence", async () => {
    const { account, bodies } = world([refusal(409, "not_friends")]);
    const refused = new Promise((resolve) => account.outbox.onChange((_, state) => state === "refused" && resolve(state)));
    const { client_message_id } = account.outbox.add("b", "在吗？");
    await refused;
    assert.equal(account.outbox.messages()[0]?.refusal?.message, "the sentence of not_friends");
    const sent = new Promise((resolve) => account.outbox.onChange((_, state) => state === "sent" && resolve(state)));
    account.outbox.retry(client_message_id);
    await sent;
    assert.deepEqual(bodies.map((body) => body.client_message_id), [client_message_id, client_message_id]);
});

test("a discarded message is not kept when its refusal comes", async () => {
    const { account } = world([refusal(409, "blocked")]);
    const refused = new Promise((resolve) => account.outbox.onChange((_, state) => state === "refused" && resolve(state)));
    account.outbox.discard(account.outbox.add("b", "never mind").client_message_id);
    await refused;
    assert.deepEqual(account.outbox.messages(), []);
});
