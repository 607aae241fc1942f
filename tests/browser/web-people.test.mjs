// The web client's contacts, search, and what can be done about a chat; and two tabs of one account.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { befriend, call, chats, field, log, openChat, pair, person, rail, say, seat, sees, start, stop, until, within, write } from "./web.mjs";

before(start);
after(stop);

const REFUSED = /status of 4\d\d/;

test("pinning and muting show at once in both tabs of the account, and stay", () => within({}, async (open) => {
    const [alice, bob, cat] = [await person("爱丽丝"), await person("Bob"), await person("小猫")];
    await befriend(bob, alice);
    await befriend(cat, alice);
    const page = await seat(await open(), alice);
    const second = await open();
    await second.getByRole("button", { name: "以「爱丽丝」的身份继续" }).click();
    const names = (of) => chats(of).locator(".names bdi").allTextContents();
    await chats(second).getByText("Bob").waitFor();
    assert.deepEqual(await names(page), ["小猫", "Bob"]);
    const row = (of) => chats(of).getByRole("button", { name: "Bob" });
    await row(page).click({ button: "right" });
    await page.getByRole("menuitem", { name: "置顶" }).click();
    for (const of of [page, second]) {
        await until(of, () => document.querySelector(".rows .names bdi").textContent === "Bob" && document.querySelector(".rows .pinned"));
    }
    await row(page).click({ button: "right" });
    await page.getByRole("menuitem", { name: "消息免打扰" }).click();
    await until(second, () => document.querySelector(".rows .preview .icon"));
    await write(bob, alice, ["一", "二"]);
    for (const of of [page, second]) {
        await chats(of).getByText("[2条]").waitFor();
        assert.equal(await of.title(), "鸿雁");
        assert.equal(await of.locator(".rail .dot").count(), 1);
    }
    await page.reload();
    await chats(page).getByText("[2条]").waitFor();
    assert.deepEqual(await names(page), ["Bob", "小猫"]);
}));

test("a deleted chat is gone until a new message", () => within({}, async (open) => {
    const { people: [alice, bob], pages: [page] } = await pair(open);
    await write(bob, alice, ["旧的"]);
    await sees(page, "旧的");
    await chats(page).getByText("Bob").click({ button: "right" });
    await page.getByRole("menuitem", { name: "删除聊天" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "删除聊天" }).click();
    await page.getByText("还没有聊天").waitFor();
    await write(bob, alice, ["新的"]);
    await openChat(page, "Bob");
    await sees(page, "新的");
    assert.deepEqual(await page.locator(".bubble").allTextContents(), ["新的"]);
}));

test("a remark is shown in the list, the chat and the contacts", () => within({}, async (open) => {
    const { people: [alice, bob], pages: [page] } = await pair(open);
    await page.getByRole("button", { name: "聊天信息" }).click();
    await page.getByLabel("备注").fill("\u202E鲍勃");
    await page.getByLabel("备注").press("Enter");
    await chats(page).getByText("\u202E鲍勃").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("heading", { name: "鲍勃" }).waitFor();
    assert.equal((await call(alice, "GET", "/api/auth/friendships")).data[0].remark, "\u202E鲍勃");
    await rail(page).getByRole("button", { name: "通讯录" }).click();
    await page.getByRole("button", { name: "鲍勃" }).click();
    await page.getByText("昵称：Bob").waitFor();
    await page.getByText(`微信号：${bob.uid}`).waitFor();
    await page.getByRole("button", { name: "发消息" }).click();
    await field(page).waitFor();
}));

