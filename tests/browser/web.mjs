// People of the web client's tests: made by the API, and seated in tabs by the form.

import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import { API, EXPIRED, launch, tab } from "./support.mjs";

export const PASSWORD = "山高月小 水落石出";
let browser;
let number = 0;

export const start = async () => (browser = await launch());
export const stop = () => browser?.close();

/** Calls the API as a person, with a new token if theirs has expired. */
export async function call(person, method, path, body, api = API) {
    const headers = { "Content-Type": "application/json", "Accept-Language": "zh", ...(person && { Authorization: `Bearer ${person.token}` }) };
    const response = await fetch(api + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    const answer = await response.json();
    if (response.status === 503) {
        // Where both cores are busy with tests the server sheds load. Nothing was stored.
        await setTimeout(1000 * Number(response.headers.get("Retry-After") ?? 1));
        return call(person, method, path, body, api);
    }
    if (answer.error === "token_expired") {
        // Calls at once share one renewal.
        person.renewal ??= call({ token: person.refresh }, "POST", "/auth/refresh_token", undefined, api);
        const { data } = await person.renewal;
        Object.assign(person, { token: data.token, refresh: data.refresh_token, renewal: undefined });
        return call(person, method, path, body, api);
    }
    assert.equal(answer.code, 200, `${method} ${path}: ${answer.message}`);
    return answer;
}

export async function person(name, api = API) {
    const uid = `person_${process.pid}_${number++}`;
    const { data } = await call(undefined, "POST", "/api/register", { name, uid, password: PASSWORD }, api);
    return { name, uid, id: data.user_info.user_id, token: data.token_class.token, refresh: data.token_class.refresh_token };
}

/** Makes two people friends; gives their conversation. */
export async function befriend(a, b, api = API) {
    const { data } = await call(a, "POST", "/api/auth/friendship_requests", { receiver_id: b.id, verification_message: `我是${a.name}` }, api);
    return (await call(b, "POST", `/api/auth/friendship_requests/${data.request_id}`, { status: "accepted" }, api)).data.conversation_id;
}

/** Sends messages in order; gives their ids. */
export async function write(from, to, texts, api = API) {
    const ids = [];
    for (const content of texts) {
        ids.push((await call(from, "POST", "/api/auth/messages", { receiver_id: to.id, content, client_message_id: `m-${number++}` }, api)).data);
    }
    return ids;
}

/** Runs a test in a browser context of its own. Every tab must be without faults, except those that match. */
export async function within(options, work, api = API) {
    const { except = /^$/, ...rest } = options;
    const context = await browser.newContext({ locale: "zh-CN", ...rest });
    context.setDefaultTimeout(15_000);
    const pages = [];
    const open = async (route = "") => {
        const page = await tab(context, `${api}/${route}`, [api]);
        pages.push(page);
        return page;
    };
    try {
        await work(open, context);
        assert.deepEqual(pages.flatMap((page) => page.faults).filter((fault) => !except.test(fault) && !EXPIRED.test(fault)), []);
    } finally {
        await context.close();
    }
}

/** A person with some chats, a request and a draft. */
export async function populated(api = API) {
    const me = await person("林小满", api);
    const people = [];
    for (const name of ["爱丽丝", "Bob", "陈默", "妈妈", "王大力", "图书馆", "周舟"]) {
        const friend = await person(name, api);
        await befriend(friend, me, api);
        people.push(friend);
    }
    const [alice, , chen, mother] = people;
    const stranger = await person("孙悟空", api);
    await call(stranger, "POST", "/api/auth/friendship_requests", { receiver_id: me.id, verification_message: "我是花果山的孙悟空" }, api);
    await write(chen, me, ["会议改到三点了"], api);
    await write(mother, me, ["周末回家吃饭吗？", "给你包饺子"], api);
    await write(me, alice, ["周五有空吗？"], api);
    await write(alice, me, ["有呀", "去那家火锅店？七点，老地方见。\n记得带伞，天气预报说有雨。"], api);
    await write(me, alice, ["好，我从公司过去大概要四十分钟，六点出发应该来得及", "地址是 https://maps.example/?q=火锅"], api);
    await write(alice, me, ["收到", "那就这么说定了"], api);
    return { me, alice };
}

const WORDS = {
    zh: { who: "微信号/手机号", password: "密码", logIn: "登录", chats: "聊天" },
    en: { who: "ID or phone", password: "Password", logIn: "Log in", chats: "Chats" },
};

/** Logs a person in, in a tab. */
export async function seat(page, who, language = "zh") {
    const words = WORDS[language];
    await page.getByLabel(words.who).fill(who.uid);
    await page.getByLabel(words.password, { exact: true }).fill(PASSWORD);
    await page.getByRole("button", { name: words.logIn, exact: true }).click();
    await page.getByRole("navigation", { name: language === "zh" ? "导航" : "Navigation" }).waitFor();
    return page;
}

/** Two friends, each in a tab with the chat open. */
export async function pair(open, names = ["爱丽丝", "Bob"], api = API) {
    const people = await Promise.all(names.map((name) => person(name, api)));
    const conversation = await befriend(...people, api);
    const pages = [];
    for (const who of people) {
        const page = await seat(await open(), who);
        await openChat(page, people.find((other) => other !== who).name);
        pages.push(page);
    }
    return { people, pages, conversation };
}

export const chats = (page) => page.getByRole("list", { name: "聊天" });
export const rail = (page) => page.getByRole("navigation", { name: "导航" });
export const field = (page) => page.getByRole("textbox", { name: "消息" });
export const log = (page) => page.getByRole("log");
export const bubbles = (page) => page.locator(".bubble").allTextContents();

export async function openChat(page, name) {
    await chats(page).getByText(name, { exact: true }).first().click();
    await field(page).waitFor();
}

export async function say(page, text) {
    await field(page).fill(text);
    await field(page).press("Enter");
}

/** Waits for a bubble; it must be there so often. */
export async function sees(page, text, count = 1) {
    await page.locator(".bubble").getByText(text, { exact: true }).first().waitFor();
    assert.equal((await bubbles(page)).filter((bubble) => bubble === text).length, count);
}

/** Waits until a condition holds in the page. */
export const until = (page, condition, argument) => page.waitForFunction(condition, argument, { timeout: 15_000 });

/** Numbered texts. */
export const lines = (count, from = 1) => Array.from({ length: count }, (_, place) => `第 ${from + place} 条`);

/** A person who has a friend with so many unread messages, in a tab. */
export async function withUnread(open, texts, read = []) {
    const [alice, bob] = [await person("爱丽丝"), await person("Bob")];
    const conversation = await befriend(bob, alice);
    await write(alice, bob, read);
    await write(bob, alice, texts);
    return { alice, bob, conversation, page: await seat(await open(), alice) };
}

/** So many chats as the server lists them, the first one a real one; the page is given them by polling. */
export async function withChats(page, count, conversation, friend) {
    const rows = Array.from({ length: count }, (_, place) => ({
        conversation_id: place === 0 ? conversation : crypto.randomUUID(), friend_id: place === 0 ? friend.id : crypto.randomUUID(), friend_uid: `friend_${place}`,
        friend_name: `朋友${place}`, remark: "", is_friend: true, blocked: false, peer_read_seq: 0, unread_count: 0, last_message: null, last_seq: 0, read_seq: 0,
        updated_at: "2026-01-01T00:00:00Z", pinned: false, muted: false,
    }));
    const shown = { rows };
    await page.route(/api\/auth\/sync/, (route) => route.fulfill({ status: 404, json: { code: 404, error: "unknown_route", message: "" } }));
    await page.route(/api\/auth\/conversations(\?|$)/, (route) => route.fulfill({ json: { code: 200, message: "", data: shown.rows, next_cursor: null } }));
    return shown;
}
