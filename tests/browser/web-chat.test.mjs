// The chat of the web client: sending, writing, reading, scrolling.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { befriend, bubbles, call, chats, field, lines, log, openChat, pair, person, rail, say, seat, sees, start, stop, until, within, withUnread, write } from "./web.mjs";

before(start);
after(stop);

const scrolled = (page) => log(page).evaluate((box) => box.scrollTop);
const isAtBottom = (page) => until(page, () => {
    const box = document.querySelector(".log");
    return box.scrollHeight - box.scrollTop - box.clientHeight <= 10;
});

test("a bubble is there before the server answers, and once after it", () => within({}, async (open) => {
    const { pages: [alice, bob] } = await pair(open);
    let release;
    const held = new Promise((resolve) => (release = resolve));
    await bob.route("**/api/auth/messages", async (route) => {
        await held;
        await route.continue();
    });
    await field(bob).fill("稍等");
    await field(bob).press("Enter");
    const [shown, marked] = await bob.evaluate(async () => {
        await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
        const bubble = document.querySelector(".own .bubble");
        bubble.dataset.kept = "yes";
        return [bubble.textContent, getComputedStyle(document.querySelector(".spinner")).visibility];
    });
    assert.deepEqual([shown, marked], ["稍等", "hidden"]);
    await until(bob, () => getComputedStyle(document.querySelector(".spinner")).visibility === "visible");
    release();
    await sees(alice, "稍等");
    await bob.locator(".spinner").waitFor({ state: "detached" });
    await until(bob, () => document.querySelector("[data-seq] .bubble"));
    await sees(bob, "稍等");
    assert.equal(await bob.locator(".own .bubble").getAttribute("data-kept"), "yes");
}));

test("an Enter that confirms a composition sends nothing, searches nothing and closes nothing", () => within({}, async (open, context) => {
    const { pages: [, bob] } = await pair(open);
    const protocol = await context.newCDPSession(bob);
    const compose = async () => {
        await protocol.send("Input.imeSetComposition", { text: "ni hao", selectionStart: 6, selectionEnd: 6 });
        await protocol.send("Input.dispatchKeyEvent", { type: "rawKeyDown", key: "Enter", code: "Enter", windowsVirtualKeyCode: 229 });
    };
    await field(bob).focus();
    await compose();
    assert.deepEqual(await bubbles(bob), []);
    await protocol.send("Input.insertText", { text: "你好" });
    assert.equal(await field(bob).inputValue(), "你好");
    await field(bob).press("Enter");
    await sees(bob, "你好");
    const search = bob.getByRole("textbox", { name: "搜索" });
    await search.focus();
    const before = bob.url();
    await compose();
    assert.equal(bob.url(), before);
    await protocol.send("Input.insertText", { text: "爱" });
    assert.equal(await search.inputValue(), "爱");
    await search.press("Escape");
    await bob.getByRole("button", { name: "聊天信息" }).click();
    await bob.getByLabel("备注").focus();
    await compose();
    assert.equal(await bob.getByRole("dialog").count(), 1);
    assert.equal(await bob.locator(".notice-of-moment").count(), 0);
}));

test("in the order of Safari, the Enter after the end of a composition sends nothing", () => within({}, async (open) => {
    const { pages: [, bob] } = await pair(open);
    await field(bob).fill("你好");
    for (const keyCode of [229, 13]) {
        await field(bob).evaluate((box, keyCode) => {
            box.dispatchEvent(new CompositionEvent("compositionend", { bubbles: true, data: "你好" }));
            box.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", keyCode, bubbles: true, cancelable: true }));
        }, keyCode);
        assert.deepEqual([await field(bob).inputValue(), await bubbles(bob)], ["你好", []]);
    }
}));

test("Shift+Enter and Ctrl+Enter break the line, and the setting swaps the keys", () => within({}, async (open) => {
    const { pages: [, bob] } = await pair(open);
    await field(bob).fill("一");
    await field(bob).press("Shift+Enter");
    await field(bob).press("Control+Enter");
    assert.equal(await field(bob).inputValue(), "一\n\n");
    await field(bob).fill(" \n ");
    assert.equal(await bob.getByRole("button", { name: "发送" }).isDisabled(), true);
    await field(bob).press("Enter");
    assert.deepEqual(await bubbles(bob), []);
    await field(bob).fill("");
    await rail(bob).getByRole("button", { name: "设置" }).click();
    await bob.getByLabel("发送消息").selectOption("ctrl");
    await bob.goBack();
    await field(bob).fill("二");
    await field(bob).press("Enter");
    assert.equal(await field(bob).inputValue(), "二\n");
    await field(bob).press("Control+Enter");
    await sees(bob, "二\n");
}));

