// People on a running server (the environment variable API), and a proxy that loses answers.

import assert from "node:assert/strict";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Account, Hongyan, MemoryStore, type Options } from "../../src/index.js";

const api = process.env["API"];
assert.ok(api, "API is not set");
export const API: string = api;
export const PASSWORD = "山高月小 水落石出";

export function client(options: Options = {}): Hongyan {
    return new Hongyan({ baseUrl: API, language: "en", store: new MemoryStore(), ...options });
}

export function person(name: string, options: Options = {}): Promise<Account> {
    return client(options).register({ name, password: PASSWORD });
}

export async function befriend(asker: Account, other: Account): Promise<void> {
    const { data } = await asker.call("post", "/api/auth/friendship_requests", { body: { receiver_id: other.user.user_id } });
    const answer = { path: { request_id: data.request_id }, body: { status: "accepted" as const } };
    await other.call("post", "/api/auth/friendship_requests/{request_id}", answer);
}

export async function friends(options: Options = {}): Promise<[Account, Account]> {
    const [alice, bob] = await Promise.all([person("爱丽丝", options), person("Bob")]);
    await befriend(alice, bob);
    return [alice, bob];
}

export async function conversationWith(account: Account, friend: Account): Promise<string> {
    for await (const { conversation_id, friend_id } of account.rows("/api/auth/conversations")) {
        if (friend_id === friend.user.user_id) {
            return conversation_id;
        }
    }
    return assert.fail("there is no such conversation");
}

/** Forwards to the server. `loses` says of which requests the connection breaks after the server has answered. */
export async function lossyProxy(loses: (path: string) => boolean): Promise<{ url: string; server: Server }> {
    const server = createServer((incoming, outgoing) => {
        const target = new URL(incoming.url ?? "/", API);
        const forwarded = request(target, { method: incoming.method, headers: { ...incoming.headers, host: target.host } }, (answer) => {
            if (loses(target.pathname)) {
                answer.resume().on("end", () => outgoing.destroy());
                return;
            }
            outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
            answer.pipe(outgoing);
        });
        forwarded.on("error", () => outgoing.destroy());
        incoming.pipe(forwarded);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}
