// The web client at `/`: two tabs of one browser are two people. Every test also fails at a console error, a violation of the page's
// policy, or a request to another origin.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { API, launch, tab } from "./support.mjs";

const PASSWORD = "山高月小 水落石出";
let browser;
let number = 0;

before(async () => {
    browser = await launch();
});
after(() => browser?.close());

/** Runs a test in a browser context of its own. */
async function within(options, work) {
    const context = await browser.newContext({ locale: "zh-CN", ...options });
    const pages = [];
    const open = async () => {
        const page = await tab(context, `${API}/`);
        pages.push(page);
        return page;
    };
    try {
        await work(open, context);
        assert.deepEqual(pages.flatMap((page) => page.faults), []);
    } finally {
        await context.close();
    }
}

/** Signs a new person up in a tab. */
async function signUp(page, name) {
    const uid = `person_${process.pid}_${number++}`;
    await page.getByRole("button", { name: "还没有账号？注册" }).click();
    await page.getByLabel("昵称").fill(name);
    await page.getByLabel("微信号（选填）").fill(uid);
    await page.getByLabel("密码").fill(PASSWORD);
    await page.getByRole("button", { name: "注册", exact: true }).click();
    await page.getByText("还没有聊天").waitFor();
    return uid;
}

/** Two people who are friends, each with the chat open. */
async function friends(open) {
    const [alice, bob] = [await open(), await open()];
    await signUp(alice, "爱丽丝");
    const uid = await signUp(bob, "Bob");
    await alice.getByRole("button", { name: "通讯录" }).click();
    await alice.getByLabel("微信号").fill(uid.toUpperCase());
    await alice.getByLabel("微信号").press("Enter");
    assert.equal(await alice.getByLabel("发送添加朋友申请").inputValue(), "我是爱丽丝");
    await alice.getByRole("button", { name: "添加到通讯录" }).click();
    await alice.getByText("申请已发送").waitFor();
    await bob.getByRole("button", { name: "通讯录" }).click();
    await bob.getByText("我是爱丽丝").waitFor();
    await bob.getByRole("button", { name: "接受" }).click();
    await bob.getByText("已添加").waitFor();
    for (const [page, name] of [[alice, "Bob"], [bob, "爱丽丝"]]) {
        await page.getByRole("button", { name: "聊天", exact: true }).click();
        await page.getByRole("list", { name: "聊天" }).getByText(name).click();
        await page.getByRole("textbox", { name: "消息" }).waitFor();
    }
    return [alice, bob];
}

const field = (page) => page.getByRole("textbox", { name: "消息" });
const bubbles = (page) => page.locator(".bubble").allTextContents();

async function say(page, text) {
    await field(page).fill(text);
    await field(page).press("Enter");
}

async function sees(page, text, count = 1) {
    await page.locator(".bubble").getByText(text, { exact: true }).first().waitFor();
    assert.equal((await bubbles(page)).filter((bubble) => bubble === text).length, count);
}