test("5,000 characters can be sent and one more cannot", () => within({}, async (open) => {
    const { pages: [alice, bob] } = await pair(open);
    const send = bob.getByRole("button", { name: "发送" });
    await field(bob).fill("汉".repeat(4500));
    assert.equal(await bob.locator(".count").count(), 0);
    await field(bob).fill("汉".repeat(5001));
    assert.equal(await bob.locator(".count").textContent(), "5001/5000");
    assert.equal(await send.isDisabled(), true);
    await field(bob).press("Enter");
    assert.deepEqual([await bubbles(bob), (await field(bob).inputValue()).length], [[], 5001]);
    await field(bob).fill("👋".repeat(4501));
    assert.equal(await bob.locator(".count").textContent(), "4501/5000");
    await say(bob, "汉".repeat(5000));
    await sees(alice, "汉".repeat(5000));
}));

test("unread messages open at the first of them, and are read once the bottom was in view", () => within({}, async (open) => {
    const { alice, page } = await withUnread(open, lines(120), ["从前"]);
    const unread = async () => (await call(alice, "GET", "/api/auth/conversations")).data[0].unread_count;
    await until(page, () => document.title === "(99+) 鸿雁");
    await openChat(page, "Bob");
    await page.getByText("以下是新消息").waitFor();
    await page.getByRole("button", { name: "120条新消息" }).waitFor();
    assert.equal(await page.locator(".bubble").getByText("第 1 条", { exact: true }).evaluate((bubble) => bubble.getBoundingClientRect().top < innerHeight / 2), true);
    assert.equal(await unread(), 120);
    await page.getByRole("button", { name: "120条新消息" }).click();
    await page.locator(".bubble").getByText("第 120 条").waitFor();
    await isAtBottom(page);
    await until(page, () => document.title === "鸿雁");
    assert.equal(await unread(), 0);
    await page.reload();
    await page.locator(".bubble").getByText("第 120 条").waitFor();
    assert.equal(await page.getByText("以下是新消息").count(), 0);
}));

test("a few unread messages clear every badge when they are seen", () => within({}, async (open) => {
    const { page } = await withUnread(open, lines(3), ["从前"]);
    await rail(page).getByRole("button", { name: /聊天\s*3/ }).waitFor();
    await chats(page).getByLabel("3条未读").waitFor();
    await openChat(page, "Bob");
    const marked = page.locator(".entry-of-log").filter({ hasText: "以下是新消息" });
    assert.equal(await marked.locator(".bubble").textContent(), "第 1 条");
    await until(page, () => document.title === "鸿雁" && !document.querySelector(".rows .badge, .rail .badge"));
}));

test("a message in a window without focus is unread until the focus returns", () => within({}, async (open, context) => {
    await context.addInitScript(() => {
        window.isLookedAt = true;
        document.hasFocus = () => window.isLookedAt;
    });
    const { people: [alice, bob], pages: [page] } = await pair(open);
    await page.evaluate(() => (window.isLookedAt = false));
    await write(bob, alice, ["在吗"]);
    await sees(page, "在吗");
    await until(page, () => document.title === "(1) 鸿雁");
    await page.waitForTimeout(500);
    assert.equal((await call(alice, "GET", "/api/auth/conversations")).data[0].unread_count, 1);
    await page.evaluate(() => {
        window.isLookedAt = true;
        window.dispatchEvent(new Event("focus"));
    });
    await until(page, () => document.title === "鸿雁");
}));

test("reading stays where it is when messages come and when older ones are loaded", () => within({}, async (open) => {
    const { bob, alice, page } = await withUnread(open, [], lines(150));
    await openChat(page, "Bob");
    await isAtBottom(page);
    await page.locator(".bubble").getByText("第 150 条").waitFor();
    await log(page).evaluate((box) => box.scrollBy(0, -1000));
    await page.waitForTimeout(300);
    const before = await scrolled(page);
    await write(bob, alice, ["最新"]);
    await page.getByRole("button", { name: "1条新消息" }).waitFor();
    assert.ok(Math.abs((await scrolled(page)) - before) <= 1);
    // Upwards to the first message, in steps: what is loaded above moves nothing that is in view.
    for (let step = 0; step < 40 && !(await page.locator(".bubble").getByText("第 1 条", { exact: true }).count()); step++) {
        const jump = await log(page).evaluate(async (box) => {
            box.scrollBy(0, -400);
            await new Promise((resolve) => requestAnimationFrame(resolve));
            const row = [...box.children].find((child) => child.getBoundingClientRect().bottom > box.getBoundingClientRect().top);
            const top = row.getBoundingClientRect().top;
            await new Promise((resolve) => setTimeout(resolve, 150));
            return Math.abs(row.getBoundingClientRect().top - top);
        });
        assert.ok(jump <= 1, `moved by ${jump}`);
    }
    await page.locator(".bubble").getByText("第 1 条", { exact: true }).waitFor();
    await say(page, "我看到了");
    await isAtBottom(page);
    await sees(page, "我看到了");
    const shown = await bubbles(page);
    assert.deepEqual(shown, [...lines(150), "最新", "我看到了"]);
}));