test("a message to a former friend shows the sentence, and leads to a new request", () => within({ except: REFUSED }, async (open) => {
    const { people: [alice, bob], pages: [page] } = await pair(open);
    await call(bob, "DELETE", `/api/auth/friendships/${alice.id}`);
    await say(page, "在吗？");
    await page.getByRole("button", { name: "发送失败" }).waitFor();
    await page.getByText("对方开启了朋友验证，你还不是他（她）朋友。").waitFor();
    await page.getByRole("button", { name: "发送朋友验证" }).click();
    const dialog = page.getByRole("dialog");
    assert.equal(await dialog.getByLabel("发送添加朋友申请").inputValue(), "我是爱丽丝");
    await dialog.getByRole("button", { name: "添加到通讯录" }).click();
    await dialog.getByText("申请已发送").waitFor();
    await page.keyboard.press("Escape");
    const [{ request_id }] = (await call(bob, "GET", "/api/auth/friendship_requests")).data;
    await call(bob, "POST", `/api/auth/friendship_requests/${request_id}`, { status: "accepted" });
    await page.getByRole("button", { name: "发送失败" }).click();
    await page.getByRole("dialog").getByText("重发该消息？").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "重发" }).click();
    await page.getByRole("button", { name: "发送失败" }).waitFor({ state: "detached" });
    await until(page, () => document.querySelector("[data-seq] .bubble")?.textContent === "在吗？");
}));

test("a blocked friend cannot write, and the settings undo it", () => within({ except: REFUSED }, async (open) => {
    const { pages: [page, other] } = await pair(open);
    await page.getByRole("button", { name: "聊天信息" }).click();
    await page.getByRole("switch", { name: "加入黑名单" }).click();
    await page.getByRole("dialog", { name: "加入黑名单" }).getByRole("button", { name: "加入黑名单" }).click();
    await until(page, () => document.querySelector("[role=switch][aria-checked=true]"));
    await page.keyboard.press("Escape");
    await say(other, "听得到吗");
    await other.getByRole("button", { name: "发送失败" }).waitFor();
    await rail(page).getByRole("button", { name: "设置" }).click();
    await page.getByRole("button", { name: "移出黑名单" }).click();
    await page.getByText("黑名单为空").waitFor();
    await other.getByRole("button", { name: "发送失败" }).click();
    await other.getByRole("dialog").getByRole("button", { name: "重发" }).click();
    await until(other, () => document.querySelector("[data-seq] .bubble"));
}));

test("requests show both directions and their states", () => within({ except: REFUSED }, async (open) => {
    const [alice, bob, cat] = [await person("爱丽丝"), await person("Bob"), await person("<b>猫</b>")];
    await call(alice, "POST", "/api/auth/friendship_requests", { receiver_id: bob.id });
    await call(cat, "POST", "/api/auth/friendship_requests", { receiver_id: alice.id, verification_message: "<i>喵</i>" });
    const page = await seat(await open("#/contacts/new"), alice);
    await page.getByText("等待验证").waitFor();
    await page.getByText("<i>喵</i>").waitFor();
    await page.getByRole("button", { name: "拒绝" }).click();
    await page.getByText("已拒绝").waitFor();
    await page.getByRole("button", { name: "撤回申请" }).click();
    await page.getByText("已撤回").waitFor();
}));

test("a search leads to a message far back, and both directions go on from there", () => within({}, async (open) => {
    const [alice, bob] = [await person("爱丽丝"), await person("火锅店的 Bob")];
    await befriend(bob, alice);
    const texts = Array.from({ length: 450 }, (_, place) => (place === 39 ? "周五吃火锅吗" : `第 ${place + 1} 条`));
    await write(alice, bob, texts);
    const page = await seat(await open(), alice);
    await openChat(page, "火锅店的 Bob");
    await page.locator(".bubble").getByText("第 450 条").waitFor();
    const search = page.getByRole("textbox", { name: "搜索" });
    await search.fill("火锅");
    await page.getByRole("region", { name: "联系人" }).getByRole("button").waitFor();
    await page.getByRole("button", { name: "搜索微信号「火锅」" }).waitFor();
    await page.getByRole("region", { name: "聊天记录" }).getByRole("button").click();
    const hit = page.locator(".bubble").getByText("周五吃火锅吗");
    await page.locator(".flashed").waitFor();
    assert.equal(await hit.evaluate((bubble) => {
        const box = document.querySelector(".log").getBoundingClientRect();
        const { top, bottom } = bubble.getBoundingClientRect();
        return top >= box.top && bottom <= box.bottom;
    }), true);
    for (const [key, text] of [["Home", "第 1 条"], ["End", "第 120 条"]]) {
        await log(page).focus();
        for (let step = 0; step < 12 && !(await page.locator(".bubble").getByText(text, { exact: true }).count()); step++) {
            await page.keyboard.press(key);
            await page.waitForTimeout(150);
        }
        await page.locator(".bubble").getByText(text, { exact: true }).waitFor();
    }
    await search.press("Escape");
    await chats(page).waitFor();
    assert.equal(await field(page).evaluate((box) => box === document.activeElement), true);
}));

