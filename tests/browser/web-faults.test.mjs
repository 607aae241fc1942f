// The web client while the network or the server is away, in several tabs, and under a newer server.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startServer } from "./support.mjs";
import { befriend, bubbles, call, field, openChat, pair, person, rail, say, seat, sees, start, stop, until, within, write } from "./web.mjs";

/** A server whose tokens live as long as usual. */
let lasting;

before(async () => {
    [lasting] = await Promise.all([startServer(), start()]);
});
after(() => Promise.all([lasting?.stop(), stop()]));

const AWAY = /status of (401|4\d\d|503)|ERR_|Failed to load/;

test("what was sent without a network arrives once and in order, also after a reload", () => within({ except: AWAY }, async (open) => {
    const { pages: [alice, bob] } = await pair(open);
    await bob.route("**/api/auth/messages", (route) => route.abort());
    for (const text of ["一", "二", "三"]) {
        await say(bob, text);
    }
    await sees(bob, "三");
    await bob.unroute("**/api/auth/messages");
    await bob.reload();
    for (const page of [alice, bob]) {
        await sees(page, "三");
        await until(page, () => document.querySelectorAll("[data-seq] .bubble").length === 3);
        assert.deepEqual(await bubbles(page), ["一", "二", "三"]);
    }
}));

test("a browser that goes offline sends all when it is back, in order, once", () => within({ except: AWAY }, async (open, context) => {
    const { pages: [alice, bob] } = await pair(open);
    await context.setOffline(true);
    for (const text of ["一", "二", "三"]) {
        await say(bob, text);
        await sees(bob, text);
    }
    await bob.getByText("网络不可用，正在重连…").waitFor();
    assert.equal(await bob.locator("[data-seq] .bubble").count(), 0);
    await context.setOffline(false);
    await bob.reload();
    for (const page of [alice, bob]) {
        await until(page, () => document.querySelectorAll("[data-seq] .bubble").length === 3);
        assert.deepEqual(await bubbles(page), ["一", "二", "三"]);
        await page.getByText("网络不可用，正在重连…").waitFor({ state: "detached" });
    }
}));

test("a server that is away shows a line, keeps the draft, and is written to when it is back", () => within({ except: AWAY }, async (open) => {
    const { pages: [alice, bob] } = await pair(open);
    await bob.route("**/api/**", (route) => route.abort());
    await bob.getByText("网络不可用，正在重连…").waitFor();
    await say(bob, "等你回来");
    await field(bob).fill("还没写完");
    await bob.waitForTimeout(2500);
    await bob.unroute("**/api/**");
    await sees(alice, "等你回来");
    await bob.getByText("网络不可用，正在重连…").waitFor({ state: "detached" });
    await until(bob, () => document.querySelector("[data-seq] .bubble"));
    assert.equal(await field(bob).inputValue(), "还没写完");
}));

test("what was seen while the server was away is read when it is back", () => within({ except: AWAY }, async (open) => {
    const { people: [alice, bob], pages: [page] } = await pair(open);
    await page.route("**/read", (route) => route.abort());
    await write(bob, alice, ["看得到吗"]);
    await sees(page, "看得到吗");
    await until(page, () => document.title === "(1) 鸿雁");
    await page.waitForRequest("**/read");
    await page.unroute("**/read");
    await until(page, () => document.title === "鸿雁" && !document.querySelector(".badge"));
}));

test("messages of a time without a network are all there afterwards, without a gap", () => within({ except: AWAY }, async (open) => {
    const { people: [alice, bob], pages: [page] } = await pair(open);
    await write(bob, alice, ["之前"]);
    await sees(page, "之前");
    await page.route("**/api/**", (route) => route.abort());
    const texts = Array.from({ length: 130 }, (_, place) => `第 ${place + 1} 条`);
    await write(bob, alice, texts);
    await page.unroute("**/api/**");
    await page.locator(".bubble").getByText("第 130 条").waitFor();
    await until(page, () => document.querySelectorAll(".bubble").length === 131);
    assert.deepEqual(await bubbles(page), ["之前", ...texts]);
}));

test("three calls at once renew an expired token by one call", () => within({}, async (open) => {
    const { pages: [page] } = await pair(open, undefined, lasting.address);
    let renewals = 0;
    page.on("request", (request) => request.url().endsWith("/refresh_token") && renewals++);
    await page.evaluate(() => {
        const key = Object.keys(localStorage).find((key) => key === `hongyan.session.${sessionStorage["hongyan.account"]}`);
        const held = JSON.parse(localStorage[key]);
        held.session.expires_at = Date.now() - 1;
        localStorage[key] = JSON.stringify(held);
    });
    await page.reload();
    await field(page).waitFor();
    await say(page, "还在");
    await sees(page, "还在");
    assert.equal(renewals, 1);
}, lasting.address));