test("keys scroll the messages, from the list and from the field", () => within({}, async (open) => {
    const { page } = await withUnread(open, [], lines(60));
    await openChat(page, "Bob");
    await page.locator(".bubble").getByText("第 60 条").waitFor();
    await isAtBottom(page);
    const bottom = await scrolled(page);
    await field(page).press("PageUp");
    assert.ok((await scrolled(page)) < bottom - 200);
    await field(page).press("PageDown");
    await isAtBottom(page);
    await log(page).focus();
    await page.keyboard.press("Home");
    await page.locator(".bubble").getByText("第 1 条", { exact: true }).waitFor();
    await page.keyboard.press("End");
    await isAtBottom(page);
}));

test("a place that keys scrolled to stays when a message comes", () => within({}, async (open) => {
    const { alice, bob, page } = await withUnread(open, [], lines(60));
    await openChat(page, "Bob");
    await page.locator(".bubble").getByText("第 60 条").waitFor();
    await isAtBottom(page);
    await log(page).focus();
    let count = 0;
    for (const key of ["PageUp", "Home", "PageDown"]) {
        const from = await scrolled(page);
        await page.keyboard.press(key);
        await until(page, (from) => document.querySelector(".log").scrollTop !== from, from);
        // Chromium scrolls softly by these keys.
        await log(page).evaluate(async (box) => {
            for (let last; last !== box.scrollTop; ) {
                last = box.scrollTop;
                await new Promise((resolve) => setTimeout(resolve, 100));
            }
        });
        const before = await scrolled(page);
        count++;
        await write(bob, alice, [`新的 ${count}`]);
        await page.getByRole("button", { name: `${count}条新消息` }).waitFor();
        assert.ok(Math.abs((await scrolled(page)) - before) <= 1, key);
    }
    await page.keyboard.press("End");
    await isAtBottom(page);
    await page.locator(".pill").waitFor({ state: "detached" });
}));

test("the last bubble stays in view while the field grows and the window shrinks", () => within({}, async (open) => {
    const { page } = await withUnread(open, [], lines(40));
    await openChat(page, "Bob");
    await page.locator(".bubble").getByText("第 40 条").waitFor();
    for (let line = 0; line < 8; line++) {
        await field(page).press("Shift+Enter");
    }
    const isVisible = () => until(page, () => {
        const bubble = [...document.querySelectorAll(".bubble")].at(-1).getBoundingClientRect();
        return bubble.bottom <= document.querySelector(".composer").getBoundingClientRect().top;
    });
    await isVisible();
    await page.setViewportSize({ width: 900, height: 420 });
    await isVisible();
    await isAtBottom(page);
}));

test("a short chat asks for no more than there is", () => within({}, async (open) => {
    const { page } = await withUnread(open, [], lines(2));
    let asked = 0;
    page.on("request", (request) => /conversations\/\d+\?/.test(request.url()) && asked++);
    await openChat(page, "Bob");
    await page.locator(".bubble").getByText("第 2 条").waitFor();
    await page.waitForTimeout(500);
    assert.equal(asked, 0);
    const gaps = await log(page).evaluate((box) => {
        const rows = [...box.children].map((row) => row.getBoundingClientRect());
        const tops = [box.getBoundingClientRect().top, ...rows.map(({ bottom }) => bottom)];
        return [box.scrollHeight - box.clientHeight, ...rows.map(({ top }, place) => top - tops[place])];
    });
    assert.ok(gaps.every((gap) => gap < 30), `${gaps}`);
}));

