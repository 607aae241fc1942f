// Small things of the web client that users would miss.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { call, chats, field, log, pair, person, rail, say, seat, sees, start, stop, until, withChats, within, write } from "./web.mjs";

before(start);
after(stop);

/** Opens the menu of a bubble by its text. */
const choose = async (page, words, choice) => {
    await page.locator(".bubble").getByText(words, { exact: true }).click({ button: "right" });
    await page.getByRole("menuitem", { name: choice }).click();
};

test("a quotation stands before what was typed", () => within({}, async (open) => {
    const { people: [alice, bob], pages: [page] } = await pair(open);
    await write(bob, alice, ["几点？"]);
    await sees(page, "几点？");
    await field(page).fill("七点");
    await choose(page, "几点？", "引用");
    await page.keyboard.type("半");
    assert.equal(await field(page).inputValue(), "「Bob：几点？」\n- - - - - - - - - -\n七点半");
}));

test("the counter of a long text takes no room from the field", () => within({ viewport: { width: 390, height: 844 } }, async (open) => {
    const { pages: [page] } = await pair(open);
    const width = async () => (await field(page).boundingBox()).width;
    const before = await width();
    await field(page).fill("汉".repeat(4600));
    await page.locator(".count").waitFor();
    assert.equal(await width(), before);
}));

test("new friends are told to begin, until the first message", () => within({}, async (open) => {
    const { pages: [page, other] } = await pair(open);
    const words = "你们已经是好友了，现在可以开始聊天";
    await page.locator(".timeline").getByText(words).waitFor();
    await chats(page).getByText(words).waitFor();
    await say(other, "你好");
    await sees(page, "你好");
    await page.getByText(words).first().waitFor({ state: "detached" });
    assert.equal(await other.getByText(words).count(), 0);
}));

test("a search that finds nothing says so", () => within({}, async (open) => {
    const { people: [alice, bob], pages: [page] } = await pair(open);
    await write(bob, alice, ["火锅"]);
    await sees(page, "火锅");
    await page.getByRole("textbox", { name: "搜索" }).fill("没有这样的话");
    await page.getByText("没有找到相关内容").waitFor();
    await page.getByRole("textbox", { name: "搜索" }).fill("火锅");
    await page.locator(".results mark").waitFor();
    assert.equal(await page.getByText("没有找到相关内容").count(), 0);
    await page.getByRole("textbox", { name: "搜索" }).fill("Bob");
    await page.getByRole("region", { name: "联系人" }).waitFor();
    await page.waitForResponse(/messages\/search/);
    assert.equal(await page.getByText("没有找到相关内容").count(), 0, "a contact is found");
}));

test("a request is answered once by two clicks", () => within({}, async (open) => {
    const [alice, bob] = [await person("爱丽丝"), await person("Bob")];
    await call(bob, "POST", "/api/auth/friendship_requests", { receiver_id: alice.id, verification_message: "我是Bob" });
    const page = await seat(await open("#/contacts/new"), alice);
    let answers = 0;
    await page.route(/friendship_requests\/[\w-]+$/, async (route) => {
        answers += 1;
        await new Promise((resolve) => setTimeout(resolve, 300));
        await route.fallback();
    });
    await page.getByRole("button", { name: "接受" }).dblclick();
    await page.getByText("已添加").waitFor();
    assert.equal(answers, 1);
    assert.equal(await page.locator(".notice-of-moment").count(), 0);
}));

test("someone who has asked already is named so when found", () => within({}, async (open) => {
    const [alice, bob] = [await person("爱丽丝"), await person("Bob")];
    await call(bob, "POST", "/api/auth/friendship_requests", { receiver_id: alice.id, verification_message: "我是Bob" });
    const page = await seat(await open("#/contacts/add"), alice);
    await page.getByLabel("微信号", { exact: true }).fill(bob.uid);
    await page.getByLabel("微信号", { exact: true }).press("Enter");
    await page.getByText("对方请求添加你为朋友").waitFor();
    await page.getByRole("button", { name: "添加到通讯录" }).click();
    await page.getByText("已添加").waitFor();
}));

