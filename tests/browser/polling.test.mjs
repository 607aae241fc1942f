// Polling from a page on another origin: the browser asks for permission once and not before every poll.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { countingProxy, launch, PAGES, servePages } from "./support.mjs";

const POLLS = 10;
let browser;
let pages;
let proxy;

before(async () => {
    [browser, pages, proxy] = await Promise.all([launch(), servePages(), countingProxy()]);
});
after(async () => {
    await browser?.close();
    pages?.close();
    proxy?.server.close();
});

/** Polls as docs/API.md recommends, each time with the tag of the last answer. Returns the statuses. */
async function poll(path, cache, headers) {
    const context = await browser.newContext();
    try {
        const page = await context.newPage();
        await page.goto(`${PAGES}/`);
        const token = await page.evaluate(async (base) => {
            const body = JSON.stringify({ name: "Poll", password: "山高月小 水落石出" });
            const answer = await fetch(`${base}/api/register`, { method: "POST", body, headers: { "Content-Type": "application/json" } });
            return (await answer.json()).data.token_class.token;
        }, proxy.url);
        proxy.asked.length = 0;
        return await page.evaluate(async ({ url, cache, headers, token, polls }) => {
            const seen = [];
            let tag;
            for (let count = 0; count < polls; count++) {
                const conditional = tag === undefined ? {} : { "If-None-Match": tag };
                const answer = await fetch(url, { cache, headers: { ...headers, ...conditional, Authorization: `Bearer ${token}` } });
                seen.push([answer.status, answer.headers.get("Date") !== null]);
                tag = answer.headers.get("ETag");
            }
            return seen;
        }, { url: `${proxy.url}${path}`, cache, headers, token, polls: POLLS });
    } finally {
        await context.close();
    }
}

const preflights = () => proxy.asked.filter((call) => call.startsWith("OPTIONS ")).length;

const TRACING = {
    traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", tracestate: "vendor=1", baggage: "user=1",
    "sentry-trace": "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1", "X-Requested-With": "fetch",
};

for (const path of ["/api/auth/me", "/api/auth/conversations"]) {
    for (const [what, headers] of [["", {}], [" with tracing headers", TRACING]]) {
        test(`ten polls of ${path} cost at most one OPTIONS${what}`, async () => {
            const seen = await poll(path, "force-cache", headers);
            assert.deepEqual(seen, [[200, true], ...Array(POLLS - 1).fill([304, true])]);
            assert.ok(preflights() <= 1, `${preflights()} OPTIONS`);
        });
    }
}