test("two tabs of a browser sign up, become friends and talk", () => within({}, async (open) => {
    const [alice, bob] = await friends(open);
    assert.match(alice.url(), /#\/chat\//);
    await say(bob, "你好，爱丽丝 👋🏽");
    await sees(bob, "你好，爱丽丝 👋🏽");
    await sees(alice, "你好，爱丽丝 👋🏽");
    await say(alice, "七点？");
    await sees(bob, "七点？");
    await bob.locator(".spinner").waitFor({ state: "detached" });
    assert.deepEqual(await bubbles(bob), ["你好，爱丽丝 👋🏽", "七点？"]);
    await bob.reload();
    await sees(bob, "七点？");
}));

test("a bubble is there before the server answers, and once after it", () => within({}, async (open) => {
    const [alice, bob] = await friends(open);
    let release;
    const held = new Promise((resolve) => (release = resolve));
    await bob.route("**/api/auth/messages", async (route) => {
        await held;
        await route.continue();
    });
    await say(bob, "稍等");
    await sees(bob, "稍等");
    release();
    await sees(alice, "稍等");
    await bob.locator(".spinner").waitFor({ state: "detached" });
    await sees(bob, "稍等");
}));

test("an Enter that confirms a composition sends nothing", () => within({}, async (open, context) => {
    const [, bob] = await friends(open);
    const protocol = await context.newCDPSession(bob);
    await field(bob).focus();
    await protocol.send("Input.imeSetComposition", { text: "ni hao", selectionStart: 6, selectionEnd: 6 });
    await protocol.send("Input.dispatchKeyEvent", { type: "rawKeyDown", key: "Enter", code: "Enter", windowsVirtualKeyCode: 229 });
    assert.deepEqual(await bubbles(bob), []);
    await protocol.send("Input.insertText", { text: "你好" });
    assert.equal(await field(bob).inputValue(), "你好");
    await field(bob).press("Shift+Enter");
    assert.equal(await field(bob).inputValue(), "你好\n");
    await field(bob).press("Backspace");
    await field(bob).press("Enter");
    await sees(bob, "你好");
    assert.equal(await field(bob).inputValue(), "");
}));

test("what was sent without a network arrives once and in order, also after a reload", async () => {
    const context = await browser.newContext({ locale: "zh-CN" });
    const [alice, bob] = await friends(() => tab(context, `${API}/`));
    // Only Bob is cut off.
    await bob.route("**/api/auth/messages", (route) => route.abort());
    for (const text of ["一", "二", "三"]) {
        await say(bob, text);
    }
    await sees(bob, "三");
    await bob.unroute("**/api/auth/messages");
    await bob.reload();
    await sees(alice, "三");
    assert.deepEqual(await bubbles(alice), ["一", "二", "三"]);
    await context.close();
});

test("a refused message shows the server's sentence and waits", async () => {
    const context = await browser.newContext({ locale: "zh-CN" });
    const [alice, bob] = await friends(() => tab(context, `${API}/`));
    await bob.evaluate(async () => {
        const key = Object.keys(localStorage).filter((key) => key.startsWith("hongyan.session."));
        const sessions = key.map((key) => JSON.parse(localStorage[key]).session);
        const [mine] = sessions.filter(({ user }) => user.user_id === sessionStorage["hongyan.account"]);
        const [other] = sessions.filter((session) => session !== mine);
        await fetch(`/api/auth/friendships/${other.user.user_id}`, { method: "DELETE", headers: { Authorization: `Bearer ${mine.token}` } });
    });
    await say(alice, "在吗？");
    await alice.getByText("发送朋友验证").or(alice.getByText("朋友")).first().waitFor();
    assert.equal(await alice.getByRole("img", { name: "发送失败" }).count(), 1);
    await alice.getByRole("button", { name: "删除" }).last().click();
    await alice.getByRole("img", { name: "发送失败" }).waitFor({ state: "detached" });
    await context.close();
});

test("markup is text, wherever it stands", () => within({}, async (open) => {
    const [alice, bob] = await friends(open);
    let asked = false;
    alice.on("dialog", () => (asked = true));
    const text = "<img src=x onerror=alert(1)>";
    await say(bob, text);
    await sees(alice, text);
    assert.equal(await alice.locator("img").count(), 0);
    assert.equal(asked, false);
}));

test("a draft survives a reload and shows in the list", () => within({}, async (open) => {
    const [alice] = await friends(open);
    await field(alice).fill("还没写完");
    await alice.reload();
    assert.equal(await field(alice).inputValue(), "还没写完");
    await alice.getByRole("button", { name: "通讯录" }).click();
    await alice.getByRole("button", { name: "聊天", exact: true }).click();
    await alice.getByText("[草稿]").waitFor();
}));

test("unread messages raise the badge and the title, and opening the chat clears them", () => within({}, async (open) => {
    const [alice, bob] = await friends(open);
    await alice.getByRole("button", { name: "通讯录" }).click();
    await say(bob, "第一");
    await say(bob, "第二");
    await alice.getByText("2", { exact: true }).first().waitFor();
    assert.equal(await alice.title(), "(2) 鸿雁");
    await alice.bringToFront();
    await alice.getByRole("button", { name: "聊天", exact: false }).first().click();
    await alice.getByRole("list", { name: "聊天" }).getByText("Bob").click();
    await alice.getByText("以下是新消息").waitFor();
    await alice.waitForFunction(() => document.title === "鸿雁");
}));

test("reading stays where it is when a message comes, and a pill leads down", () => within({}, async (open) => {
    const [alice, bob] = await friends(open);
    for (let line = 1; line <= 40; line++) {
        await say(bob, `第 ${line} 条`);
    }
    await sees(alice, "第 40 条");
    const log = alice.getByRole("log");
    await log.evaluate((box) => (box.scrollTop = 300));
    await alice.waitForTimeout(100);
    const before = await log.evaluate((box) => box.scrollTop);
    await say(bob, "最新");
    await alice.getByRole("button", { name: "1条新消息" }).waitFor();
    assert.ok(Math.abs((await log.evaluate((box) => box.scrollTop)) - before) <= 1);
    await alice.getByRole("button", { name: "1条新消息" }).click();
    await alice.waitForFunction(() => {
        const box = document.querySelector(".log");
        return box.scrollHeight - box.scrollTop - box.clientHeight <= 10;
    });
}));

test("on a phone one column leads from the list to the chat and back", () => within({ viewport: { width: 390, height: 844 } }, async (open) => {
    const [alice, bob] = await friends(open);
    await say(bob, "手机上也行");
    await sees(alice, "手机上也行");
    await alice.getByRole("button", { name: "返回" }).click();
    await alice.getByRole("list", { name: "聊天" }).getByText("Bob").waitFor();
    assert.equal(await alice.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
    await alice.setViewportSize({ width: 320, height: 500 });
    assert.equal(await alice.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
}));

test("the page speaks English to a browser that prefers it, and shows the server's refusals", async () => {
    const context = await browser.newContext({ locale: "en-GB" });
    const page = await tab(context, `${API}/`);
    await page.getByLabel("WeChat-style ID or phone").fill("nobody_here");
    await page.getByLabel("Password").fill("wrong password");
    await page.getByRole("button", { name: "Log in", exact: true }).click();
    await page.getByText("Wrong account or password").waitFor();
    await page.getByRole("button", { name: "No account yet? Sign up" }).click();
    await page.getByLabel("Name").fill("Alice");
    await page.getByLabel("ID (optional)").fill("admin_alice");
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Sign up", exact: true }).click();
    await page.locator("#problem-uid").getByText("This uid is taken").waitFor();
    assert.equal(await page.getByLabel("Name").inputValue(), "Alice");
    await context.close();
});

test("logging out in one tab of an account ends its other tabs", () => within({}, async (open) => {
    const alice = await open();
    await signUp(alice, "爱丽丝");
    const second = await open();
    await second.getByRole("button", { name: "以「爱丽丝」的身份继续" }).click();
    await second.getByText("还没有聊天").waitFor();
    await alice.getByRole("button", { name: "退出登录" }).click();
    await second.getByRole("button", { name: "登录", exact: true }).waitFor();
}));