test("each list keeps its own place", () => within({}, async (open) => {
    const { people: [, bob], pages: [page], conversation } = await pair(open);
    const { rows } = await withChats(page, 200, conversation, bob);
    const friends = rows.map(({ conversation_id, friend_id, friend_uid, friend_name }) => ({ conversation_id, friend_id, friend_uid, friend_name, remark: "", created_at: "2026-01-01T00:00:00Z" }));
    await page.route(/api\/auth\/friendships(\?|$)/, (route) => route.fulfill({ json: { code: 200, message: "", data: friends, next_cursor: null } }));
    await page.reload();
    await until(page, () => document.querySelectorAll(".rows li").length === 200);
    const scrollTo = (top) => page.evaluate(async (top) => {
        document.querySelector(".scroll").scrollTop = top;
        await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    }, top);
    const place = () => page.locator(".scroll").evaluate((box) => box.scrollTop);
    const whole = () => page.locator(".rows").evaluate((list) => list.getBoundingClientRect().height);
    const before = await whole();
    await scrollTo(3000);
    assert.equal(await whole(), before, "what comes into view moves nothing");
    await rail(page).getByRole("button", { name: "通讯录" }).click();
    await page.locator(".contacts section").first().waitFor();
    assert.equal(await place(), 0, "the contacts begin at their top");
    await scrollTo(500);
    await rail(page).getByRole("button", { name: "设置" }).click();
    await rail(page).getByRole("button", { name: "聊天" }).click();
    await chats(page).waitFor();
    assert.equal(await place(), 3000);
    await rail(page).getByRole("button", { name: "通讯录" }).click();
    await page.locator(".contacts section").first().waitFor();
    assert.equal(await place(), 500);
    page.faults.length = 0;
}));

test("news of one of a thousand chats draws its row alone", () => within({}, async (open) => {
    const { people: [, bob], pages: [page], conversation } = await pair(open);
    const shown = await withChats(page, 1000, conversation, bob);
    await page.reload();
    await until(page, () => document.querySelectorAll(".rows li").length === 1000);
    // Each row that is drawn reads its time.
    await page.evaluate(() => {
        window.read = 0;
        window.Date = class extends Date {
            constructor(...values) {
                super(...values);
                window.read += values[0] === "2026-01-01T00:00:00Z" ? 1 : 0;
            }
        };
    });
    const last = shown.rows.at(-1);
    shown.rows = [{ ...last, unread_count: 3, remark: "备注" }, ...shown.rows.slice(0, -1)];
    await chats(page).locator("li").first().getByText("备注").waitFor();
    await chats(page).locator("li").first().getByRole("img", { name: "3条未读" }).waitFor();
    assert.equal(await page.evaluate(() => window.read), 1);
    page.faults.length = 0;
}));

test("after a message is deleted or recalled, the focus is in the messages", () => within({}, async (open) => {
    const { pages: [page] } = await pair(open);
    for (const choice of ["删除", "撤回"]) {
        await say(page, `将被${choice}`);
        await page.locator("[data-seq] .bubble").getByText(`将被${choice}`).waitFor();
        await log(page).focus();
        await page.keyboard.press("ArrowUp");
        await page.keyboard.press("Enter");
        await page.getByRole("menuitem", { name: choice }).press("Enter");
        if (choice === "删除") {
            await page.getByRole("dialog").getByRole("button", { name: choice }).press("Enter");
        }
        await page.locator(".bubble").getByText(`将被${choice}`).waitFor({ state: "detached" });
        await until(page, () => document.activeElement === document.querySelector(".log"));
    }
}));

test("the settings name this browser, and their fields stand in one line", () => within({}, async (open) => {
    const page = await seat(await open("#/settings"), await person("爱丽丝"));
    const device = page.locator(".setting").filter({ hasText: "本机" });
    await device.getByText("Chrome · Linux").waitFor();
    const lefts = await Promise.all(["昵称", "微信号"].map(async (label) => (await page.getByLabel(label, { exact: true }).boundingBox()).x));
    assert.equal(lefts[0], lefts[1]);
}));

