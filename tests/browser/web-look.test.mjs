// How the web client looks: accessibility by axe, narrow and wide windows, large letters, many rows; and a picture of every screen, kept
// in the folder that SHOTS names.

import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { call, chats, field, pair, populated, rail, seat, sees, start, stop, until, withChats, within, write } from "./web.mjs";

const { SHOTS } = process.env;
/** A desktop, a phone, and the narrowest window in which everything fits. */
const WINDOWS = [{ width: 1280, height: 800 }, { width: 390, height: 844 }, { width: 320, height: 640 }];
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

before(async () => {
    SHOTS && (await mkdir(SHOTS, { recursive: true }));
    await start();
});
after(stop);

/** What reaches beyond the window, except lines that end in an ellipsis. */
const overflowing = () => [...document.body.querySelectorAll("*")]
    .filter((box) => box.checkVisibility() && !box.closest(".hidden, .preview .words > *, .names bdi > *"))
    .filter((box) => box.getBoundingClientRect().right > innerWidth + 1 || box.getBoundingClientRect().left < -1)
    .map((box) => box.outerHTML.slice(0, 120));

/** Keeps pictures of a screen in both colours, and notes the serious findings and what does not fit. */
async function examine(page, name, findings) {
    for (const colorScheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme });
        SHOTS && (await page.screenshot({ path: join(SHOTS, `${name}-${colorScheme}.png`) }));
        const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
        const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
        findings.push(...serious.map(({ id, nodes }) => `${name}-${colorScheme}: ${id}: ${nodes[0].html.slice(0, 160)} ${nodes[0].any[0]?.message ?? ""}`));
    }
    const wide = await page.evaluate(overflowing);
    findings.push(...wide.slice(0, 1).map((html) => `${name}: beyond the window: ${html}`));
}

/** The screens after logging in, one after the other; gives their names. */
async function* screens(page, alice) {
    const go = (route) => page.evaluate((route) => (location.hash = `#/${route}`), route);
    const leave = () => page.keyboard.press("Escape");
    await go("chat");
    await page.getByText("会议改到三点了").waitFor();
    yield "list";
    await page.getByRole("button", { name: "陈默" }).click({ button: "right" });
    await page.getByRole("menu").waitFor();
    yield "menu";
    await leave();
    await page.getByRole("button", { name: "爱丽丝" }).first().click();
    await page.locator(".bubble").getByText("那就这么说定了").waitFor();
    yield "chat";
    await page.locator(".composer .square").click();
    yield "emoji";
    await leave();
    await page.locator(".pane > header .square").click();
    await page.getByRole("dialog").waitFor();
    yield "drawer";
    await leave();
    const places = [
        ["contacts", "contacts", ".contacts section"], ["contacts/new", "requests", ".request"], ["contacts/add", "add", ".find"],
        [`contacts/${alice.id}`, "person", ".person .who"], ["settings", "settings", ".settings li.setting"],
    ];
    for (const [route, name, mark] of places) {
        await go(route);
        await page.locator(mark).first().waitFor();
        yield name;
    }
    await page.locator(".settings section .buttons .danger").click();
    await page.getByRole("dialog").waitFor();
    yield "erase";
    await leave();
    await page.locator(".settings section > .buttons .secondary:not(.danger)").last().click();
    await page.getByRole("dialog").waitFor();
    yield "question";
    await leave();
    await go("chat");
    await page.locator(".search input").fill("火锅");
    await page.locator(".results time").first().waitFor();
    yield "search";
    await page.locator(".search input").fill("");
}

