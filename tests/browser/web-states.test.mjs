// What the web client shows where there is nothing, or nothing yet: empty, loading, unknown, without a network.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { call, chats, field, pair, person, say, seat, sees, start, stop, within } from "./web.mjs";

before(start);
after(stop);

/** What the browser says to the console about a refused call, or without a network. */
const REFUSED = /status of 4\d\d/;
const AWAY = /ERR_INTERNET_DISCONNECTED|WebSocket/;
const go = (page, route) => page.evaluate((route) => (location.hash = `#/${route}`), route);

/** Holds what a page asks for until the returned function is called. */
async function hold(page, pattern) {
    let release;
    const held = new Promise((resolve) => (release = resolve));
    await page.route(pattern, async (route) => {
        await held;
        await route.fallback().catch(() => undefined);
    });
    return release;
}

test("what is typed before a chat is loaded stays, and can be sent afterwards", () => within({}, async (open) => {
    const { people: [alice], pages: [page, other], conversation } = await pair(open);
    await go(page, "chat");
    await call(alice, "DELETE", `/api/auth/conversations/${conversation}`);
    await page.getByText("还没有聊天").waitFor();
    const release = await hold(page, /conversations\/[\w-]+$/);
    await page.reload();
    await page.getByText("还没有聊天").waitFor();
    await go(page, `chat/${conversation}`);
    await say(page, "写得太快");
    assert.equal(await field(page).inputValue(), "写得太快");
    assert.equal(await page.getByRole("button", { name: "发送" }).isDisabled(), true);
    release();
    await page.getByRole("heading", { name: "Bob" }).waitFor();
    await field(page).press("Enter");
    await sees(other, "写得太快");
}));

test("an unknown chat and an unknown person are named so", () => within({ except: REFUSED }, async (open) => {
    const page = await seat(await open(), await person("爱丽丝"));
    for (const id of ["nonsense", crypto.randomUUID()]) {
        await go(page, `chat/${id}`);
        await page.getByText("该聊天不存在").waitFor();
        assert.equal(await field(page).count(), 0);
        await go(page, "chat");
    }
    await go(page, `contacts/${crypto.randomUUID()}`);
    await page.getByText("你的通讯录里没有这个人").waitFor();
    assert.equal(await page.getByText("还没有好友").count(), 1, "the list of contacts alone is empty");
}));

test("nothing is called empty before it is loaded", () => within({}, async (open) => {
    const page = await seat(await open(), await person("爱丽丝"));
    const places = [
        ["contacts", /auth\/friendships(\?|$)/, "还没有好友"], ["contacts/new", /auth\/friendship_requests/, "还没有好友申请"],
        ["settings", /auth\/blocks/, "黑名单为空"], ["chat/12", /auth\/(conversations|sync)/, "选择一个聊天"],
    ];
    for (const [route, pattern, empty] of places) {
        const release = await hold(page, pattern);
        await page.goto("about:blank");
        await page.goto(`${process.env.API}/#/${route}`);
        await page.getByRole("navigation").waitFor();
        if (route !== "settings") {
            await page.getByRole("img", { name: "加载中…" }).first().waitFor();
        } else {
            await page.getByRole("heading", { name: "黑名单" }).waitFor();
        }
        assert.equal(await page.getByText(empty, { exact: true }).count(), 0, empty);
        release();
        route.startsWith("chat") || (await page.getByText(empty, { exact: true }).waitFor());
        await page.unrouteAll({ behavior: "ignoreErrors" });
    }
    page.faults.length = 0;
}));

test("when the browser is offline the page says so without waiting for its next call", () => within({ except: AWAY }, async (open) => {
    const { pages: [page] } = await pair(open);
    await page.clock.install();
    await page.reload();
    await page.getByText("你们已经是好友了").first().waitFor();
    await page.waitForLoadState("networkidle");
    // No timer begins a call any more.
    await page.clock.pauseAt(Date.now() + 1000);
    await page.waitForLoadState("networkidle");
    await page.route(/\/api\//, (route) => route.abort("internetdisconnected"));
    await page.evaluate(() => globalThis.dispatchEvent(new Event("offline")));
    await page.locator(".offline").waitFor();
}));

test("on a phone an open chat says that the network is gone", () => within({ viewport: { width: 390, height: 844 }, except: AWAY }, async (open, context) => {
    const { pages: [page] } = await pair(open);
    await context.setOffline(true);
    await page.locator(".pane .offline").waitFor();
    assert.equal(await page.getByText("网络不可用，正在重连…").count(), 1);
    const [line, composer] = await Promise.all([page.locator(".pane .offline").boundingBox(), page.locator(".composer").boundingBox()]);
    assert.ok(line.y < 100 && composer.y + composer.height === 844);
    await context.setOffline(false);
    await page.locator(".offline").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "返回" }).click();
    await chats(page).getByText("Bob").waitFor();
}));