test("emoji go to the caret, several in a row, the recent ones first next time", () => within({}, async (open) => {
    const { pages: [page] } = await pair(open);
    const panel = page.getByRole("dialog", { name: "表情" });
    const face = page.getByRole("button", { name: "表情" });
    await field(page).fill("好的");
    await field(page).press("ArrowLeft");
    await face.click();
    const second = panel.getByRole("button").nth(1);
    const emoji = await second.textContent();
    await second.click();
    await second.click();
    assert.equal(await field(page).inputValue(), `好${emoji}${emoji}的`);
    await field(page).press("Escape");
    assert.equal(await panel.count(), 0);
    await face.press("Enter");
    assert.equal(await panel.getByRole("button").first().textContent(), emoji);
    await panel.getByRole("button").nth(2).press("Enter");
    await panel.getByRole("button").nth(2).press("Enter");
    assert.equal([...new Intl.Segmenter().segment(await field(page).inputValue())].length, 6);
    await log(page).click({ position: { x: 5, y: 5 } });
    assert.equal(await panel.count(), 0);
}));

test("on a phone one chat is searched, and the hit opens it", () => within({ viewport: { width: 390, height: 844 } }, async (open) => {
    const { people: [alice, bob], pages: [page] } = await pair(open);
    await write(bob, alice, ["火锅", "米饭"]);
    await sees(page, "米饭");
    await page.getByRole("button", { name: "聊天信息" }).click();
    await page.getByRole("button", { name: "查找聊天内容" }).click();
    await page.getByRole("textbox", { name: "搜索" }).fill("火锅");
    await page.locator(".results .row").click();
    await page.locator(".flashed .bubble").getByText("火锅").waitFor();
}));

test("the card of a blocked friend offers to unblock", () => within({}, async (open) => {
    const { people: [alice, bob], pages: [page] } = await pair(open);
    await call(alice, "PUT", `/api/auth/blocks/${bob.id}`);
    await rail(page).getByRole("button", { name: "通讯录" }).click();
    await page.locator(".contacts section button").click();
    await page.getByRole("button", { name: "更多" }).click();
    await page.getByRole("menuitem", { name: "移出黑名单" }).click();
    await until(page, () => document.querySelector("[role=menu]") === null);
    await page.getByRole("button", { name: "更多" }).click();
    await page.getByRole("menuitem", { name: "加入黑名单" }).waitFor();
}));

test("what cannot be undone has a red button, and all dialogs the same title", () => within({}, async (open) => {
    const { pages: [page] } = await pair(open);
    const style = (box, name) => box.evaluate((box, name) => getComputedStyle(box)[name], name);
    const dialog = (name) => page.getByRole("dialog", { name });
    await page.getByRole("button", { name: "聊天信息" }).click();
    const title = await style(dialog("聊天信息").getByRole("heading"), "color");
    for (const action of ["清空聊天记录", "删除好友"]) {
        await page.getByRole("button", { name: action }).click();
        assert.equal(await style(dialog(action).getByRole("button", { name: action }), "backgroundColor"), "rgb(179, 38, 30)");
        await page.keyboard.press("Escape");
    }
    await page.keyboard.press("Escape");
    await rail(page).getByRole("button", { name: "设置" }).click();
    await page.getByRole("button", { name: "修改密码" }).click();
    assert.equal(await style(dialog("修改密码").getByRole("heading"), "color"), title);
}));

for (const [locale, password, uid] of [["zh-CN", /^长度须为/, /^须为/], ["en-GB", /^It must have/, /^It must be/]]) {
    test(`a refusal beside a field does not call it as programs do: ${locale}`, () => within({ locale, except: /status of 400/ }, async (open) => {
        const page = await open();
        await page.locator("form .link").click();
        await page.locator("[name=name]").fill("爱丽丝");
        await page.locator("[name=password]").fill("x");
        await page.locator(".card .primary").click();
        await page.locator("#problem-password").getByText(password).waitFor();
        await page.locator("form .link").click();
        await seat(page, await person("爱丽丝"), locale.slice(0, 2));
        await page.evaluate(() => (location.hash = "#/settings"));
        await page.locator(".settings input").nth(1).fill("1");
        await page.locator(".settings .inline button").nth(1).click();
        await page.locator(".settings .problem").getByText(uid).waitFor();
    }));
}
