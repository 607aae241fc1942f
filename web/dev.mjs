// Serves dist beside a running server, and rebuilds it on each change of the source: the page is this folder's, every other call the server's.
//   node dev.mjs [SERVER] [PORT]   http://127.0.0.1:8080 and 5173 by default

import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createServer, request as forward } from "node:http";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const [server = "http://127.0.0.1:8080", port = "5173"] = process.argv.slice(2);
const TYPES = { ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html; charset=utf-8", ".webmanifest": "application/manifest+json" };
/** The policy that the server gives the page, so that a violation shows here too. */
const POLICY = [
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' blob: data:", "media-src 'self' blob:", "connect-src 'self'",
    "manifest-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'",
].join("; ");

function pass(incoming, outgoing) {
    const { hostname, port, host } = new URL(server);
    // To the server the page is of its own origin.
    const { origin: _, ...headers } = incoming.headers;
    const passed = forward({ hostname, port, method: incoming.method, path: incoming.url, headers: { ...headers, host } }, (answer) => {
        outgoing.writeHead(answer.statusCode, answer.headers);
        answer.pipe(outgoing);
    });
    passed.on("error", () => outgoing.destroy());
    outgoing.on("close", () => passed.destroy());
    incoming.pipe(passed);
}

/** Passes a socket on. */
function passSocket(incoming, socket, head) {
    const { hostname, port, host } = new URL(server);
    const { origin: _, ...headers } = incoming.headers;
    const passed = forward({ hostname, port, method: "GET", path: incoming.url, headers: { ...headers, host } });
    passed.on("upgrade", (answer, other, first) => {
        const lines = Object.entries(answer.headers).map(([name, value]) => `${name}: ${value}\r\n`);
        socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join("")}\r\n`);
        socket.write(first);
        other.write(head);
        socket.pipe(other).pipe(socket);
        socket.on("error", () => other.destroy());
        other.on("error", () => socket.destroy());
    });
    passed.on("response", () => socket.destroy());
    passed.on("error", () => socket.destroy());
    passed.end();
}

createServer(async (incoming, outgoing) => {
    const { pathname } = new URL(incoming.url, server);
    const file = pathname === "/" ? "index.html" : /^\/web\/([a-z.]+)$/.exec(pathname)?.[1];
    if (file === undefined) {
        pass(incoming, outgoing);
        return;
    }
    try {
        const body = await readFile(join(here, "dist", file));
        outgoing.writeHead(200, { "Content-Type": TYPES[extname(file)], "Cache-Control": "no-cache", "Content-Security-Policy": POLICY }).end(body);
    } catch {
        outgoing.writeHead(404).end();
    }
}).on("upgrade", passSocket).listen(Number(port), "127.0.0.1", () => console.log(`the page: http://127.0.0.1:${port}, its server: ${server}`));

spawn(process.execPath, ["build.mjs", "--watch"], { cwd: here, stdio: "inherit" });
