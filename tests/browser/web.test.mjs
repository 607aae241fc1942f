// The web client's entry, its sessions and languages. Every test of the web client also fails at a console error, a violation of the
// page's policy, or a request to another origin.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { API } from "./support.mjs";
import { befriend, call, chats, field, openChat, pair, PASSWORD, person, rail, say, seat, sees, start, stop, until, within, write } from "./web.mjs";

before(start);
after(stop);

/** What the browser says to the console about a refused call. */
const REFUSED = /status of 4\d\d/;

async function signUp(page, name, uid) {
    await page.getByRole("button", { name: "还没有账号？注册" }).click();
    await page.getByLabel("昵称").fill(name);
    await page.getByLabel("微信号（选填）").fill(uid);
    await page.getByLabel("密码").fill(PASSWORD);
    await page.getByRole("button", { name: "注册", exact: true }).click();
    await page.getByText("还没有聊天").waitFor();
}

test("two tabs of a browser sign up, become friends and talk", () => within({}, async (open) => {
    const [alice, bob] = [await open(), await open()];
    const uids = ["alice", "bobby"].map((name) => `${name}_${process.pid}`);
    await signUp(alice, "爱丽丝", uids[0]);
    assert.match(alice.url(), /#\/chat$/);
    assert.equal(await alice.title(), "鸿雁");
    await signUp(bob, "Bob", uids[1]);
    await bob.getByRole("button", { name: "添加朋友" }).click();
    await bob.getByLabel("微信号", { exact: true }).fill(uids[0].toUpperCase());
    await bob.getByLabel("微信号", { exact: true }).press("Enter");
    assert.equal(await bob.getByLabel("发送添加朋友申请").inputValue(), "我是Bob");
    await bob.getByRole("button", { name: "添加到通讯录" }).click();
    await bob.getByText("申请已发送").waitFor();
    await rail(alice).getByRole("button", { name: /通讯录\s*1/ }).click();
    await alice.getByRole("button", { name: "新的朋友" }).click();
    await alice.getByText("我是Bob").waitFor();
    await alice.getByRole("button", { name: "接受" }).click();
    await alice.getByText("已添加").waitFor();
    await bob.getByRole("button", { name: "新的朋友" }).click();
    await bob.getByText("已添加").waitFor();
    for (const [page, name] of [[alice, "Bob"], [bob, "爱丽丝"]]) {
        await rail(page).getByRole("button", { name: "聊天" }).click();
        await openChat(page, name);
    }
    await say(bob, "你好，爱丽丝 👋🏽");
    await sees(alice, "你好，爱丽丝 👋🏽");
    await say(alice, "七点？");
    await sees(bob, "七点？");
    await bob.reload();
    await sees(bob, "七点？");
}));

test("refusals stand where they belong, and what was typed stays", () => within({ locale: "en-GB", except: REFUSED }, async (open) => {
    const taken = await person("Taken");
    const page = await open();
    await page.getByLabel("ID or phone").fill("no_such_person");
    await page.getByLabel("Password").fill("wrong password");
    assert.equal(await page.getByLabel("Password").getAttribute("autocomplete"), "current-password");
    await page.getByRole("button", { name: "Log in", exact: true }).click();
    await page.getByText("Wrong account or password").waitFor();
    await page.getByRole("button", { name: "No account yet? Sign up" }).click();
    await page.getByLabel("Name").fill("Alice");
    await page.getByLabel("ID (optional)").fill(taken.uid);
    assert.equal(await page.getByLabel("ID (optional)").getAttribute("autocomplete"), "username");
    assert.equal(await page.getByLabel("Password").getAttribute("autocomplete"), "new-password");
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Sign up", exact: true }).click();
    await page.locator("#problem-uid").getByText("This uid is taken").waitFor();
    assert.equal(await page.getByLabel("Name").inputValue(), "Alice");
}));

test("too many wrong passwords count down until the next attempt", () => within({ except: REFUSED }, async (open) => {
    const { uid } = await person("爱丽丝");
    const page = await open();
    await page.clock.install();
    let wait;
    page.on("response", (answer) => {
        wait = answer.status() === 429 ? Number(answer.headers()["retry-after"]) : wait;
    });
    await page.getByLabel("微信号/手机号").fill(uid);
    await page.getByLabel("密码").fill("wrong password");
    const button = page.locator("form .primary");
    for (let attempt = 0; attempt < 12 && !(await button.textContent()).includes("请稍候"); attempt++) {
        await button.click();
        await until(page, () => !document.querySelector("form .primary").disabled || document.querySelector("form .primary").textContent.includes("请稍候"));
    }
    assert.match(await button.textContent(), /请稍候（\d+）/);
    assert.equal(await button.isDisabled(), true);
    // A second at a time: each one begins when the one before is shown.
    for (let second = 0; second < wait && (await button.isDisabled()); second++) {
        await page.clock.runFor(1000);
    }
    await until(page, () => !document.querySelector("form .primary").disabled);
    assert.equal(await button.textContent(), "登录");
}));

test("logging out in one tab ends the account's other tabs, and no one else's", () => within({ except: REFUSED }, async (open) => {
    const [alice, bob] = [await person("爱丽丝"), await person("Bob")];
    const [first, other] = [await seat(await open(), alice), await seat(await open(), bob)];
    const second = await open();
    await second.getByRole("button", { name: "以「爱丽丝」的身份继续" }).click();
    await second.getByText("还没有聊天").waitFor();
    await rail(first).getByRole("button", { name: "设置" }).click();
    await first.getByRole("button", { name: "退出登录" }).click();
    await first.getByRole("dialog").getByRole("button", { name: "退出登录" }).click();
    await first.getByText("你已退出登录").waitFor();
    await second.getByRole("button", { name: "登录", exact: true }).waitFor();
    assert.equal(await rail(other).count(), 1);
}));

test("a session that is ended from another device says so and keeps the draft", () => within({ except: REFUSED }, async (open) => {
    const { people: [alice], pages: [page] } = await pair(open);
    await field(page).fill("写到一半");
    await call(alice, "DELETE", "/api/auth/sessions");
    await page.getByRole("button", { name: "登录", exact: true }).waitFor();
    assert.notEqual(await page.locator(".notice").textContent(), "");
    await seat(page, alice);
    await field(page).waitFor();
    assert.equal(await field(page).inputValue(), "写到一半");
}));

test("the language changes without a reload, in the server's sentences too", () => within({ except: REFUSED }, async (open) => {
    const page = await seat(await open(), await person("爱丽丝"));
    await rail(page).getByRole("button", { name: "设置" }).click();
    await page.getByLabel("语言").selectOption("en");
    await page.getByRole("heading", { name: "Devices" }).waitFor();
    assert.equal(await page.title(), "Hongyan");
    assert.equal(await page.locator("html").getAttribute("lang"), "en");
    const chinese = await page.evaluate(() => document.body.innerText.replace("简体中文", "").replaceAll(/爱(丽丝)?/g, "").match(/\p{Script=Han}+/gu));
    assert.equal(chinese, null);
    await page.getByLabel("ID", { exact: true }).fill("admin_alice");
    await page.getByRole("button", { name: "Save" }).last().click();
    await page.getByText("This uid is taken").waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "Devices" }).waitFor();
}));

