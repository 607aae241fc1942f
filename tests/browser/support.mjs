// The browser, and pages on another origin than the server's.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer, request as forward } from "node:http";
import { extname, join } from "node:path";
import { chromium } from "playwright-core";

/** The server's address, and the origin of the pages, which the server admits. */
export const { API, PAGES, CLIENT } = process.env;
assert.ok(API && PAGES && CLIENT, "scripts/browser runs these tests");
/** The same pages by a name for which the browser offers no secure context: no Web Locks, no `crypto.randomUUID`. */
export const PLAIN_PAGES = PAGES.replace("127.0.0.1", "pages.test");

/** The last four keep the browser from calling other hosts. */
const ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP pages.test 127.0.0.1",
    "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
];
const TYPES = { ".js": "text/javascript", ".html": "text/html; charset=utf-8" };

export function launch() {
    return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ARGUMENTS });
}

/** Serves an empty page at `/` and the built TypeScript client below `/client/`, at the origin PAGES. */
export async function servePages(page = "<!doctype html><title>page</title>") {
    const server = createServer(async (request, response) => {
        const { pathname } = new URL(request.url, PAGES);
        try {
            const body = pathname.startsWith("/client/") ? await readFile(join(CLIENT, pathname.slice(8))) : page;
            response.writeHead(200, { "Content-Type": TYPES[extname(pathname)] ?? TYPES[".html"] }).end(body);
        } catch {
            response.writeHead(404).end();
        }
    });
    await new Promise((resolve) => server.listen(Number(new URL(PAGES).port), "127.0.0.1", resolve));
    return server;
}

/** A tab whose errors, and requests to hosts other than the two, are collected. */
export async function tab(context, url) {
    const page = await context.newPage();
    page.faults = [];
    page.on("pageerror", (error) => page.faults.push(String(error)));
    page.on("console", (message) => message.type() === "error" && page.faults.push(message.text()));
    page.on("request", (request) => {
        const { origin } = new URL(request.url());
        [API, PAGES, PLAIN_PAGES].includes(origin) || page.faults.push(`request to ${origin}`);
    });
    await page.goto(url);
    return page;
}

/** Passes requests on to the server, and notes their methods and paths: what the browser sends by itself shows only here. */
export async function countingProxy() {
    const asked = [];
    const server = createServer((incoming, outgoing) => {
        asked.push(`${incoming.method} ${incoming.url}`);
        const { hostname, port, host } = new URL(API);
        const passed = forward({ hostname, port, method: incoming.method, path: incoming.url, headers: { ...incoming.headers, host } }, (answer) => {
            outgoing.writeHead(answer.statusCode, answer.headers);
            answer.pipe(outgoing);
        });
        passed.on("error", () => outgoing.destroy());
        incoming.pipe(passed);
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    return { server, asked, url: `http://127.0.0.1:${server.address().port}` };
}