test("place and draft of a chat are as they were left", () => within({}, async (open) => {
    const [alice, bob, cat] = [await person("爱丽丝"), await person("Bob"), await person("小猫")];
    await befriend(bob, alice);
    await befriend(cat, alice);
    await write(alice, bob, lines(60));
    const page = await seat(await open(), alice);
    await openChat(page, "Bob");
    await page.locator(".bubble").getByText("第 60 条").waitFor();
    await isAtBottom(page);
    await log(page).evaluate((box) => box.scrollBy(0, -700));
    await field(page).fill("给 Bob 的");
    const place = await scrolled(page);
    await openChat(page, "小猫");
    await field(page).fill("给猫的");
    await chats(page).getByText("[草稿]").waitFor();
    await openChat(page, "Bob");
    await page.locator(".bubble").first().waitFor();
    assert.ok(Math.abs((await scrolled(page)) - place) <= 1);
    assert.equal(await field(page).inputValue(), "给 Bob 的");
    await page.reload();
    assert.equal(await field(page).inputValue(), "给 Bob 的");
    await chats(page).getByText("给猫的").waitFor();
    await openChat(page, "小猫");
    await field(page).press("Enter");
    await sees(page, "给猫的");
    await openChat(page, "Bob");
    await page.getByText("[草稿]").waitFor({ state: "detached" });
}));

test("a place that was scrolled to in the moment of leaving is kept", () => within({}, async (open) => {
    const [alice, bob, cat] = [await person("爱丽丝"), await person("Bob"), await person("小猫")];
    await befriend(cat, alice);
    await befriend(bob, alice);
    await write(alice, bob, lines(60));
    const page = await seat(await open(), alice);
    await openChat(page, "Bob");
    await page.locator(".bubble").getByText("第 60 条").waitFor();
    await isAtBottom(page);
    const place = await page.evaluate(() => {
        const box = document.querySelector(".log");
        box.scrollBy(0, -700);
        document.querySelectorAll(".rows .row")[1].click();
        return box.scrollTop;
    });
    await page.locator(".pane h1").getByText("小猫").waitFor();
    await openChat(page, "Bob");
    await page.locator(".bubble").first().waitFor();
    assert.ok(Math.abs((await scrolled(page)) - place) <= 1);
}));

test("a recalled message is a line for both, lowers the unread ones, and can be edited again", () => within({}, async (open) => {
    const { alice, bob, page } = await withUnread(open, ["一", "二"]);
    await chats(page).getByLabel("2条未读").waitFor();
    const other = await seat(await open(), bob);
    await openChat(other, "爱丽丝");
    await other.locator(".bubble").getByText("二").click({ button: "right" });
    await other.getByRole("menuitem", { name: "撤回" }).click();
    await other.getByText("你撤回了一条消息").first().waitFor();
    await chats(page).getByText("对方撤回了一条消息").waitFor();
    await chats(page).getByLabel("1条未读").waitFor();
    await other.getByRole("button", { name: "重新编辑" }).click();
    assert.equal(await field(other).inputValue(), "二");
    assert.equal((await call(alice, "GET", "/api/auth/conversations")).data[0].unread_count, 1);
}));

test("deleting a message takes it from oneself only", () => within({}, async (open) => {
    const { people: [alice, bob], pages: [page, other] } = await pair(open);
    await write(bob, alice, ["只给我看"]);
    await sees(page, "只给我看");
    await page.locator(".bubble").getByText("只给我看").click({ button: "right" });
    await page.getByRole("menuitem", { name: "删除" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "删除" }).click();
    await page.locator(".bubble").waitFor({ state: "detached" });
    await sees(other, "只给我看");
}));

test("markup is text, and only addresses of the web are links", () => within({}, async (open) => {
    const { people: [alice, bob], pages: [page] } = await pair(open);
    let isAsked = false;
    page.on("dialog", () => (isAsked = true));
    const texts = ["<img src=x onerror=alert(1)>", "javascript:alert(1)", "data:text/html,<b>", "看 https://a.example/?q=汉字。", "\u202Egpj.exe"];
    await write(bob, alice, texts);
    await sees(page, texts.at(-1));
    assert.deepEqual(await bubbles(page), texts);
    const links = await page.locator(".bubble a").evaluateAll((all) => all.map((link) => [link.textContent, link.rel, link.target]));
    assert.deepEqual(links, [["https://a.example/?q=汉字", "noopener noreferrer", "_blank"]]);
    assert.equal(await page.locator(".log img").count(), 0);
    assert.equal(await chats(page).locator("bdi").last().evaluate((name) => getComputedStyle(name).unicodeBidi), "isolate");
    assert.equal(isAsked, false);
}));