for (const language of ["zh", "en"]) {
    // What moves would be judged half-way.
    const options = { locale: language === "zh" ? "zh-CN" : "en-GB", reducedMotion: "reduce" };
    test(`every screen is accessible and fits in all colours and widths: ${language}`, () => within(options, async (open, context) => {
        await context.addInitScript({ content: axe });
        const { me, alice } = await populated();
        const findings = [];
        const page = await open();
        for (const size of WINDOWS) {
            await page.setViewportSize(size);
            await examine(page, `entry-${size.width}-${language}`, findings);
            await page.locator("form .link").click();
            await examine(page, `sign-up-${size.width}-${language}`, findings);
            await page.locator("form .link").click();
        }
        await seat(page, me, language);
        for (const size of WINDOWS) {
            await page.setViewportSize(size);
            for await (const screen of screens(page, alice)) {
                await examine(page, `${screen}-${size.width}-${language}`, findings);
            }
        }
        assert.deepEqual(findings, []);
    }));
}

const hasNoScrollbar = (page) => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);

test("on a phone one column leads from the list to the chat and back", () => within({ viewport: { width: 390, height: 844 }, hasTouch: true }, async (open) => {
    const { pages: [page, other], people: [alice, bob] } = await pair(open);
    await write(bob, alice, ["手机上也行"]);
    await sees(page, "手机上也行");
    assert.equal(await rail(page).isVisible(), false);
    await page.setViewportSize({ width: 390, height: 400 });
    const box = await field(page).boundingBox();
    assert.ok(box.y + box.height <= 400);
    await page.getByRole("button", { name: "返回" }).click();
    await chats(page).getByText("Bob").waitFor();
    assert.equal((await page.locator("main.list").boundingBox()).width, 390, "nothing stands beside the list");
    for (const width of [390, 320]) {
        await page.setViewportSize({ width, height: 500 });
        await other.setViewportSize({ width, height: 500 });
        assert.deepEqual([await hasNoScrollbar(page), await hasNoScrollbar(other)], [true, true]);
    }
    await page.evaluate(() => (location.hash = "#/settings"));
    await page.getByRole("heading", { name: "登录设备" }).waitFor();
    assert.equal(await hasNoScrollbar(page), true);
}));

test("turned writing moves nothing beside it, and a family is one picture", () => within({}, async (open) => {
    const { people: [alice, bob], pages: [page] } = await pair(open);
    const turned = "\u202Eabc";
    const { data: [{ friend_id }] } = await call(alice, "GET", "/api/auth/friendships");
    await call(alice, "PUT", `/api/auth/friendships/${friend_id}/remark`, { remark: turned });
    await write(bob, alice, ["👨", "👨‍👩‍👧‍👦", turned]);
    await sees(page, turned);
    await chats(page).locator(".names").getByText(turned).waitFor();
    const places = await chats(page).locator(".names").evaluate((names) => {
        const [name, time] = names.children;
        return [name.textContent, name.getBoundingClientRect().right <= time.getBoundingClientRect().left, getComputedStyle(time).direction, time.textContent];
    });
    assert.deepEqual(places.slice(0, 3), [turned, true, "ltr"]);
    assert.match(places[3], /^\d\d:\d\d$/);
    const widths = await page.locator(".bubble").evaluateAll((all) => all.slice(0, 2).map((bubble) => {
        const range = document.createRange();
        range.selectNodeContents(bubble);
        return range.getBoundingClientRect().width;
    }));
    assert.equal(widths[0], widths[1]);
}));

test("a thousand chats are there at once, and typing stays smooth", () => within({}, async (open) => {
    const { people: [, bob], pages: [page], conversation } = await pair(open);
    await withChats(page, 1000, conversation, bob);
    await page.reload();
    const started = await page.evaluate(() => performance.now());
    await until(page, () => document.querySelectorAll(".rows li").length === 1000);
    const usable = (await page.evaluate(() => performance.now())) - started;
    await field(page).focus();
    await page.evaluate(() => {
        window.long = [];
        new PerformanceObserver((list) => window.long.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: "longtask" });
    });
    await page.keyboard.type("一二三四五六七八九十".repeat(10));
    const long = await page.evaluate(() => window.long);
    // A machine that tests run on is busy; a list that is drawn anew for each letter would be slow a hundred times.
    assert.ok(long.length < 10, `${long.length} long frames`);
    assert.ok(usable < 5000, `usable after ${Math.round(usable)} ms`);
    page.faults.length = 0;
}));
