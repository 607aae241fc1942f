// The page of docs/frontend.md, as it stands there, on another origin than the server.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { API, launch, PAGES, servePages, tab } from "./support.mjs";

test("the first page of docs/frontend.md sends a message from another origin", async () => {
    const document = await readFile(process.env.FRONTEND_PAGE, "utf8");
    const [, page] = /```html\n([\s\S]*?)```/.exec(document);
    assert.ok(page.includes("http://127.0.0.1:8080"));
    const [browser, pages] = await Promise.all([launch(), servePages(page.replace("http://127.0.0.1:8080", API))]);
    try {
        const shown = await tab(await browser.newContext(), `${PAGES}/`);
        await shown.waitForFunction(() => document.querySelector("#log").textContent !== "");
        assert.equal(await shown.textContent("#log"), "爱丽丝: 你好 👋🏽 (1 unread)");
        assert.deepEqual(shown.faults, []);
    } finally {
        await browser.close();
        pages.close();
    }
});