for (const [what, prepare] of [["", () => undefined], [": no locks", () => Object.defineProperty(Navigator.prototype, "locks", { get: () => undefined })]]) {
    test(`four tabs whose token expires renew it once and lose nothing${what}`, () => within({}, async (open, context) => {
        const api = lasting.address;
        await context.addInitScript(prepare);
        const [alice, bob] = [await person("爱丽丝", api), await person("Bob", api)];
        await befriend(bob, alice, api);
        const tabs = [await seat(await open(), alice)];
        while (tabs.length < 4) {
            const page = await open();
            await page.getByRole("button", { name: "以「爱丽丝」的身份继续" }).click();
            tabs.push(page);
        }
        const together = (work) => Promise.all(tabs.map(work));
        await together((page) => openChat(page, "Bob"));
        await field(tabs[0]).fill("还没写完");
        const hasDraft = (page) => until(page, () => document.querySelector(".composer textarea").value === "还没写完");
        await together(hasDraft);
        const renewals = [];
        context.on("request", (request) => request.url().endsWith("/refresh_token") && renewals.push(request.headers()["idempotency-key"]));
        // For the pages an hour passes in one moment; the server's clock stays.
        const later = Date.now() + 3_600_000;
        await together((page) => page.clock.setFixedTime(later));
        await together((page) => page.evaluate(() => dispatchEvent(new Event("focus"))));
        const rotation = () => JSON.parse(localStorage[`hongyan.session.${sessionStorage["hongyan.account"]}`]).session.rotation;
        await together((page) => until(page, rotation));
        await together(hasDraft);
        for (const [place, page] of tabs.entries()) {
            await say(page, `第 ${place + 1} 个标签页`);
        }
        await together((page) => until(page, () => document.querySelectorAll("[data-seq] .bubble").length === 4));
        assert.deepEqual(await together((page) => page.evaluate(rotation)), [1, 1, 1, 1]);
        assert.deepEqual(await together((page) => rail(page).count()), [1, 1, 1, 1]);
        assert.equal((await call(alice, "GET", "/api/auth/sessions", undefined, api)).data.length, 2, "the tabs' and the test's own");
        // Without locks the tabs may ask together, under one key: the server renews once.
        assert.equal(new Set(renewals).size, 1);
        assert.ok(what !== "" || renewals.length === 1, `${renewals.length} renewals`);
    }, lasting.address));
}

test("a newer page is offered, and taking it keeps draft and unsent messages", () => within({ except: AWAY }, async (open) => {
    const { pages: [alice, bob] } = await pair(open);
    let isCut = false;
    await bob.route("**/api/auth/messages", (route) => (isCut ? route.abort() : route.continue()));
    await field(bob).fill("还没写完");
    await bob.route(/:\d+\/$/, async (route) => {
        const answer = await route.fetch();
        await route.fulfill({ response: answer, body: (await answer.text()).replace(/app\.js\?v=\w+/, "app.js?v=0000000000000000") });
    });
    await bob.evaluate(() => dispatchEvent(new Event("online")));
    await bob.getByRole("button", { name: "有新版本，点击刷新" }).waitFor();
    await bob.unroute(/:\d+\/$/);
    // The old page goes on working until then.
    await say(alice, "你那边还好吗");
    await sees(bob, "你那边还好吗");
    await say(bob, "还好");
    await sees(alice, "还好");
    isCut = true;
    await say(bob, "没发出的");
    await field(bob).fill("还没写完");
    await bob.getByRole("button", { name: "有新版本，点击刷新" }).click();
    await bob.getByRole("button", { name: "有新版本，点击刷新" }).waitFor({ state: "detached" });
    await field(bob).waitFor();
    isCut = false;
    await sees(alice, "没发出的");
    assert.equal(await field(bob).inputValue(), "还没写完");
    await say(alice, "还在吗");
    await sees(bob, "还在吗");
}));

test("after a restart nothing is lost, and a late recall is refused", async () => {
    const server = await startServer({ HONGYAN_RECALL_WINDOW_SECONDS: "3" });
    const api = server.address;
    try {
        await within({ except: AWAY }, async (open) => {
            const [alice, bob] = [await person("爱丽丝", api), await person("Bob", api)];
            await befriend(alice, bob, api);
            const page = await seat(await open(), bob);
            await openChat(page, "爱丽丝");
            await say(page, "之前");
            await until(page, () => document.querySelector("[data-seq] .bubble"));
            const menu = async () => {
                await page.locator(".bubble").first().click({ button: "right" });
                const choices = await page.getByRole("menuitem").allTextContents();
                await page.keyboard.press("Escape");
                return choices;
            };
            assert.deepEqual(await menu(), ["复制", "引用", "撤回", "删除"]);
            await server.end();
            await page.getByText("网络不可用，正在重连…").waitFor();
            await say(page, "在停机时写的");
            await field(page).fill("还没写完");
            await server.again();
            await until(page, () => document.querySelectorAll("[data-seq] .bubble").length === 2);
            assert.deepEqual(await bubbles(page), ["之前", "在停机时写的"]);
            assert.equal(await field(page).inputValue(), "还没写完");
            await page.getByText("网络不可用，正在重连…").waitFor({ state: "detached" });
            assert.deepEqual(await menu(), ["复制", "引用", "删除"]);
            // A menu that was opened in time, and used too late.
            await say(page, "来不及撤回");
            await until(page, () => document.querySelectorAll("[data-seq] .bubble").length === 3);
            await page.locator(".bubble").last().click({ button: "right" });
            await page.waitForTimeout(3200);
            const [answer] = await Promise.all([page.waitForResponse(/\/recall$/), page.getByRole("menuitem", { name: "撤回" }).click()]);
            const { error, message } = await answer.json();
            assert.equal(error, "recall_window_over");
            await page.locator(".notice-of-moment").getByText(message, { exact: true }).waitFor();
            assert.equal(await page.locator(".bubble").last().textContent(), "来不及撤回");
        }, api);
    } finally {
        await server.stop();
    }
});
