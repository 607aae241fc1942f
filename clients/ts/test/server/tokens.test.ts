// The server of these tests gives access tokens of a few seconds.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Account, type End, Hongyan, SessionEnded } from "../../src/index.js";
import { SharedValues } from "../unit/support.js";
import { API, client, lossyProxy, PASSWORD, person } from "./support.js";

const expired = (account: Account) => new Promise((resolve) => setTimeout(resolve, Number(process.env["ACCESS_TOKEN_SECONDS"] ?? 2) * 1000 + 100, account));

/** One account in four tabs, each with its way to the server. */
async function tabs(ways = Array<string>(4).fill(API)): Promise<Account[]> {
    const shared = new SharedValues();
    const [own = API, ...theirs] = ways;
    const alice = await person("Alice", { store: shared.tab(), baseUrl: own });
    const others = theirs.map((baseUrl) => client({ store: shared.tab(), baseUrl }).resume(alice.user.user_id));
    return [alice, ...others.filter((account) => account !== null)];
}

async function sessionsOf(account: Account): Promise<number> {
    const { data } = await account.call("get", "/api/auth/sessions");
    return data.length;
}

test("four tabs that expire together go on with equal tokens and one session", async () => {
    const accounts = await tabs();
    assert.equal(accounts.length, 4);
    for (let round = 0; round < 2; round++) {
        await expired(accounts[0] as Account);
        await Promise.all(accounts.map((account) => account.call("get", "/api/auth/me")));
        assert.equal(new Set(await Promise.all(accounts.map((account) => account.session.token()))).size, 1);
    }
    assert.equal(await sessionsOf(accounts[3] as Account), 1);
    assert.deepEqual(accounts.map((account) => account.session.end), [undefined, undefined, undefined, undefined]);
});

test("tabs whose answers to a refresh are lost stay logged in", async () => {
    const proxies = await Promise.all([1, 2, 3, 4].map(() => {
        let refreshes = 0;
        return lossyProxy((path) => path === "/auth/refresh_token" && refreshes++ === 0);
    }));
    try {
        const accounts = await tabs(proxies.map((proxy) => proxy.url));
        await expired(accounts[0] as Account);
        await Promise.all(accounts.map((account) => account.call("get", "/api/auth/me")));
        assert.equal(new Set(await Promise.all(accounts.map((account) => account.session.token()))).size, 1);
    } finally {
        for (const { server } of proxies) {
            server.closeAllConnections();
            server.close();
        }
    }
});

test("a changed password ends the other devices and goes on in all tabs", async () => {
    const [alice, other] = await tabs() as [Account, Account];
    const phone = await client().logIn({ uid: alice.user.uid, password: PASSWORD });
    const end = new Promise<End>((resolve) => phone.session.onEnd(resolve));
    await alice.changePassword(PASSWORD, "一蓑烟雨任平生 也无风雨");
    await other.call("get", "/api/auth/me");
    await assert.rejects(phone.call("get", "/api/auth/me"), SessionEnded);
    assert.equal((await end).error, "session_ended");
    await expired(alice);
    await Promise.all([alice, other].map((account) => account.call("get", "/api/auth/me")));
});

test("logging out in one tab ends the others and the session at the server", async () => {
    const [alice, other] = await tabs() as [Account, Account];
    const token = await alice.session.token();
    const end = new Promise<End>((resolve) => other.session.onEnd(resolve));
    await alice.logOut();
    assert.equal((await end).error, "logout");
    const answer = await fetch(`${API}/api/auth/me`, { headers: { Authorization: `Bearer ${token}` } });
    assert.equal(answer.status, 401);
    assert.equal(new Hongyan({ baseUrl: API }).resume(alice.user.user_id), null);
});
