// Large letters: the browser's own setting at twice its size, and the spacing that readers may set. Nothing is cut off, nothing overlaps.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { call, chats, field, pair, sees, start, stop, until, within, write } from "./web.mjs";

before(start);
after(stop);

const LONG = "放大到两倍也能看清楚，一行放不下的时候要换行";

/** Two friends; the first one's tab at rest. */
async function talking(open) {
    const { people: [alice, bob], pages: [page], conversation } = await pair(open);
    await call(alice, "PATCH", `/api/auth/conversations/${conversation}`, { pinned: true, muted: true });
    await write(bob, alice, [LONG]);
    await sees(page, LONG);
    return page;
}

/** The reader's setting for the size of letters, in pixels; 16 where none is set. */
async function setLetters(page, size) {
    const devtools = await page.context().newCDPSession(page);
    await devtools.send("Page.setFontSizes", { fontSizes: { standard: size, fixed: size } });
    await until(page, (size) => parseFloat(getComputedStyle(document.documentElement).fontSize) === size, size);
    await settled(page);
}

/** Two frames: rows beyond the window get their height when they come into it. */
const settled = (page) => page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));

/** The letters' sizes by the places where they stand, as far as they are shown. */
const sizes = (page, places) => page.evaluate((places) => Object.fromEntries(places.flatMap((place) => {
    const box = document.querySelector(place);
    return box?.checkVisibility() ? [[place, parseFloat(getComputedStyle(box).fontSize)]] : [];
})), places);

/** What is cut off at the bottom, beyond the window, or overlaps its neighbour in a row. */
const findings = (page) => page.evaluate(() => {
    const shown = (places, inside = document) => [...inside.querySelectorAll(places)].filter((box) => box.checkVisibility());
    const rect = (box) => box.getBoundingClientRect();
    const cut = shown(".bubble, .composer button, .composer textarea, .pane h1, .pane > header, .row, .row .names, .names bdi, .preview, .preview .words, .badge, .rail button, .rail span, .search label")
        .filter((box) => box.scrollHeight > box.clientHeight + 2 && box.clientHeight > 0).map((box) => `cut: ${box.className || box.tagName}`);
    const wide = shown(".row *, .composer *, .pane > header *, .rail *, .search *").filter((box) => !box.matches(".words > *"))
        .filter((box) => rect(box).right > innerWidth + 1 || rect(box).left < -1).map((box) => `beyond the window: ${box.className}`);
    const overlap = shown(".list .row").flatMap((row, place, rows) => {
        const [name, time, preview] = [".names bdi", ".names time", ".preview"].map((part) => row.querySelector(part) && rect(row.querySelector(part)));
        const faults = [
            rows[place + 1] && rect(rows[place + 1]).top < rect(row).bottom - 1 && "the next row",
            preview && name && preview.top < name.bottom - 2 && "the preview is on the name",
            preview && preview.bottom > rect(row).bottom + 1 && "the preview leaves the row",
            time && name.right > time.left + 1 && "the time is on the name",
            // A name may end in an ellipsis, but not at once.
            row.querySelector(".names bdi").scrollWidth > name.width + 1 && name.width < 3 * parseFloat(getComputedStyle(row).fontSize) && "the name is gone",
        ];
        return faults.filter(Boolean);
    });
    return [...cut, ...wide, ...overlap];
});

const LIST = [".names bdi", ".names time", ".preview .words", ".row .avatar", ".rail button > span:not(.avatar)", ".search input"];
const CHAT = [".bubble", ".pane h1", ".composer textarea", ".composer .send", ".line time", ".message .avatar"];

for (const [name, viewport] of [["a desktop", { width: 1700, height: 900 }], ["a laptop", { width: 1280, height: 800 }], ["a phone", { width: 390, height: 844 }]]) {
    test(`letters at 200 % cut nothing off in the list, on ${name}`, () => within({ viewport }, async (open) => {
        const page = await talking(open);
        await page.evaluate(() => (location.hash = "#/chat"));
        await chats(page).getByText(LONG).waitFor();
        const before = await sizes(page, LIST);
        assert.equal(Object.keys(before).length, LIST.length);
        await setLetters(page, 32);
        assert.deepEqual(await sizes(page, LIST), Object.fromEntries(LIST.map((place) => [place, 2 * before[place]])));
        assert.deepEqual(await findings(page), []);
    }));

    test(`letters at 200 % cut nothing off in a chat, on ${name}`, () => within({ viewport }, async (open) => {
        const page = await talking(open);
        const before = await sizes(page, CHAT);
        assert.equal(Object.keys(before).length, CHAT.length);
        await setLetters(page, 32);
        assert.deepEqual(await sizes(page, CHAT), Object.fromEntries(CHAT.map((place) => [place, 2 * before[place]])));
        await field(page).fill("一行\n两行");
        assert.deepEqual(await findings(page), []);
    }));
}

test("wide spacing cuts nothing off in the list and in a chat", () => within({ viewport: { width: 640, height: 500 } }, async (open) => {
    const page = await talking(open);
    await page.evaluate(() => {
        const sheet = new CSSStyleSheet();
        sheet.replaceSync("* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }");
        document.adoptedStyleSheets = [sheet];
    });
    await settled(page);
    assert.deepEqual(await findings(page), []);
    await page.getByRole("button", { name: "返回" }).click();
    await chats(page).getByText(LONG).waitFor();
    await settled(page);
    assert.deepEqual(await findings(page), []);
}));