test("one chat is searched alone, and markup in a search is text", () => within({}, async (open) => {
    const { people: [alice, bob], pages: [page] } = await pair(open);
    const cat = await person("小猫");
    await befriend(cat, alice);
    const text = "<img src=x onerror=alert(1)> 火锅";
    await write(bob, alice, [text]);
    await write(cat, alice, ["猫的火锅"]);
    await sees(page, text);
    await page.getByRole("button", { name: "聊天信息" }).click();
    await page.getByRole("button", { name: "查找聊天内容" }).click();
    const search = page.getByRole("textbox", { name: "搜索" });
    await search.fill("火锅");
    await page.locator(".results .row").waitFor();
    assert.equal(await page.locator(".results .row").count(), 1);
    await search.fill("<img src=x onerror=alert(1)>");
    await page.locator(".results mark").getByText("<img src=x onerror=alert(1)>").waitFor();
    assert.equal(await page.locator(".results img").count(), 0);
    await search.fill("没有这样的话");
    await page.getByText("没有找到相关内容").waitFor();
}));

/** What has the focus, and whether that can be seen. */
const focused = (page) => page.evaluate(() => {
    const now = document.activeElement;
    const outlined = now.matches(".search input") ? now.closest("label") : now;
    return { name: now.getAttribute("aria-label") ?? now.textContent, isVisible: getComputedStyle(outlined).outlineStyle !== "none" };
});

/** Presses Tab, or another key, until what is so named has the focus, which must show at each step. */
async function tabTo(page, name, key = "Tab") {
    for (let step = 0; step < 30; step++) {
        await page.keyboard.press(key);
        const now = await focused(page);
        assert.ok(now.isVisible, `the focus on ${now.name} shows`);
        if (now.name.includes(name)) {
            return;
        }
    }
    assert.fail(`no ${name} in reach`);
}

test("the keyboard alone answers a request, and a closed menu gives the focus back", () => within({}, async (open) => {
    const [alice, bob, cat] = [await person("爱丽丝"), await person("Bob"), await person("小猫")];
    await befriend(bob, alice);
    await call(cat, "POST", "/api/auth/friendship_requests", { receiver_id: alice.id, verification_message: "喵" });
    const page = await seat(await open(), alice);
    const press = (key) => page.keyboard.press(key);
    await tabTo(page, "通讯录");
    await press("Enter");
    await tabTo(page, "新的朋友");
    await press("Enter");
    await page.getByText("喵").waitFor();
    await tabTo(page, "接受");
    await press("Enter");
    await page.locator(".request").filter({ hasText: "喵" }).getByText("已添加").waitFor();
    assert.equal((await call(alice, "GET", "/api/auth/friendships")).data.length, 2);
    await page.locator(".contacts").getByText("小猫").waitFor();
    await tabTo(page, "聊天", "Shift+Tab");
    await press("Enter");
    await tabTo(page, "Bob");
    for (const close of ["Escape", "Tab"]) {
        await press("Shift+F10");
        await page.getByRole("menu").waitFor();
        assert.deepEqual(await focused(page), { name: "置顶", isVisible: true });
        await press(close);
        await page.getByRole("menu").waitFor({ state: "detached" });
        assert.match((await focused(page)).name, /Bob/);
    }
}));

