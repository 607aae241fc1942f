// Recalled messages in all tabs of both people, and who may edit them again.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { bubbles, call, chats, field, log, openChat, pair, say, sees, start, stop, within, write } from "./web.mjs";

before(start);
after(stop);

/** Two friends, and a second tab of the second one. */
async function withSecondTab(open) {
    const { people, pages: [alice, bob] } = await pair(open);
    const other = await open();
    await other.getByRole("button", { name: "以「Bob」的身份继续" }).click();
    await openChat(other, "爱丽丝");
    return { people, alice, bob, other };
}

const again = (page) => log(page).getByRole("button", { name: "重新编辑" });

test("a recalled message is edited again only where its text is", () => within({}, async (open) => {
    const { alice, bob, other } = await withSecondTab(open);
    await say(bob, "说错了");
    for (const page of [alice, bob, other]) {
        await sees(page, "说错了");
    }
    await bob.locator("[data-seq] .bubble").click({ button: "right" });
    await bob.getByRole("menuitem", { name: "撤回" }).click();
    for (const [page, sentence, count] of [[bob, "你撤回了一条消息", 1], [other, "你撤回了一条消息", 0], [alice, "对方撤回了一条消息", 0]]) {
        await log(page).getByText(sentence).waitFor();
        await chats(page).getByText(sentence).waitFor();
        assert.equal(await again(page).count(), count);
    }
    await again(bob).click();
    assert.equal(await field(bob).inputValue(), "说错了");
    assert.equal(await log(alice).locator(".bubble").count(), 0);
}));

test("a message that another device recalls is one's own, without its text", () => within({}, async (open) => {
    const { people: [alice, bob], alice: page, bob: own, other } = await withSecondTab(open);
    const [message_id] = await write(bob, alice, ["从别处发的"]);
    for (const tab of [page, own, other]) {
        await sees(tab, "从别处发的");
    }
    await call(bob, "DELETE", "/api/auth/message/recall", { message_id });
    for (const [tab, sentence] of [[page, "对方撤回了一条消息"], [own, "你撤回了一条消息"], [other, "你撤回了一条消息"]]) {
        await log(tab).getByText(sentence).waitFor();
        assert.equal(await again(tab).count(), 0);
    }
}));

test("a deleted message is gone in all tabs of its account", () => within({}, async (open) => {
    const { people: [alice, bob], alice: page, bob: own, other } = await withSecondTab(open);
    await write(alice, bob, ["留着", "只给自己删"]);
    for (const tab of [page, own, other]) {
        await sees(tab, "只给自己删");
    }
    await own.locator(".bubble").getByText("只给自己删").click({ button: "right" });
    await own.getByRole("menuitem", { name: "删除" }).click();
    await own.getByRole("dialog").getByRole("button", { name: "删除" }).click();
    for (const tab of [own, other]) {
        await log(tab).getByText("只给自己删").waitFor({ state: "detached" });
        await chats(tab).getByText("留着").waitFor();
        assert.deepEqual(await bubbles(tab), ["留着"]);
    }
    await other.reload();
    await sees(other, "留着");
    assert.deepEqual(await bubbles(other), ["留着"]);
    await sees(page, "只给自己删");
}));

test("after five minutes a recalled text is gone", () => within({}, async (open) => {
    const { pages: [, bob] } = await pair(open);
    await bob.clock.install();
    await say(bob, "说错了");
    await bob.locator("[data-seq] .bubble").click({ button: "right" });
    await bob.getByRole("menuitem", { name: "撤回" }).click();
    await again(bob).waitFor();
    await bob.clock.fastForward(300_001);
    await again(bob).waitFor({ state: "detached" });
    await log(bob).getByText("你撤回了一条消息").waitFor();
}));
