// The typing indicator of the web client.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startServer } from "./support.mjs";
import { call, field, pair, rail, say, sees, start, stop, within, write } from "./web.mjs";

/** A server whose tokens live as long as usual, so that sockets stay. */
let server;

before(async () => {
    [server] = await Promise.all([startServer(), start()]);
});
after(() => Promise.all([server?.stop(), stop()]));

const WRITING = "对方正在输入…";
const line = (page) => page.locator(".pane > header").getByText(WRITING);

/** Notes the reports of a tab that its user is writing, by socket and by call. */
function noteReports(page) {
    const reports = [];
    page.on("websocket", (socket) => socket.on("framesent", ({ payload }) => JSON.parse(payload).type === "typing" && reports.push("frame")));
    page.on("request", (request) => request.url().endsWith("/typing") && reports.push(request.method()));
    return reports;
}

/** Two friends in tabs that are connected, and the reports of the second. With `isLong` only a message ends what the first is shown. */
async function connectedPair(open, isLong = false) {
    let reports;
    const { people, pages: [alice, bob] } = await pair(async () => {
        const isFirst = reports === undefined;
        const page = await open();
        reports = noteReports(page);
        if (isFirst && isLong) {
            await page.routeWebSocket(/socket/, (socket) => {
                const server = socket.connectToServer();
                server.onMessage((text) => socket.send(text.replace('"seconds":6', '"seconds":600')));
            });
        }
        return page;
    }, undefined, server.address);
    // Not typed, so nothing was reported yet.
    await write(...people, ["在吗"], server.address);
    await sees(bob, "在吗");
    return { people, alice, bob, reports };
}

/** Frames and calls leave the page in their order, so a message that has arrived comes after all reports. */
async function settled(alice, bob) {
    await say(bob, "写完了");
    await sees(alice, "写完了");
}

/** The browser says so of a routed socket whose other end has closed. */
const ROUTED = /already in CLOSING or CLOSED/;

test("a friend who types shows in the header until the message comes", () => within({ except: ROUTED }, async (open) => {
    const { alice, bob, reports } = await connectedPair(open, true);
    assert.equal(await line(alice).count(), 0);
    const now = Date.now();
    // The page's clock stands, however busy the machine is.
    await bob.clock.setFixedTime(now);
    await field(bob).pressSequentially("正在写一句很长的话");
    await line(alice).waitFor();
    assert.equal(await line(bob).count(), 0, "not for the writer");
    assert.deepEqual(reports, ["frame"], "many letters are one report");
    assert.equal(await alice.locator(".log").getByText(WRITING).count(), 0, "not in the list");
    await settled(alice, bob);
    await line(alice).waitFor({ state: "detached" });
    await bob.clock.setFixedTime(now + 4000);
    await field(bob).press("a");
    await field(alice).press("a");
    await line(bob).waitFor();
    await line(bob).waitFor({ state: "detached" });
    assert.equal(await field(alice).inputValue(), "a", "it went without a message");
    assert.deepEqual(reports, ["frame", "frame"]);
}, server.address));

test("where no socket gets through, typing is reported by a call", () => within({}, async (open) => {
    let reports;
    let isFirst = true;
    const { pages: [alice, bob] } = await pair(async () => {
        const page = await open();
        if (!isFirst) {
            reports = noteReports(page);
            await page.addInitScript(() => delete globalThis.WebSocket);
            await page.reload();
        }
        isFirst = false;
        return page;
    }, undefined, server.address);
    await say(alice, "在吗");
    await sees(bob, "在吗");
    await field(bob).press("a");
    await line(alice).waitFor();
    assert.deepEqual(reports, ["POST"]);
}, server.address));

test("a user who does not share typing reports and sees none", () => within({}, async (open) => {
    const { alice, bob, reports, people: [, person] } = await connectedPair(open);
    await rail(bob).getByRole("button", { name: "设置" }).click();
    const share = bob.getByRole("switch", { name: "显示正在输入" });
    assert.equal(await share.getAttribute("aria-checked"), "true");
    await share.click();
    await bob.locator("[role=switch][aria-checked=false]").waitFor();
    assert.equal((await call(person, "GET", "/api/auth/me", undefined, server.address)).data.share_typing, false);
    await bob.goBack();
    await field(bob).pressSequentially("悄悄地写");
    await field(alice).pressSequentially("我也写");
    await settled(alice, bob);
    await say(alice, "看到了");
    await sees(bob, "看到了");
    assert.deepEqual(reports, []);
    assert.deepEqual([await line(alice).count(), await line(bob).count()], [0, 0]);
}, server.address));

test("a user who empties the field is not shown as typing", () => within({}, async (open) => {
    const { alice, bob, reports } = await connectedPair(open);
    await field(bob).press("a");
    await line(alice).waitFor();
    await bob.clock.setFixedTime(Date.now() + 60_000);
    await field(bob).press("Backspace");
    await bob.clock.setFixedTime(Date.now() + 120_000);
    await settled(alice, bob);
    assert.deepEqual(reports, ["frame", "frame"], "one for the letter, one for the message that followed");
}, server.address));
