import assert from "node:assert/strict";
import { test } from "node:test";
import { hash64 } from "../../src/ids.js";
import { Refusal, SessionEnded, Unreachable } from "../../src/refusal.js";
import { refusal, resumed, SharedValues, tabs, TokenServer } from "./support.js";

async function failureOf(work: Promise<unknown>): Promise<unknown> {
    return work.then(() => assert.fail("it did not fail"), (error: unknown) => error);
}

function world(count = 1) {
    const server = new TokenServer();
    const shared = new SharedValues();
    return { server, shared, sessions: tabs(server, shared, count), stored: () => shared.session() };
}

const expire = (server: TokenServer) => {
    server.expires_in = -1;
};

test("a valid token is given without a call", async () => {
    const { server, sessions } = world();
    assert.equal(await sessions[0]?.token(), "access-1");
    assert.equal(server.asked.length, 0);
});

test("calls that find the token expired share one renewal", async () => {
    const server = new TokenServer();
    expire(server);
    const [session] = tabs(server, new SharedValues(), 1);
    server.expires_in = 600;
    const tokens = await Promise.all([session?.token(), session?.token(), session?.token()]);
    assert.deepEqual(tokens, ["access-2", "access-2", "access-2"]);
    assert.equal(server.refreshes().length, 1);
});

test("a token that is about to expire is renewed while calls go on with it", async () => {
    const server = new TokenServer();
    server.expires_in = 600;
    const [session] = tabs(server, new SharedValues(), 1);
    const now = Date.now;
    try {
        const late = now() + 545_500;
        Date.now = () => late;
        assert.equal(await session?.token(), "access-1");
        await session?.renew();
        assert.equal(await session?.token(), "access-2");
        assert.equal(server.refreshes().length, 1);
    } finally {
        Date.now = now;
    }
});

test("the key of a refresh comes from the refresh token alone", async () => {
    const { server, sessions } = world();
    await sessions[0]?.renew();
    assert.equal(server.refreshes()[0]?.key, hash64("refresh-1"));
});

test("tabs that refresh at the same time end with equal tokens", async () => {
    const { server, sessions, stored } = world(4);
    await Promise.all(sessions.map((session) => session.renew()));
    assert.equal(server.refreshes().length, 4, "they raced");
    assert.deepEqual(await Promise.all(sessions.map((session) => session.token())), Array(4).fill("access-2"));
    assert.equal(stored().refresh, "refresh-2");
});

test("a tab adopts the pair of another tab instead of refreshing", async () => {
    const { server, sessions } = world(2);
    const [a, b] = sessions;
    await a?.renew();
    assert.equal(await b?.tokenInsteadOf("access-1"), "access-2");
    assert.equal(server.refreshes().length, 1);
});

test("a pair that another tab left expired is refreshed after it was adopted", async () => {
    const { server, sessions, shared } = world(2);
    const [a, b] = sessions;
    await a?.renew();
    const [key, value] = [...shared.values.entries()][0] ?? ["", ""];
    shared.values.set(key, value.replace(/"expires_at":\d+/, '"expires_at":1'));
    await b?.renew();
    assert.equal(await b?.token(), "access-3");
    assert.equal(server.refreshes().at(-1)?.authorization, "Bearer refresh-2");
});

test("a lost answer is asked for again under the same key", async () => {
    const { server, sessions } = world();
    server.instead.push("lost");
    await sessions[0]?.renew();
    assert.equal(await sessions[0]?.token(), "access-2");
    const [first, second] = server.refreshes();
    assert.equal(first?.key, second?.key);
});

test("a late answer does not replace a newer pair of another tab", async () => {
    const { server, sessions, stored } = world(2);
    const [slow, fast] = sessions;
    server.delay = 60;
    const late = slow?.renew();
    await new Promise((resolve) => setTimeout(resolve, 5));
    server.delay = 1;
    await fast?.renew();
    await fast?.renew();
    await late;
    assert.equal(stored().refresh, "refresh-3");
    assert.equal(await slow?.token(), "access-3");
});

