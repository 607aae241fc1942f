// The web client while the network or the server is away, in several tabs, and under a newer server.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startServer } from "./support.mjs";
import { befriend, bubbles, field, openChat, pair, person, say, seat, sees, start, stop, until, within, write } from "./web.mjs";

before(start);
after(stop);

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
    const { pages: [page] } = await pair(open);
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
}));

test("a newer page is offered, and taking it keeps draft and unsent messages", () => within({ except: AWAY }, async (open) => {
    const { pages: [alice, bob] } = await pair(open);
    await field(bob).fill("还没写完");
    await bob.route(/:\d+\/$/, async (route) => {
        const answer = await route.fetch();
        await route.fulfill({ response: answer, body: (await answer.text()).replace(/app\.js\?v=\w+/, "app.js?v=0000000000000000") });
    });
    await bob.evaluate(() => dispatchEvent(new Event("online")));
    await bob.getByRole("button", { name: "有新版本，点击刷新" }).waitFor();
    await bob.unroute(/:\d+\/$/);
    await bob.getByRole("button", { name: "有新版本，点击刷新" }).click();
    await field(bob).waitFor();
    assert.equal(await field(bob).inputValue(), "还没写完");
    await say(alice, "还在吗");
    await sees(bob, "还在吗");
}));

test("a restart of the server needs no reload, and after the window nothing is recalled", async () => {
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
        }, api);
    } finally {
        await server.stop();
    }
});
