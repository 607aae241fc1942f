// The documentation page: a newcomer registers, authorises and sends a message, on a desktop and on a phone.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, startServer, tab } from "./support.mjs";

const SIZES = [{ width: 1280, height: 800 }, { width: 390, height: 844 }];
const PASSWORD = "山高月小 水落石出";
/** Screenshots are kept for people to look at, where this names a folder. */
const { SCREENSHOTS } = process.env;
let browser;
let server;
let API;

before(async () => {
    // Tokens live long enough for people, who copy them.
    [browser, server] = await Promise.all([launch(), startServer()]);
    API = server.address;
    SCREENSHOTS && await mkdir(SCREENSHOTS, { recursive: true });
});
after(async () => {
    await browser?.close();
    await server?.stop();
});

const shoot = (page, name) => SCREENSHOTS && page.screenshot({ path: join(SCREENSHOTS, `docs-${page.viewportSize().width}-${name}.png`) });

async function open(size) {
    const context = await browser.newContext({ viewport: size });
    const page = await tab(context, `${API}/docs/`, [API]);
    await page.locator(".opblock").first().waitFor();
    return { context, page };
}

/** Opens an operation, executes it, and returns the status and the body that the page shows. */
async function execute(page, method, path, body) {
    const block = page.locator(`.opblock-${method}`).filter({ has: page.locator(`[data-path="${path}"]`) });
    await block.locator(".opblock-summary-control").click();
    body && await block.locator("textarea.body-param__text").fill(JSON.stringify(body));
    await block.getByRole("button", { name: "Execute" }).click();
    const answer = block.locator(".live-responses-table .response").first();
    await answer.waitFor();
    const status = Number((await answer.locator(".response-col_status").innerText()).trim().split(/\s/)[0]);
    const shown = await answer.locator(".response-col_description pre").first().innerText();
    return { block, status, body: JSON.parse(shown) };
}

async function call(path, token, body) {
    const headers = { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) };
    const answer = await fetch(`${API}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    return answer.json();
}

for (const size of SIZES) {
    test(`registers, authorises and sends at ${size.width} px`, { timeout: 60_000 }, async () => {
        const { context, page } = await open(size);
        try {
            await shoot(page, "start");
            // The example as it stands, any number of times.
            const registered = await execute(page, "post", "/api/register");
            assert.equal(registered.status, 200, JSON.stringify(registered.body));
            await registered.block.scrollIntoViewIfNeeded();
            await shoot(page, "registered");
            const { token } = registered.body.data.token_class;
            await page.getByRole("button", { name: "Authorize" }).first().click();
            const dialog = page.locator(".modal-ux");
            await dialog.locator("input").first().fill(token);
            await shoot(page, "authorise");
            await dialog.getByRole("button", { name: "Apply credentials" }).first().click();
            await dialog.getByRole("button", { name: "Close" }).first().click();
            const me = registered.body.data.user_info.user_id;
            const friend = (await call("/api/register", undefined, { name: "Bob", password: PASSWORD })).data;
            const asked = await call("/api/auth/friendship_requests", token, { receiver_id: friend.user_info.user_id });
            await call(`/api/auth/friendship_requests/${asked.data.request_id}`, friend.token_class.token, { status: "accepted" });
            const sent = await execute(page, "post", "/api/auth/messages", { receiver_id: friend.user_info.user_id, content: "你好" });
            assert.equal(sent.status, 200, JSON.stringify(sent.body));
            assert.equal(sent.body.sent.message_id, sent.body.data);
            await sent.block.locator(".live-responses-table").scrollIntoViewIfNeeded();
            await shoot(page, "sent");
            const width = await page.evaluate(() => document.documentElement.scrollWidth);
            assert.ok(width <= size.width, `the page is ${width} px wide`);
            // The token is kept, so that a reload does not ask again.
            await page.reload();
            await page.locator(".opblock").first().waitFor();
            const own = await execute(page, "get", "/api/auth/me");
            assert.deepEqual([own.status, own.body.data.user_id], [200, me]);
            assert.deepEqual(page.faults, [], "no error in the console");
            assert.equal(await page.locator(".errors-wrapper").count(), 0, "no error of Swagger UI on the page");
        } finally {
            await context.close();
        }
    });
}

test("the page is named, small for a second visit, and tells common refusals once", { timeout: 60_000 }, async () => {
    const { context, page } = await open(SIZES[0]);
    try {
        assert.match(await page.title(), /Hongyan/);
        assert.equal(await page.locator("link[rel=icon]").count(), 1);
        const manual = await context.request.get(await page.getByRole("link", { name: "Manual" }).evaluate((link) => link.href));
        assert.match(await manual.text(), /^# The API/);
        assert.equal(await page.locator("#refusals td", { hasText: /^unavailable$/ }).count(), 1);
        assert.equal(await page.locator(".model-box").count(), 0, "schemas are closed");
        await page.locator(".opblock-post .opblock-summary-control").first().click();
        await page.locator(".responses-table").first().waitFor();
        const codes = await page.locator(".responses-table .response-col_status").allInnerTexts();
        assert.ok(!codes.some((code) => ["500", "503"].includes(code.trim())), codes.join());
        let bytes = 0;
        const session = await context.newCDPSession(page);
        await session.send("Network.enable");
        session.on("Network.loadingFinished", (finished) => { bytes += finished.encodedDataLength; });
        await page.reload();
        await page.locator(".opblock").first().waitFor();
        assert.ok(bytes < 100_000, `a second visit transfers ${bytes} bytes`);
    } finally {
        await context.close();
    }
});
