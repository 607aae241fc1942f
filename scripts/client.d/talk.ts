// Two users exchange messages through a client whose types are generated from the API's OpenAPI document. scripts/client type-checks
// and runs this file against a server.

import assert from "node:assert/strict";
import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./api.js";

type Message = components["schemas"]["Message"];
type Login = components["schemas"]["Login"];

/** The result of a call: its data, or a refusal with one of the error names documented for this call. */
type Outcome<D, E> = { data?: D; error?: E; response: Response };

/** The data of a call that must succeed. */
function done<D, E>({ data, error, response }: Outcome<D, E>): D {
    assert.ok(data !== undefined, `${response.url}: ${response.status} ${JSON.stringify(error)}`);
    return data;
}

/** The error name of a call that must be refused. */
function refused<E extends { error: string }>({ error, response }: Outcome<unknown, E>): E["error"] {
    assert.ok(error !== undefined, `${response.url} was not refused`);
    return error.error;
}

class Person {
    readonly id: string;
    readonly uid: string;
    readonly api: Client<paths>;

    private constructor(baseUrl: string, login: Login) {
        this.id = login.user_info.user_id;
        this.uid = login.user_info.uid;
        const headers = { Authorization: `Bearer ${login.token_class.token}`, "Accept-Language": "en" };
        this.api = createClient<paths>({ baseUrl, headers });
    }

    static async register(baseUrl: string, name: string): Promise<Person> {
        const body = { name, password: "山高月小 水落石出" };
        const answer = done(await createClient<paths>({ baseUrl }).POST("/api/register", { body }));
        return new Person(baseUrl, answer.data);
    }

    async send(receiver: Person, content: string, key: string): Promise<string> {
        const body = { receiver_id: receiver.id, content, client_message_id: key };
        return done(await this.api.POST("/api/auth/messages", { body })).data;
    }

    async conversationWith(friend: Person): Promise<components["schemas"]["Conversation"]> {
        const { data } = done(await this.api.GET("/api/auth/conversations"));
        const found = data.find((conversation) => conversation.friend_id === friend.id);
        assert.ok(found, "there is no conversation with this friend");
        return found;
    }

    /** All messages after a position, page by page, and the position of the last one. */
    async poll(conversation_id: string, after: number): Promise<{ messages: Message[]; last: number }> {
        const messages: Message[] = [];
        for (let more = true; more; ) {
            const last = messages.at(-1)?.seq ?? after;
            const params = { path: { conversation_id }, query: { after: last, limit: 2 } };
            const { data } = done(await this.api.GET("/api/auth/conversations/{conversation_id}", { params }));
            messages.push(...data.messages);
            more = data.has_more;
        }
        return { messages, last: messages.at(-1)?.seq ?? after };
    }
}

async function befriend(asker: Person, other: Person): Promise<void> {
    const found = done(await asker.api.GET("/api/auth/users", { params: { query: { uid: other.uid } } })).data;
    assert.deepEqual([found.user_id, found.relation], [other.id, "none"]);
    const body = { receiver_id: found.user_id, verification_message: "我是爱丽丝" };
    assert.equal(done(await asker.api.POST("/api/auth/friendship_requests", { body })).data.status, "pending");
    const again = await asker.api.POST("/api/auth/friendship_requests", { body });
    assert.equal(refused(again), "request_already_pending");
    const received = done(await other.api.GET("/api/auth/friendship_requests")).data;
    const request = received.find((it) => "sender_id" in it && it.sender_id === asker.id);
    assert.ok(request, "the request did not arrive");
    const params = { path: { request_id: request.request_id } };
    done(await other.api.POST("/api/auth/friendship_requests/{request_id}", { params, body: { status: "accepted" } }));
}

/** The text that a frontend shows for a refused message. The compiler checks that each name belongs to this call. */
async function why(sender: Person, receiver: Person): Promise<string> {
    const body = { receiver_id: receiver.id, content: "在吗？" };
    const { error } = await sender.api.POST("/api/auth/messages", { body });
    if (error === undefined) {
        return "sent";
    }
    switch (error.error) {
        case "not_friends":
        case "blocked":
            return error.message;
        case "token_expired":
            return "refresh, then send again";
        case "invalid_field":
        case "missing_field":
            return `correct ${error.field}`;
        default:
            return `failed: ${error.error}`;
    }
}

async function main(baseUrl: string): Promise<void> {
    const alice = await Person.register(baseUrl, "爱丽丝 🌸");
    const bob = await Person.register(baseUrl, "鲍勃");
    assert.match(await why(alice, bob), /^You are not friends\./);
    await befriend(alice, bob);

    const texts = ["晚上一起吃火锅吗？🍲", "七点？", "带上 café 的蛋糕"];
    const ids: string[] = [];
    for (const [place, text] of texts.entries()) {
        ids.push(await alice.send(bob, text, `m-${place}`));
    }
    assert.equal(await alice.send(bob, "七点？", "m-1"), ids[1], "the same key is the same message");
    const conflict = { receiver_id: bob.id, content: "八点？", client_message_id: "m-1" };
    assert.equal(refused(await alice.api.POST("/api/auth/messages", { body: conflict })), "idempotency_conflict");

    const { conversation_id, unread_count, last_message } = await bob.conversationWith(alice);
    assert.deepEqual([unread_count, last_message?.content], [3, texts[2]]);
    const polled = await bob.poll(conversation_id, 0);
    assert.deepEqual(polled.messages.map((message) => message.content), texts);
    assert.deepEqual(await bob.poll(conversation_id, polled.last), { messages: [], last: 3 });
    const read = { params: { path: { conversation_id } }, body: { seq: polled.last } };
    const state = done(await bob.api.PUT("/api/auth/conversations/{conversation_id}/read", read)).data;
    assert.deepEqual(state, { read_seq: 3, unread_count: 0 });

    const recalled = ids[2];
    assert.ok(recalled !== undefined);
    assert.equal(
        refused(await bob.api.DELETE("/api/auth/message/recall", { body: { message_id: recalled } })),
        "unknown_message",
    );
    done(await alice.api.DELETE("/api/auth/message/recall", { body: { message_id: recalled } }));
    const [gone] = (await bob.poll(conversation_id, 2)).messages;
    assert.deepEqual([gone?.message_id, gone?.recalled, gone?.content], [recalled, true, null]);

    done(await bob.api.PUT("/api/auth/blocks/{user_id}", { params: { path: { user_id: alice.id } } }));
    assert.equal(await why(alice, bob), "Your message was sent, but the other user refused it.");
    done(await alice.api.POST("/api/auth/logout"));
    assert.equal(await why(alice, bob), "failed: session_ended");
    console.log("two users exchanged messages through the typed client");
}

const [baseUrl] = process.argv.slice(2);
assert.ok(baseUrl, "usage: talk.js URL");
await main(baseUrl);