test("the colours follow the setting, in every tab", () => within({ colorScheme: "light" }, async (open) => {
    const alice = await person("爱丽丝");
    const page = await seat(await open("#/settings"), alice);
    const second = await open();
    const background = (of) => of.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await background(page);
    await page.getByLabel("外观").selectOption("dark");
    assert.notEqual(await background(page), light);
    await until(second, () => document.documentElement.dataset.theme === "dark");
    assert.notEqual(await background(second), light);
}));

test("name, password and devices are changed in the settings", () => within({ except: REFUSED }, async (open) => {
    const alice = await person("爱丽丝");
    const page = await seat(await open("#/settings"), alice);
    await page.getByLabel("昵称").fill("丽丝");
    await page.getByRole("button", { name: "保存" }).first().click();
    await page.getByRole("heading", { name: "丽丝" }).waitFor();
    const devices = page.getByRole("region", { name: "登录设备" });
    await devices.getByText("本机").waitFor();
    await devices.getByRole("button", { name: "退出其他设备" }).click();
    await devices.getByRole("button").first().waitFor({ state: "detached" });
    await page.getByRole("button", { name: "修改密码" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("当前密码").fill(PASSWORD);
    await dialog.getByLabel("新密码", { exact: true }).fill("另一个 很长的密码");
    await dialog.getByLabel("确认新密码").fill("另一个 不同的密码");
    await dialog.getByRole("button", { name: "修改密码" }).click();
    await dialog.getByText("两次输入的密码不一致").waitFor();
    await dialog.getByLabel("确认新密码").fill("另一个 很长的密码");
    await dialog.getByRole("button", { name: "修改密码" }).click();
    await dialog.waitFor({ state: "detached" });
    assert.equal(await rail(page).count(), 1);
}));

test("the export is a file that parses, and erasing needs the password twice", () => within({ except: REFUSED }, async (open) => {
    const [alice, bob] = [await person("爱丽丝"), await person("Bob")];
    await befriend(alice, bob);
    await write(alice, bob, ["再见"]);
    const other = await seat(await open(), bob);
    const page = await seat(await open("#/settings"), alice);
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "导出" }).click()]);
    const stream = await file.createReadStream();
    const exported = JSON.parse(Buffer.concat(await stream.toArray()).toString());
    assert.equal(exported.account.uid, alice.uid);
    assert.equal(exported.conversations[0].messages[0].content, "再见");
    await page.getByRole("button", { name: "注销账号" }).click();
    const dialog = page.getByRole("dialog");
    for (const [again, sentence] of [["something else", "两次输入的密码不一致"], ["wrong password", undefined]]) {
        await dialog.getByLabel("密码", { exact: true }).fill("wrong password");
        await dialog.getByLabel("再次输入密码").fill(again);
        await dialog.getByRole("button", { name: "注销账号" }).click();
        await dialog.getByRole("alert").getByText(sentence ?? /密码/).waitFor();
    }
    await dialog.getByLabel("密码", { exact: true }).fill(PASSWORD);
    await dialog.getByLabel("再次输入密码").fill(PASSWORD);
    await dialog.getByRole("button", { name: "注销账号" }).click();
    await page.getByRole("button", { name: "登录", exact: true }).waitFor();
    await chats(other).getByText("已注销").first().click();
    await other.getByText("对方已注销账号").waitFor();
    assert.equal(await field(other).count(), 0);
}));

test("the page's headers, as a browser sees them", async () => {
    const page = await fetch(`${API}/`);
    assert.match(page.headers.get("content-security-policy"), /^default-src 'none'; script-src 'self'; style-src 'self';/);
    assert.doesNotMatch(page.headers.get("content-security-policy"), /unsafe/);
    assert.doesNotMatch(await page.text(), /<script>|<style|onload|style=/);
});
