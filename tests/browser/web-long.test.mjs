// Long lists: a long history keeps few rows in the document and never jumps; thousands of friends and chats. Durations are written to the
// file that MEASURED names, and are not judged here: a machine that runs tests is busy.

import assert from "node:assert/strict";
import { appendFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { befriend, log, openChat, person, say, seat, sees, start, stop, until, within, write } from "./web.mjs";

before(start);
after(stop);

const { MEASURED } = process.env;
const note = (what, milliseconds, aim) => MEASURED && appendFile(MEASURED, `${what}: ${Math.round(milliseconds)} ms, meant to be under ${aim} ms\n`);

const isAtBottom = (page) => until(page, () => {
    const box = document.querySelector(".log");
    return box.scrollHeight - box.scrollTop - box.clientHeight <= 10;
});

/** Scrolls in steps to an end. Tells which positions were in view, how far a row moved by itself, and the most rows in the document. */
const wander = (page, step, last) => log(page).evaluate(async (box, [step, last]) => {
    const seen = new Set();
    let [jump, most] = [0, 0];
    const { top, bottom } = box.getBoundingClientRect();
    const inView = () => [...box.children].filter((row) => row.getBoundingClientRect().bottom > top && row.getBoundingClientRect().top < bottom);
    const frames = async (count) => {
        for (let frame = 0; frame < count; frame++) {
            await new Promise((resolve) => requestAnimationFrame(resolve));
            most = Math.max(most, box.children.length);
        }
    };
    const noteInView = () => inView().forEach(({ dataset }) => seen.add(Number(dataset.seq)));
    noteInView();
    for (let count = 0; count < 400 && !seen.has(last); count++) {
        box.scrollBy(0, step);
        const row = inView()[0];
        const before = row.getBoundingClientRect().top;
        await frames(3);
        jump = Math.max(jump, row.isConnected ? Math.abs(row.getBoundingClientRect().top - before) : Infinity);
        noteInView();
    }
    return { jump, most, seen: [...seen].sort((a, b) => a - b) };
}, [step, last]);

test("300 rows of a long history are in the document, and none moves", () => within({}, async (open) => {
    const [alice, bob] = [await person("爱丽丝"), await person("Bob")];
    await befriend(bob, alice);
    const count = 450;
    await write(alice, bob, Array.from({ length: count }, (_, place) => `第 ${place + 1} 条${"，有时长一点".repeat(place % 7)}`));
    const page = await seat(await open(), alice);
    await openChat(page, "Bob");
    await isAtBottom(page);
    const all = Array.from({ length: count }, (_, place) => place + 1);
    await page.locator(`[data-seq="${count}"]`).waitFor();
    for (const [step, end] of [[-500, 1], [500, count]]) {
        const { jump, most, seen } = await wander(page, step, end);
        assert.ok(jump <= 1, `moved by ${jump}`);
        assert.ok(most <= 300, `${most} rows`);
        assert.deepEqual(seen, all);
    }
    await log(page).focus();
    await page.keyboard.press("Home");
    await page.locator('[data-seq="1"]').waitFor();
    assert.equal(await page.locator(`[data-seq="${count}"]`).count(), 0);
    await say(page, "到底");
    await sees(page, "到底");
    await isAtBottom(page);
    await page.keyboard.press("Escape");
    await log(page).focus();
    await page.keyboard.press("Home");
    await page.locator('[data-seq="1"]').waitFor();
    await write(bob, alice, ["来了"]);
    await page.getByRole("button", { name: "1条新消息" }).click();
    await sees(page, "来了");
    await isAtBottom(page);
}));

const FRIENDS = 5000;
const CHATS = 1000;

/** Serves an account with many friends and chats; the first chats are real ones. */
async function crowd(page, me, real) {
    const chat = (place) => ({
        conversation_id: real[place]?.conversation ?? String(10_000 + place), friend_id: real[place]?.friend.id ?? String(90_000 + place), friend_uid: `friend_${place}`,
        friend_name: `朋友${place}`, remark: "", is_friend: true, blocked: false, peer_read_seq: null, unread_count: 0, last_message: null, last_seq: 100, read_seq: 100,
        updated_at: "2026-01-01T00:00:00Z", pinned: false, muted: false,
    });
    const surnames = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨";
    const friends = Array.from({ length: FRIENDS }, (_, place) => ({
        friendship_id: String(place), friend_id: String(90_000 + place), friend_uid: `friend_${place}`, friend_name: `${surnames[place % 16]}友${place}`,
        remark: "", conversation_id: String(10_000 + place), created_at: "2026-01-01T00:00:00Z",
    }));
    const answer = (route, data, more = {}) => route.fulfill({ json: { code: 200, message: "", data, ...more } });
    await page.route(/api\/auth\/sync/, (route) => route.fulfill({ status: 404, json: { code: 404, error: "unknown_route", message: "" } }));
    await page.route(/api\/auth\/conversations(\?|$)/, (route) => answer(route, Array.from({ length: CHATS }, (_, place) => chat(place)), { next_cursor: null }));
    await page.route(/api\/auth\/conversations\/1\d{4}(\?|$)/, (route) => {
        const place = (Number(/conversations\/(\d+)/.exec(route.request().url())[1]) - 10_000) % CHATS;
        const messages = Array.from({ length: 100 }, (_, at) => ({
            message_id: `${place}0${at}`, seq: at + 1, sender_id: at % 2 ? me.id : chat(place).friend_id, client_message_id: null,
            content: `朋友${place} 的第 ${at + 1} 条`, recalled: false, created_at: "2026-01-01T00:00:00Z",
        }));
        return answer(route, { ...chat(place), messages, has_more: false });
    });
    // In two pages, as the server cuts a long list.
    await page.route(/api\/auth\/friendships(\?|$)/, (route) => {
        const isFirst = !route.request().url().includes("cursor=");
        return isFirst ? answer(route, friends.slice(0, 3000), { next_cursor: "next" }) : answer(route, friends.slice(3000), { next_cursor: null });
    });
    return friends;
}

test("with 5,000 friends and 1,000 chats the contacts keep their place", () => within({ except: /status of 40\d/ }, async (open) => {
    const me = await person("爱丽丝");
    const real = await Promise.all(Array.from({ length: 10 }, async (_, place) => {
        const friend = await person(`朋友${place}`);
        const conversation = await befriend(friend, me);
        await write(friend, me, Array.from({ length: 40 }, (_, at) => `朋友${place} 的第 ${at + 1} 条`));
        return { friend, conversation };
    }));
    const page = await seat(await open(), me);
    const friends = await crowd(page, me, real);
    const started = Date.now();
    await page.reload();
    await until(page, () => document.querySelectorAll(".rows li").length === 1000);
    await note("a list of 1,000 chats is there after", Date.now() - started, 1000);
    const switches = await page.evaluate(async () => {
        const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
        const rows = [...document.querySelectorAll(".rows .row")].slice(0, 10);
        const times = [];
        for (let count = 0; count < 20; count++) {
            const row = rows[count % 10];
            const name = row.querySelector("bdi").textContent;
            const begun = performance.now();
            row.click();
            while (![...document.querySelectorAll(".bubble")].at(-1)?.textContent.startsWith(`${name} `)) {
                await frame();
            }
            times.push(performance.now() - begun);
        }
        return times.sort((a, b) => a - b);
    });
    await note("a switch of chats, the median of 20, half of them for the first time, takes", switches[10], 150);
    const contacts = await page.evaluate(async () => {
        const begun = performance.now();
        document.querySelector(".rail .contacts").click();
        while (document.querySelector(".list .scroll").scrollHeight < 5000 * 50) {
            await new Promise((resolve) => requestAnimationFrame(resolve));
        }
        return performance.now() - begun;
    });
    await note("5,000 contacts are there after", contacts, 1000);
    const rows = page.locator(".contacts li");
    assert.ok(await rows.count() <= 303);
    // One friend more, above the reader: the list is read again, page by page, while the reader is far down.
    await page.locator(".letters button").last().click();
    await page.locator("#letter-Z button").first().waitFor();
    const seen = () => page.evaluate(() => {
        const box = document.querySelector(".list .scroll");
        const row = document.querySelector("#letter-Z li:nth-child(3)");
        return { id: row.firstChild.dataset.id, below: row.getBoundingClientRect().top - box.getBoundingClientRect().top, height: box.scrollHeight, at: box.scrollTop };
    });
    const before = await seen();
    assert.ok(before.at > 100_000, `${before.at}`);
    friends.push({ ...friends[0], friendship_id: "new", friend_id: "1", friend_name: "阿新" });
    await page.evaluate(() => {
        const box = document.querySelector(".list .scroll");
        window.least = Infinity;
        new MutationObserver(() => (window.least = Math.min(window.least, box.scrollHeight))).observe(box, { childList: true, subtree: true, attributes: true });
        dispatchEvent(new Event("focus"));
    });
    await page.locator("#letter-A").waitFor({ state: "attached" });
    const now = await seen();
    assert.ok(await page.evaluate(() => window.least) >= before.height);
    assert.equal(now.id, before.id);
    assert.ok(Math.abs(now.below - before.below) <= 1, `moved by ${now.below - before.below}`);
    assert.ok(await rows.count() <= 303);
    await page.locator("#letter-Z button").first().click();
    // Roles are slow to look up among so many.
    await page.locator(".person .primary").click();
    await page.locator(".bubble").last().waitFor();
    await page.locator(".rail .chat").click();
    await page.locator(".rows li:nth-child(501) .row").click();
    await page.locator(".pane h1").getByText("朋友500", { exact: true }).waitFor();
}));

/** The row that has the focus: its place in its list, how long that is, and whether the reader sees it. */
const focusedRow = (page) => page.evaluate(() => {
    const row = document.activeElement.closest(".contacts li");
    const box = document.querySelector(".list .scroll").getBoundingClientRect();
    const { top, bottom } = row?.getBoundingClientRect() ?? {};
    return row && { place: Number(row.ariaPosInSet), count: Number(row.ariaSetSize), isSeen: top >= box.top && bottom <= box.bottom };
});

test("of 5,000 contacts the keyboard reaches each, and keeps its place", () => within({ except: /status of 40\d/ }, async (open) => {
    const me = await person("爱丽丝");
    const page = await seat(await open(), me);
    const friends = await crowd(page, me, []);
    await page.evaluate(() => (location.hash = "#/contacts"));
    await page.reload();
    await until(page, (all) => {
        const row = document.querySelector(".contacts li");
        return row && all === [...document.querySelectorAll(".contacts ul")].reduce((sum, list) => sum + Math.round(list.clientHeight / row.offsetHeight), 0);
    }, friends.length);
    // Over the end of what was in the document.
    await page.evaluate(() => [...document.querySelectorAll(".contacts li button")].at(-1).focus());
    const first = await focusedRow(page);
    for (let step = 1; step <= 3; step++) {
        await page.keyboard.press("Tab");
        const { place, isSeen } = await focusedRow(page);
        assert.deepEqual([place, isSeen], [first.place % first.count + step, true]);
    }
    // Scrolled far away, the focus stays where it was, and goes on from there.
    const held = await focusedRow(page);
    await page.evaluate(() => document.querySelector(".list .scroll").scrollBy(0, 100_000));
    await until(page, () => {
        const box = document.querySelector(".list .scroll").getBoundingClientRect();
        return document.elementFromPoint(box.left + 30, box.top + box.height / 2)?.closest(".contacts li");
    });
    assert.deepEqual(await focusedRow(page), { ...held, isSeen: false });
    await page.keyboard.press("Tab");
    await until(page, () => document.activeElement.getBoundingClientRect().top >= 0);
    assert.deepEqual(await focusedRow(page), { ...held, place: held.place + 1 });
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Shift+Tab");
    assert.deepEqual(await focusedRow(page), { ...held, place: held.place - 1 });
    await page.keyboard.press("Enter");
    await page.locator(".person .who").waitFor();
}));
