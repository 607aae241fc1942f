import assert from "node:assert/strict";
import { test } from "node:test";
import { History } from "../../src/history.js";
import type { Message } from "../../src/types.js";

const message = (seq: number, content = `text ${seq}`) => ({ seq, message_id: `m${seq}`, sender_id: "b", content, recalled: false, created_at: "" }) as Message;
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, place) => message(from + place));
const window = (messages: Message[], last_seq: number, has_more: boolean) => ({ messages, last_seq, has_more });
const seqs = (history: History, seq?: number) => history.messages(seq).map((message) => message.seq);

test("the newest window and the older one join", () => {
    const history = new History();
    assert.deepEqual(history.newer(), {});
    history.apply(window(range(6, 10), 10, true));
    assert.deepEqual(history.older(), { before: 6 });
    history.apply(window(range(1, 5), 10, false), { before: 6 });
    assert.deepEqual(seqs(history), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    assert.equal(history.older(), undefined);
    assert.equal(history.newer(), undefined);
});

test("a newest window beyond a gap is an island of its own until the gap is filled", () => {
    const history = new History();
    history.apply(window(range(1, 3), 3, false));
    history.apply(window(range(8, 10), 10, true));
    assert.deepEqual(seqs(history), [8, 9, 10]);
    assert.deepEqual(seqs(history, 2), [1, 2, 3]);
    assert.deepEqual(history.newer(2), { after: 3 });
    history.apply(window(range(4, 6), 10, true), { after: 3 });
    assert.deepEqual(seqs(history), [8, 9, 10]);
    history.apply(window([message(7)], 10, true), { after: 6 });
    assert.deepEqual(seqs(history), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

test("a message that comes twice is there once, in its newest form", () => {
    const history = new History();
    history.apply(window(range(1, 3), 3, false));
    history.apply(window([{ ...message(3), recalled: true, content: null }, message(4)], 4, true));
    assert.deepEqual(seqs(history), [1, 2, 3, 4]);
    assert.equal(history.messages()[2]?.recalled, true);
});

test("a deleted message is known to be missing and makes no gap", () => {
    const history = new History();
    history.apply(window([message(1), message(3)], 4, false));
    assert.deepEqual(seqs(history), [1, 3]);
    assert.equal(history.newer(), undefined);
    history.apply(window([message(3)], 4, true));
    history.apply(window([], 4, false), { before: 3 });
    assert.deepEqual(seqs(history), [3]);
});

test("a higher position from elsewhere says what is missing", () => {
    const history = new History();
    history.apply(window([], 0, false));
    assert.equal(history.newer(), undefined);
    history.expect(2);
    assert.deepEqual(history.newer(), {});
    history.apply(window(range(1, 2), 2, false));
    history.expect(5);
    assert.deepEqual(history.newer(), { after: 2 });
});

test("recalling and removing change what is held", () => {
    const history = new History();
    history.apply(window(range(1, 2), 2, false));
    history.recall(1);
    history.remove(2);
    assert.deepEqual(history.messages().map(({ seq, content }) => [seq, content]), [[1, null]]);
});
