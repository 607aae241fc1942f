import assert from "node:assert/strict";
import { test } from "node:test";
import { MOST, sliceAt } from "../../src/ui/windowing.ts";

test("a short list is whole, and a long one is a window around the reader", () => {
    assert.deepEqual(sliceAt(0, -1), { from: 0, to: 0 });
    assert.deepEqual(sliceAt(MOST, 3), { from: 0, to: MOST });
    assert.deepEqual(sliceAt(1000, 999), { from: 700, to: 1000 });
    assert.deepEqual(sliceAt(1000, 500), { from: 350, to: 650 });
    assert.deepEqual(sliceAt(1000, 10), { from: 0, to: 300 });
});

test("the window stays while the reader is far from its ends, and always holds the reader", () => {
    assert.equal(sliceAt(1000, 460, 350).from, 350);
    assert.equal(sliceAt(1000, 440, 350).from, 290);
    assert.equal(sliceAt(1000, 560, 350).from, 410);
    assert.equal(sliceAt(1000, 990, 700).from, 700);
    assert.equal(sliceAt(350, 20, 200).from, 0);
    for (let reader = 0, before: number | undefined; reader < 2000; reader += 37) {
        const { from, to } = sliceAt(2000, reader, before);
        assert.ok(from <= reader && reader < to && to - from === MOST);
        before = from;
    }
});
