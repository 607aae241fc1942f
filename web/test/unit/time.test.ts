import assert from "node:assert/strict";
import { test } from "node:test";
import { en } from "../../src/text/en.ts";
import { lineTime, listTime } from "../../src/text/time.ts";
import { zh } from "../../src/text/zh.ts";

const now = new Date(2026, 10, 26, 14, 5);
const at = (...parts: [number, number, number, number?, number?]) => new Date(parts[0], parts[1] - 1, parts[2], parts[3] ?? 9, parts[4] ?? 7).toISOString();

test("the list of chats names times as WeChat does", () => {
    const times = [at(2026, 11, 26), at(2026, 11, 25, 23, 59), at(2026, 11, 24), at(2026, 11, 19), at(2025, 12, 31)];
    assert.deepEqual(times.map((time) => listTime(time, now, zh)), ["09:07", "昨天", "星期二", "26/11/19", "25/12/31"]);
    assert.deepEqual(times.slice(1, 3).map((time) => listTime(time, now, en)), ["Yesterday", "Tuesday"]);
    assert.deepEqual(times.slice(3).map((time) => listTime(time, now, en)), ["19 Nov", "31 Dec 2025"]);
});

test("the line between messages has day and time", () => {
    const times = [at(2026, 11, 26), at(2026, 11, 25), at(2026, 11, 21), at(2026, 11, 3), at(2025, 1, 2)];
    assert.deepEqual(times.map((time) => lineTime(time, now, zh)), ["09:07", "昨天 09:07", "星期六 09:07", "11月3日 09:07", "2025年1月2日 09:07"]);
    assert.deepEqual(times.slice(3).map((time) => lineTime(time, now, en)), ["3 Nov 09:07", "2 Jan 2025 09:07"]);
});

test("a clock that is a little behind shows today", () => {
    assert.equal(listTime(at(2026, 11, 26, 14, 9), now, zh), "14:09");
});

test("yesterday needs no year, though the year is another one", () => {
    const newYear = new Date(2027, 0, 1, 14, 5);
    assert.deepEqual([at(2026, 12, 31), at(2026, 12, 27)].map((time) => lineTime(time, newYear, zh)), ["昨天 09:07", "星期日 09:07"]);
});
