import assert from "node:assert/strict";
import { test } from "node:test";
import { exchangeOf } from "../../src/calls.js";
import { Hongyan } from "../../src/hongyan.js";
import { hash64, randomId } from "../../src/ids.js";
import { Refusal, Unreachable } from "../../src/refusal.js";
import { MemoryStore } from "../../src/store.js";
import type { ErrorName, Me } from "../../src/types.js";
import { envelope, refusal } from "./support.js";

/** A client of a scripted server, and what was asked. */
function world(...answers: (Response | Error)[]) {
    const asked: { url: string; init: RequestInit; headers: Headers }[] = [];
    const fetch = async (url: string, init: RequestInit) => {
        asked.push({ url, init, headers: new Headers(init.headers) });
        const answer = answers.shift() ?? envelope(200, {});
        if (answer instanceof Error) {
            throw answer;
        }
        return answer;
    };
    return { asked, hongyan: new Hongyan({ baseUrl: "http://server/", fetch, store: new MemoryStore(), language: "en" }) };
}

const login = () => envelope(200, { data: { token_class: { token: "t1", refresh_token: "r1", expires_in: 600 }, user_info: { uid: "alice_1", name: "Alice", user_id: "a" } } });
const someone = { name: "Alice", password: "correct horse" };

test("the hash is FNV-1a of 64 bits", () => {
    assert.deepEqual(["", "a", "foobar"].map(hash64), ["cbf29ce484222325", "af63dc4c8601ec8c", "85944171f73967e8"]);
    assert.match(randomId(), /^[0-9a-f]{32}$/);
});

test("parameters are put into path and query", () => {
    const input = { path: { conversation_id: "a/b" }, query: { after: 5, limit: undefined } };
    assert.equal(exchangeOf("get", "/c/{conversation_id}", input).path, "/c/a%2Fb?after=5");
    assert.throws(() => exchangeOf("get", "/c/{conversation_id}", {}), /conversation_id is missing/);
});

test("a call is typed by its operation", async () => {
    const { hongyan } = world(login(), envelope(200, { data: [] }));
    const account = await hongyan.register(someone);
    const { data, next_cursor } = await account.call("get", "/api/auth/friendships", { query: { limit: 3 } });
    const rows: { friend_id: string }[] = data;
    const cursor: string | null = next_cursor;
    assert.deepEqual([rows, cursor ?? null], [[], null]);
    const mistakes = () => [
        // @ts-expect-error: no such path
        account.call("get", "/api/auth/friends"),
        // @ts-expect-error: the path has no such method
        account.call("put", "/api/auth/friendships"),
        // @ts-expect-error: a body is needed
        account.call("post", "/api/auth/messages"),
        // @ts-expect-error: a member of the body is missing
        account.call("post", "/api/auth/messages", { body: { content: "x" } }),
        // @ts-expect-error: a parameter of the path is needed
        account.call("get", "/api/auth/conversations/{conversation_id}", {}),
    ];
    assert.equal(typeof mistakes, "function");
    const name: ErrorName = "not_friends";
    // @ts-expect-error: no error has this name
    const other: ErrorName = "not_enemies";
    assert.notEqual(name as string, other as string);
    const me = {} as Me;
    const total: number = me.unread_total;
    assert.equal(total, undefined);
});

test("each request names language and device, and no cookie goes along", async () => {
    const { asked, hongyan } = world(login(), login());
    await hongyan.logIn({ uid: "alice_1", password: "x" });
    await hongyan.logIn({ phone_number: "13800000000", password: "x" });
    assert.deepEqual(asked.map(({ url }) => url), ["http://server/api/login/uid", "http://server/api/login/phone_number"]);
    assert.equal(asked[0]?.headers.get("Accept-Language"), "en");
    assert.match(asked[0]?.headers.get("Device-Id") ?? "", /^[0-9a-f]{32}$/);
    assert.equal(asked[0]?.headers.get("Device-Id"), asked[1]?.headers.get("Device-Id"));
    assert.equal(asked[0]?.init.credentials, "omit");
});

test("a refusal carries name, field, rule, sentence, wait and request", async () => {
    const body = { error: "invalid_field", field: "uid", rule: { rule: "length", min: 6, max: 20 }, message: "too short" };
    const { hongyan } = world(envelope(400, body, { "X-Request-Id": "r-7", "Retry-After": "3" }));
    const error = await hongyan.register(someone).catch((error: unknown) => error);
    assert.ok(error instanceof Refusal);
    assert.deepEqual(
        [error.status, error.error, error.field, error.rule, error.message, error.retryAfter, error.requestId],
        [400, "invalid_field", "uid", body.rule, "too short", 3, "r-7"],
    );
});

