// Input methods: the Enter that confirms a composition does nothing else, in every field in which a plain Enter acts. Chromium sends that
// Enter while it composes; Safari ends the composition first and leaves keyCode 229.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { befriend, field, openChat, pair, PASSWORD, person, seat, start, stop, until, within } from "./web.mjs";

before(start);
after(stop);

const REFUSED = /status of 4\d\d/;

/** What an Enter can do: submit a form, send a message, open a hit. */
const noteActs = (page) => page.evaluate(() => {
    window.acts = 0;
    addEventListener("submit", () => window.acts++, true);
    addEventListener("hashchange", () => window.acts++);
    new MutationObserver(() => window.acts++).observe(document.querySelector(".log") ?? document.createElement("p"), { childList: true });
});

/**
 * The Enter of an input method, as the browser receives it from the system, in both orders; then a plain one, which acts. A form is
 * submitted by the character that a keydown is followed by, unless the page prevents it.
 */
async function confirmed(page, box, { isForm = true } = {}) {
    const protocol = await page.context().newCDPSession(page);
    const enter = (code) => protocol.send("Input.dispatchKeyEvent", { type: "keyDown", key: "Enter", code: "Enter", windowsVirtualKeyCode: code, ...(isForm && { text: "\r" }) });
    const compose = () => protocol.send("Input.imeSetComposition", { text: "ni hao", selectionStart: 6, selectionEnd: 6 });
    const settled = () => page.evaluate(() => new Promise((resolve) => setTimeout(() => requestAnimationFrame(() => resolve(window.acts)), 50)));
    await noteActs(page);
    await box.fill("");
    await box.focus();
    await compose();
    await enter(229);
    assert.equal(await settled(), 0, "while it composes");
    await protocol.send("Input.insertText", { text: "你好" });
    await enter(229);
    assert.equal(await settled(), 0, "after the end, keyCode 229");
    await compose();
    // Some web views give the Enter its own code, in the task in which the composition ends.
    const isPrevented = await box.evaluate((element, isForm) => {
        element.dispatchEvent(new CompositionEvent("compositionend", { bubbles: true, data: "你好" }));
        const event = new KeyboardEvent("keydown", { key: "Enter", keyCode: 13, bubbles: true, cancelable: true });
        element.dispatchEvent(event);
        return event.defaultPrevented || !isForm;
    }, isForm);
    assert.ok(isPrevented, "in the task of the end, keyCode 13");
    assert.equal(await settled(), 0, "in the task of the end, keyCode 13");
    await protocol.send("Input.insertText", { text: "你好" });
    await protocol.detach();
    assert.match(await box.inputValue(), /你好/);
    await box.press("Enter");
    await until(page, () => window.acts > 0);
}

test("the field for a message keeps the Enter of an input method", () => within({}, async (open) => {
    const { pages: [page] } = await pair(open);
    await confirmed(page, field(page), { isForm: false });
}));

test("the search keeps the Enter of an input method, with a hit in reach", () => within({}, async (open) => {
    // A name that all that is typed here finds.
    const [alice, bob] = [await person("爱丽丝"), await person("你好ni hao 你好你好")];
    await befriend(bob, alice);
    const page = await seat(await open("#/contacts"), alice);
    const search = page.getByRole("textbox", { name: "搜索" });
    await search.fill("hao");
    await page.getByRole("region", { name: "联系人" }).getByRole("button").waitFor();
    await confirmed(page, search, { isForm: false });
}));

test("the fields of the entry keep the Enter of an input method", () => within({ except: REFUSED }, async (open) => {
    const page = await open();
    await page.getByLabel("密码").fill("wrong password");
    await confirmed(page, page.getByLabel("微信号/手机号"));
    await page.getByRole("button", { name: "还没有账号？注册" }).click();
    await page.getByLabel("密码").fill(PASSWORD);
    await page.getByLabel("微信号（选填）").fill("");
    await confirmed(page, page.getByLabel("昵称"));
}));

test("remark, names, uids and greetings keep the Enter of an input method", () => within({ except: REFUSED }, async (open) => {
    const [alice, bob, cat] = [await person("爱丽丝"), await person("Bob"), await person("小猫")];
    await befriend(bob, alice);
    const page = await seat(await open(), alice);
    await openChat(page, "Bob");
    await page.getByRole("button", { name: "聊天信息" }).click();
    await confirmed(page, page.getByLabel("备注"));
    await page.keyboard.press("Escape");
    const go = (route) => page.evaluate((route) => (location.hash = route), route);
    await go("#/settings");
    for (const label of ["昵称", "微信号"]) {
        await confirmed(page, page.getByLabel(label, { exact: true }));
    }
    await go("#/contacts/add");
    await confirmed(page, page.getByLabel("微信号", { exact: true }));
    await page.getByLabel("微信号", { exact: true }).fill(cat.uid);
    await page.getByRole("button", { name: "查找" }).click();
    await confirmed(page, page.getByLabel("发送添加朋友申请"));
}));