test("without the network the session stays", async () => {
    const { server, sessions, stored } = world();
    server.instead.push("cut", "cut");
    assert.ok((await failureOf(sessions[0]?.renew() ?? Promise.resolve())) instanceof Unreachable);
    assert.equal(stored().refresh, "refresh-1");
    assert.equal(sessions[0]?.end, undefined);
    await sessions[0]?.renew();
    assert.equal(await sessions[0]?.token(), "access-2");
});

test("after a 503 no renewal starts before the time that the server wishes", async () => {
    const { server, sessions, stored } = world();
    server.instead.push(refusal(503, "unavailable", { "Retry-After": "7" }));
    const first = await failureOf(sessions[0]?.renew() ?? Promise.resolve());
    assert.ok(first instanceof Refusal && first.retryAfter === 7);
    assert.equal(await failureOf(sessions[0]?.renew() ?? Promise.resolve()), first);
    assert.equal(server.refreshes().length, 1);
    assert.equal(stored().refresh, "refresh-1");
});

test("a refused refresh ends the session in all tabs, with its reason", async () => {
    const { server, sessions, shared } = world(3);
    const ends: string[] = [];
    sessions.forEach((session) => session.onEnd((end) => ends.push(end.error)));
    server.ended = true;
    const error = await failureOf(sessions[0]?.renew() ?? Promise.resolve());
    assert.ok(error instanceof SessionEnded && error.message === "the sentence of session_ended");
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(ends, ["session_ended", "session_ended", "session_ended"]);
    assert.equal(shared.values.size, 0);
    assert.ok((await failureOf(sessions[1]?.token() ?? Promise.resolve())) instanceof SessionEnded);
});

test("a used token is forgiven when the other tab's pair arrives in time", async () => {
    const { server, sessions, shared } = world();
    // The other process still sees the values of before, as can happen with `localStorage`.
    const late = new SharedValues();
    shared.values.forEach((value, key) => late.values.set(key, value));
    const tab = resumed(server, late.tab(), late.session());
    await sessions[0]?.renew();
    await sessions[0]?.renew();
    setTimeout(() => shared.values.forEach((value, key) => late.tab().set(key, value)), 50);
    await tab.renew();
    assert.equal(await tab.token(), "access-3");
});

test("a used token without another tab's pair ends the session", async () => {
    const { server, sessions } = world();
    server.generation = 5;
    const error = await failureOf(sessions[0]?.renew() ?? Promise.resolve());
    assert.ok(error instanceof SessionEnded && error.end.error === "refresh_token_reused");
});

test("logging out reaches the other tabs and is not undone by a renewal", async () => {
    const { server, sessions, shared } = world(2);
    const [a, b] = sessions;
    server.delay = 30;
    const renewal = b?.renew();
    a?.logOut();
    await failureOf(Promise.all([renewal, b?.token()]));
    assert.equal(b?.end?.error, "logout");
    assert.equal(shared.values.size, 0);
});

test("the pair of a changed password wins over a renewal of another tab", async () => {
    const { server, sessions, stored } = world(2);
    const [a, b] = sessions;
    server.delay = 30;
    const renewal = b?.renew();
    a?.replace({ token: "access-new", refresh_token: "refresh-new", expires_in: 600 });
    await renewal;
    assert.equal(stored().refresh, "refresh-new");
    assert.equal(await b?.token(), "access-new");
});

test("a second login of the account survives the end of the first", async () => {
    const { server, sessions, shared, stored } = world();
    await new Promise((resolve) => setTimeout(resolve, 2));
    const [newer] = tabs(server, shared, 1);
    const late = sessions[0]?.othersTokenAfter("access-0", new Refusal(401, { code: 401, message: "", error: "session_ended" }, new Headers()));
    assert.equal(await late, "access-1");
    assert.equal(newer?.end, undefined);
    assert.ok(stored());
});