test("network errors and foreign answers are unreachable, not refusals", async () => {
    for (const answer of [new TypeError("fetch failed"), new Response("oops", { status: 404 }), new Response("{\"code\":200,\"mess"), envelope(200, { code: 500 })]) {
        const { hongyan } = world(answer);
        await assert.rejects(hongyan.call("get", "/healthz"), Unreachable);
    }
});

test("an expired token is renewed and the call repeated", async () => {
    const renewed = envelope(200, { data: { token: "t2", refresh_token: "r2", expires_in: 600 } });
    const { asked, hongyan } = world(login(), refusal(401, "token_expired"), renewed, envelope(200, { data: {} }));
    const account = await hongyan.register(someone);
    await account.call("get", "/api/auth/me");
    assert.deepEqual(asked.slice(1).map(({ headers }) => headers.get("Authorization")), ["Bearer t1", "Bearer r1", "Bearer t2"]);
    assert.equal(asked[2]?.init.keepalive, true);
});

test("a wrong password does not end the session", async () => {
    const { hongyan } = world(login(), refusal(401, "invalid_credentials"));
    const account = await hongyan.register(someone);
    await assert.rejects(account.changePassword("wrong", "new password"), Refusal);
    assert.equal(account.session.end, undefined);
});

test("a stored login is resumed", async () => {
    const { hongyan } = world(login());
    assert.equal(hongyan.resume("a"), null);
    await hongyan.register(someone);
    assert.deepEqual(hongyan.accounts().map(({ user_id }) => user_id), ["a"]);
    assert.equal(await hongyan.resume("a")?.session.token(), "t1");
    assert.equal(hongyan.resume("b"), null);
});

test("logging out forgets the login although the server is unreachable", async () => {
    const { hongyan } = world(login(), new TypeError("fetch failed"));
    const account = await hongyan.register(someone);
    await assert.rejects(account.logOut(), Unreachable);
    assert.deepEqual(hongyan.accounts(), []);
});

test("rows come page by page, each once", async () => {
    const row = (id: string) => ({ friendship_id: id });
    const { asked, hongyan } = world(login(), envelope(200, { data: [row("1"), row("2")], next_cursor: "c" }), envelope(200, { data: [row("2"), row("3")], next_cursor: null }));
    const account = await hongyan.register(someone);
    const ids: string[] = [];
    for await (const { friendship_id } of account.rows("/api/auth/friendships", { limit: 2 })) {
        ids.push(friendship_id);
    }
    assert.deepEqual(ids, ["1", "2", "3"]);
    assert.ok(asked[2]?.url.endsWith("?limit=2&cursor=c"));
});

test("a poll reports what changed and sends the tag in the mode that needs no preflight", async () => {
    const tagged = (data: object[], etag: string) => envelope(200, { data }, { ETag: etag });
    const unchanged = new Response(null, { status: 304, headers: { ETag: "W/\"1\"" } });
    const { asked, hongyan } = world(login(), tagged([], "W/\"1\""), unchanged, new TypeError("fetch failed"), tagged([{}], "W/\"2\""));
    const account = await hongyan.register(someone);
    const seen: number[] = [];
    const trouble: string[] = [];
    await new Promise<void>((resolve) => {
        const poll = account.poll("/api/auth/conversations", {}, {
            every: 0.01,
            onAnswer: ({ data }) => {
                seen.push(data.length);
                if (data.length === 1) {
                    poll.stop();
                    resolve();
                }
            },
            onTrouble: (error) => {
                trouble.push(error?.name ?? "over");
                poll.refresh();
            },
        });
    });
    assert.deepEqual(seen, [0, 1]);
    assert.deepEqual(trouble, ["Unreachable", "over"]);
    assert.deepEqual(asked.slice(1).map(({ headers }) => headers.get("If-None-Match")), [null, "W/\"1\"", "W/\"1\"", "W/\"1\""]);
    assert.equal(asked[2]?.init.cache, "force-cache");
});

test("a poll ends at a refusal", async () => {
    const { hongyan } = world(login(), refusal(400, "unknown_conversation"));
    const account = await hongyan.register(someone);
    const error = await new Promise((onEnd) => {
        account.poll("/api/auth/conversations/{conversation_id}", { path: { conversation_id: "x" } }, { onAnswer: () => undefined, onEnd });
    });
    assert.ok(error instanceof Refusal && error.is("unknown_conversation"));
});
