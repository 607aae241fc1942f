// What the web client has a screen reader say: messages of the other as they come, each once, and nothing else.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { call, lines, log, openChat, pair, say, start, stop, until, within, withUnread, write } from "./web.mjs";

before(start);
after(stop);

const isStored = (page, content) => until(page, (content) => [...document.querySelectorAll("[data-seq] .bubble")].some((bubble) => bubble.textContent === content), content);
/** An announcement comes after the frame that shows the message. */
const afterFrames = (page) => page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(resolve, 50)))));

/** Notes from now on all that the status line says. */
async function listen(page) {
    await page.locator("p.hidden[role=status]").evaluate((line) => {
        window.heard = [];
        new MutationObserver(() => window.heard.push(line.textContent)).observe(line, { childList: true, characterData: true, subtree: true });
    });
    return { heard: () => page.evaluate(() => window.heard), hears: (count) => until(page, (count) => window.heard.length >= count, count) };
}

test("a screen reader hears a new message once, and no older one", () => within({}, async (open) => {
    const { bob, alice, page } = await withUnread(open, [], lines(120));
    await openChat(page, "Bob");
    await page.locator(".bubble").getByText("第 120 条").waitFor();
    const { heard, hears } = await listen(page);
    await log(page).evaluate((box) => (box.scrollTop = 0));
    await page.locator(".bubble").getByText("第 30 条").waitFor();
    await afterFrames(page);
    assert.deepEqual(await heard(), []);
    await write(bob, alice, ["听得到吗"]);
    await hears(1);
    await write(bob, alice, ["听得到吗"]);
    await hears(2);
    assert.deepEqual(await heard(), ["Bob：听得到吗", "Bob：听得到吗"]);
    assert.equal(await log(page).getAttribute("aria-live"), "off");
}));

test("a screen reader does not hear one's own messages, from any device", () => within({}, async (open) => {
    const { people: [alice, bob], pages: [page] } = await pair(open);
    const { heard, hears } = await listen(page);
    await say(page, "从这台设备");
    // Each is the newest of the chat for a while, which alone would be said.
    await isStored(page, "从这台设备");
    await afterFrames(page);
    await write(alice, bob, ["从另一台设备"]);
    await isStored(page, "从另一台设备");
    await afterFrames(page);
    assert.deepEqual(await heard(), []);
    await write(bob, alice, ["喂"]);
    await hears(1);
    assert.deepEqual(await heard(), ["Bob：喂"]);
}));

test("of messages that come together a screen reader misses none", () => within({}, async (open) => {
    const { people: [alice, bob], pages: [page] } = await pair(open);
    const { heard, hears } = await listen(page);
    /** Lets the page learn of messages at once that were written one by one. */
    const together = async (work) => {
        let release;
        const held = new Promise((resolve) => (release = resolve));
        await new Promise((resolve) => {
            void page.route(/api\/auth\/conversations\/[\w-]+$/, async (route) => {
                // One call at a time is on its way, so none brings the first message alone.
                resolve();
                await held;
                await route.fallback();
            }).then(() => page.evaluate(() => globalThis.dispatchEvent(new Event("focus"))));
        });
        await work();
        release();
    };
    await together(async () => {
        await write(bob, alice, ["一", "二"]);
        await write(alice, bob, ["自己的"]);
    });
    await hears(1);
    await together(() => write(bob, alice, lines(5)));
    await hears(2);
    assert.deepEqual(await heard(), ["Bob：一\n二", "Bob：5条新消息"]);
}));

test("a screen reader hears no page of a long unread history", () => within({}, async (open) => {
    const { alice, bob, page, conversation } = await withUnread(open, lines(130), ["从前"]);
    await openChat(page, "Bob");
    await page.getByText("以下是新消息").waitFor();
    const scrolling = await listen(page);
    for (const last of [100, 130]) {
        await until(page, (last) => {
            const box = document.querySelector(".log");
            box.scrollTop = box.scrollHeight;
            return [...document.querySelectorAll(".bubble")].some(({ textContent }) => textContent === `第 ${last} 条`);
        }, last);
    }
    await afterFrames(page);
    assert.deepEqual(await scrolling.heard(), []);
    // To a message far back and to the newest one again.
    await page.reload();
    await isStored(page, "第 130 条");
    const { heard, hears } = await listen(page);
    await page.evaluate((conversation) => (location.hash = `#/chat/${conversation}/2`), conversation);
    await isStored(page, "第 1 条");
    await page.locator(".pill").click();
    await isStored(page, "第 130 条");
    await afterFrames(page);
    assert.deepEqual(await heard(), []);
    await write(bob, alice, ["真的新"]);
    await hears(1);
    assert.deepEqual(await heard(), ["Bob：真的新"]);
    await call(alice, "DELETE", "/api/auth/sessions");
    await page.getByRole("button", { name: "登录", exact: true }).waitFor();
    assert.equal(await page.locator("p.hidden[role=status]").textContent(), "", "what was said is gone with the chat");
}));
