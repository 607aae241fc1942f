// The TypeScript client in tabs of chromium, on another origin than the server. The server's access tokens live a few seconds.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { API, countingProxy, EXPIRED, launch, PAGES, PLAIN_PAGES, servePages, tab } from "./support.mjs";

const LIFETIME = Number(process.env.ACCESS_TOKEN_SECONDS) * 1000;
const PASSWORD = "山高月小 水落石出";
let browser;
let pages;

before(async () => {
    [browser, pages] = await Promise.all([launch(), servePages()]);
});
after(async () => {
    await browser?.close();
    pages?.close();
});

/** A tab with the client loaded as `client`, and `hongyan` made of it. */
async function open(context, origin, api = API) {
    const page = await tab(context, `${origin}/`);
    await page.evaluate(async (api) => {
        window.client = await import("/client/index.js");
        window.hongyan = new client.Hongyan({ baseUrl: api, language: "en" });
    }, api);
    return page;
}

/** One account in four tabs of a browser. */
async function fourTabs(origin, prepare = () => undefined) {
    const context = await browser.newContext();
    await context.addInitScript(prepare);
    const tabs = await Promise.all([1, 2, 3, 4].map(() => open(context, origin)));
    const user = await tabs[0].evaluate(async (password) => {
        window.account = await hongyan.register({ name: "Alice", password });
        return account.user.user_id;
    }, PASSWORD);
    await Promise.all(tabs.slice(1).map((page) => page.evaluate((user) => {
        window.account = hongyan.resume(user);
    }, user)));
    return { context, tabs };
}

const token = (page) => page.evaluate(() => account.session.token());

/** What must hold however the tabs race: all go on, with equal tokens, in one session. */
async function expireTogether(origin, prepare) {
    const { context, tabs } = await fourTabs(origin, prepare);
    const refreshes = [];
    context.on("request", (request) => {
        request.method() === "POST" && request.url().endsWith("/refresh_token") && refreshes.push(request.headers()["idempotency-key"]);
    });
    const first = await token(tabs[0]);
    for (let round = 0; round < 2; round++) {
        await tabs[0].waitForTimeout(LIFETIME + 100);
        await Promise.all(tabs.map((page) => page.evaluate(() => account.call("get", "/api/auth/me"))));
        const tokens = await Promise.all(tabs.map(token));
        assert.equal(new Set(tokens).size, 1, "the tokens are equal");
        assert.notEqual(tokens[0], first);
    }
    const sessions = await tabs[3].evaluate(async () => (await account.call("get", "/api/auth/sessions")).data.length);
    assert.equal(sessions, 1);
    assert.deepEqual(await Promise.all(tabs.map((page) => page.evaluate(() => account.session.end ?? null))), [null, null, null, null]);
    assert.deepEqual(tabs.flatMap((page) => page.faults).filter((fault) => !EXPIRED.test(fault)), []);
    const secure = await tabs[0].evaluate(() => [isSecureContext, typeof navigator.locks]);
    await context.close();
    return { refreshes, secure };
}

test("four tabs that expire together go on with equal tokens", async () => {
    const { refreshes, secure } = await expireTogether(PAGES);
    assert.deepEqual(secure, [true, "object"]);
    assert.ok(refreshes.length >= 2);
});

test("four tabs without Web Locks go on with equal tokens", async () => {
    const prepare = () => Object.defineProperty(Navigator.prototype, "locks", { get: () => undefined });
    const { refreshes, secure } = await expireTogether(PAGES, prepare);
    assert.deepEqual(secure, [true, "undefined"]);
    assert.ok(refreshes.length >= 2);
});

test("four tabs on plain http go on with equal tokens", async () => {
    const { secure } = await expireTogether(PLAIN_PAGES);
    assert.deepEqual(secure, [false, "undefined"]);
});

test("logging out in one tab reaches the others at once", async () => {
    const { context, tabs } = await fourTabs(PLAIN_PAGES);
    const ends = tabs.slice(1).map((page) => page.evaluate(() => new Promise((resolve) => account.session.onEnd(({ error }) => resolve(error)))));
    await tabs[0].evaluate(() => account.logOut());
    assert.deepEqual(await Promise.all(ends), ["logout", "logout", "logout"]);
    assert.equal(await tabs[1].evaluate(() => JSON.stringify(localStorage).includes("refresh")), false);
    await context.close();
});

test("two tabs of one browser are two people who talk", async () => {
    const context = await browser.newContext();
    const [alice, bob] = await Promise.all([open(context, PLAIN_PAGES), open(context, PLAIN_PAGES)]);
    const register = (page, name) => page.evaluate(async ([name, password]) => {
        window.account = await hongyan.register({ name, password });
        return account.user.user_id;
    }, [name, PASSWORD]);
    await register(alice, "爱丽丝");
    const bobId = await register(bob, "Bob");
    const request_id = await alice.evaluate(async (receiver_id) =>
        (await account.call("post", "/api/auth/friendship_requests", { body: { receiver_id } })).data.request_id, bobId);
    await bob.evaluate((request_id) =>
        account.call("post", "/api/auth/friendship_requests/{request_id}", { path: { request_id }, body: { status: "accepted" } }), request_id);
    const seen = bob.evaluate(() => new Promise((resolve) => {
        const poll = account.poll("/api/auth/conversations", {}, { every: 0.1, onAnswer: ({ data: [{ last_message }] }) => {
            if (last_message) {
                poll.stop();
                resolve(last_message.content);
            }
        } });
    }));
    // Offline for a moment: the message waits in the outbox, also through a reload.
    await context.setOffline(true);
    await alice.evaluate((receiver) => account.outbox.add(receiver, "你好 👋🏽"), bobId);
    await alice.waitForTimeout(300);
    await context.setOffline(false);
    assert.equal(await seen, "你好 👋🏽");
    const waiting = await alice.evaluate(async () => {
        while (account.outbox.messages().length > 0) {
            await new Promise((resolve) => setTimeout(resolve, 50));
        }
        return account.outbox.messages();
    });
    assert.deepEqual(waiting, []);
    await alice.reload();
    await alice.evaluate(async (api) => {
        const { Hongyan } = await import("/client/index.js");
        window.account = new Hongyan({ baseUrl: api }).resume();
    }, API);
    assert.equal(await alice.evaluate(() => account.user.name), "爱丽丝", "each tab keeps its own account");
    await context.close();
});

test("ten polls from another origin cost at most one preflight", async () => {
    const proxy = await countingProxy();
    const context = await browser.newContext();
    const page = await open(context, PAGES, proxy.url);
    const answers = await page.evaluate(async (password) => {
        const account = await hongyan.register({ name: "Alice", password });
        const poll = (etag) => account.exchange({ method: "get", path: "/api/auth/conversations", etag });
        const { etag } = await poll();
        const answers = [];
        for (let number = 0; number < 10; number++) {
            answers.push((await poll(etag)).envelope);
        }
        return answers;
    }, PASSWORD);
    assert.deepEqual(answers, Array(10).fill(null), "each is a 304");
    const count = (method) => proxy.asked.filter((line) => line === `${method} /api/auth/conversations`).length;
    assert.equal(count("GET"), 11);
    assert.ok(count("OPTIONS") <= 2, `${count("OPTIONS")} preflights`);
    await context.close();
    proxy.server.closeAllConnections();
    proxy.server.close();
});
