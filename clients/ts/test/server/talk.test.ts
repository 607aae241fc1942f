import assert from "node:assert/strict";
import { test } from "node:test";
import { History, Refusal } from "../../src/index.js";
import { conversationWith, friends, lossyProxy, person } from "./support.js";

test("two people become friends, talk, read and recall", async () => {
    const [alice, bob] = await friends();
    const texts = ["晚上一起吃火锅吗？🍲", "七点？", "带上 café 的蛋糕"];
    for (const text of texts) {
        await alice.send(bob.user.user_id, text);
    }
    const conversation_id = await conversationWith(bob, alice);
    const history = new History();
    await bob.load(conversation_id, history, "newer");
    assert.deepEqual(history.messages().map((message) => message.content), texts);
    assert.equal(await bob.load(conversation_id, history, "newer"), false);

    const read = await bob.call("put", "/api/auth/conversations/{conversation_id}/read", { path: { conversation_id }, body: { seq: history.lastSeq } });
    assert.deepEqual(read.data, { read_seq: 3, unread_count: 0 });
    const found = [];
    for await (const { content } of bob.rows("/api/auth/messages/search", { q: "火锅" })) {
        found.push(content);
    }
    assert.deepEqual(found, [texts[0]]);

    const { message_id } = await alice.send(bob.user.user_id, "oops");
    await alice.call("delete", "/api/auth/message/recall", { body: { message_id } });
    history.expect(4);
    await bob.load(conversation_id, history, "newer");
    assert.deepEqual([history.messages().at(-1)?.recalled, history.messages().at(-1)?.content], [true, null]);
});

test("a stranger's message is refused with the server's sentence", async () => {
    const [alice, bob] = await Promise.all([person("Alice"), person("Bob")]);
    const error = await alice.send(bob.user.user_id, "hello?").catch((error: unknown) => error);
    assert.ok(error instanceof Refusal && error.is("not_friends"));
    assert.match(error.message, /^You are not friends\./);
    assert.match(error.requestId ?? "", /./);
});

test("messages are stored once and in order though every second answer is lost", async () => {
    let sends = 0;
    const proxy = await lossyProxy((path) => path === "/api/auth/messages" && sends++ % 2 === 0);
    try {
        const [alice, bob] = await friends({ baseUrl: proxy.url });
        const texts = ["一", "二", "三"];
        const done = new Promise<void>((resolve) => {
            alice.outbox.onChange((message, state) => state === "sent" && message.content === "三" && resolve());
        });
        texts.forEach((text) => alice.outbox.add(bob.user.user_id, text));
        await done;
        const history = new History();
        await bob.load(await conversationWith(bob, alice), history, "newer");
        assert.deepEqual(history.messages().map(({ seq, content }) => [seq, content]), [[1, "一"], [2, "二"], [3, "三"]]);
        assert.ok(sends >= 6, `${sends} sends`);
    } finally {
        proxy.server.closeAllConnections();
        proxy.server.close();
    }
});

test("a poll sees a new message and nothing between", async () => {
    const [alice, bob] = await friends();
    const seen: (string | null | undefined)[] = [];
    await new Promise<void>((resolve, reject) => {
        const poll = bob.poll("/api/auth/conversations", {}, {
            every: 0.05,
            onEnd: reject,
            onAnswer: ({ data }) => {
                seen.push(data[0]?.last_message?.content);
                if (seen.length === 1) {
                    setTimeout(() => void alice.send(bob.user.user_id, "news"), 300);
                } else {
                    poll.stop();
                    resolve();
                }
            },
        });
    });
    assert.deepEqual(seen, [undefined, "news"]);
});

test("a long history is loaded backwards without gaps", async () => {
    const [alice, bob] = await friends();
    for (let number = 1; number <= 120; number++) {
        await alice.send(bob.user.user_id, String(number));
    }
    const conversation_id = await conversationWith(bob, alice);
    const history = new History();
    await bob.load(conversation_id, history, "newer");
    assert.equal(history.messages().length, 50);
    while (await bob.load(conversation_id, history, "older")) {}
    assert.deepEqual(history.messages().map((message) => message.content), Array.from({ length: 120 }, (_, place) => String(place + 1)));
});