test("a nickname of markup is text wherever it stands", () => within({}, async (open, context) => {
    const name = "<img src=x onerror=alert(1)>";
    const [alice, mallory, eve] = [await person("爱丽丝"), await person(name), await person(name)];
    await befriend(mallory, alice);
    await call(eve, "POST", "/api/auth/friendship_requests", { receiver_id: alice.id, verification_message: name });
    await write(mallory, alice, ["你好"]);
    let isAsked = false;
    context.on("dialog", () => (isAsked = true));
    const page = await seat(await open(), alice);
    const shows = (place) => page.locator(place).getByText(name, { exact: true }).first().waitFor();
    await chats(page).getByText(name).waitFor();
    await openChat(page, name);
    await shows(".pane h1");
    await sees(page, "你好");
    await write(mallory, alice, [name]);
    await sees(page, name);
    await until(page, (text) => document.querySelector("p.hidden").textContent === text, `${name}：${name}`);
    await shows(".rows .preview");
    await page.locator(".bubble").last().click({ button: "right" });
    await page.getByRole("menuitem", { name: "引用" }).click();
    assert.ok((await field(page).inputValue()).includes(name));
    await page.getByRole("button", { name: "聊天信息" }).click();
    await shows("dialog");
    await page.keyboard.press("Escape");
    await page.getByRole("textbox", { name: "搜索" }).fill("<img");
    await page.locator(".results section").nth(1).locator(".row").waitFor();
    assert.deepEqual(await page.locator(".results .names").allTextContents().then((all) => all.map((text) => text.startsWith(name))), [true, true]);
    await page.getByRole("textbox", { name: "搜索" }).fill("");
    await rail(page).getByRole("button", { name: "通讯录" }).click();
    await shows(".contacts section");
    await page.getByRole("button", { name: "新的朋友" }).click();
    await shows(".request b");
    await shows(".request small");
    await page.evaluate((id) => (location.hash = `#/contacts/${id}`), mallory.id);
    await shows(".person h1");
    await page.getByRole("button", { name: "更多" }).click();
    await page.getByRole("menuitem", { name: "删除好友" }).click();
    await page.getByRole("dialog").getByText(name).waitFor();
    assert.equal(await page.locator("img").count(), 0);
    assert.equal(isAsked, false);
}));

test("the keyboard alone goes from logging in to writing, recalling and pinning", () => within({}, async (open) => {
    const [alice, bob] = [await person("爱丽丝"), await person("Bob")];
    await befriend(bob, alice);
    const page = await open();
    const press = (key) => page.keyboard.press(key);
    await page.getByLabel("微信号/手机号").focus();
    await page.keyboard.type(alice.uid);
    await press("Tab");
    await page.keyboard.type("山高月小 水落石出");
    await press("Enter");
    await chats(page).waitFor();
    await tabTo(page, "Bob");
    await press("Shift+F10");
    await page.getByRole("menu").waitFor();
    await press("Enter");
    await page.locator(".pinned").waitFor();
    assert.match((await focused(page)).name, /Bob/);
    await press("Enter");
    await field(page).waitFor();
    await until(page, () => document.activeElement.matches("textarea"));
    await page.keyboard.type("键盘");
    await press("Enter");
    await until(page, () => document.querySelector("[data-seq] .bubble"));
    // Back from the field: its button, then the messages.
    await press("Shift+Tab");
    await press("Shift+Tab");
    assert.deepEqual(await focused(page), { name: "消息记录", isVisible: true });
    await press("ArrowUp");
    await press("Enter");
    await press("ArrowDown");
    await press("ArrowDown");
    await press("Enter");
    await page.getByText("你撤回了一条消息").first().waitFor();
}));
