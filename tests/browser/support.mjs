// The browser, and pages on another origin than the server's.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, request as forward } from "node:http";
import { tmpdir } from "node:os";
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

/** Starts a server of its own, with these settings beside the tests' usual ones. */
export async function startServer(settings = {}) {
    const folder = await mkdtemp(join(tmpdir(), "hongyan-browser-"));
    // PostgreSQL may run as another user.
    await chmod(folder, 0o755);
    const env = { ...process.env, HONGYAN_DATA_DIR: join(folder, "data"), HONGYAN_BIND: "127.0.0.1:0", HONGYAN_BCRYPT_COST: "4", ...settings };
    let child = spawn(process.env.HONGYAN, { env, stdio: ["ignore", "pipe", "ignore"] });
    const address = await listening(child);
    const end = async () => {
        const ended = new Promise((resolve) => child.once("exit", resolve));
        child.kill();
        await ended;
    };
    /** Starts it again where it was, with its data. */
    const again = async () => {
        child = spawn(process.env.HONGYAN, { env: { ...env, HONGYAN_BIND: new URL(address).host }, stdio: ["ignore", "pipe", "ignore"] });
        await listening(child);
    };
    const stop = async () => {
        await end();
        await rm(folder, { recursive: true, force: true });
    };
    return { address, end, again, stop };
}

/** The address that a server prints. */
function listening(child) {
    return new Promise((resolve, reject) => {
        let banner = "";
        child.stdout.on("data", (text) => {
            banner += text;
            const found = /listening on *(http\S*)/.exec(banner);
            found && resolve(found[1]);
        });
        child.on("exit", () => reject(new Error(`the server did not start: ${banner}`)));
    });
}

/** What the browser says of an expired token, which the client renews. */
export const EXPIRED = /status of 401/;

/** A tab whose errors, and requests to other origins than these, are collected. */
export async function tab(context, url, origins = [API, PAGES, PLAIN_PAGES]) {
    const page = await context.newPage();
    page.faults = [];
    page.on("pageerror", (error) => page.faults.push(String(error)));
    page.on("console", (message) => message.type() === "error" && page.faults.push(message.text()));
    page.on("request", (request) => {
        const { origin } = new URL(request.url());
        origins.includes(origin) || page.faults.push(`request to ${origin}`);
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
