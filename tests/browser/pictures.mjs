// Plays a newcomer's first five minutes and takes the pictures of docs/five-minutes.md and the README. scripts/browser --pictures runs it.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { launch, startServer, tab } from "./support.mjs";
import { befriend, chats, field, openChat, PASSWORD, person, populated, rail, say, seat, sees, until, write } from "./web.mjs";

const { PICTURES } = process.env;
const WIDE = { width: 1000, height: 640 };
const PHONE = { width: 390, height: 700 };

await mkdir(PICTURES, { recursive: true });
const browser = await launch();
const server = await startServer();
const api = server.address;

const context = (options) => browser.newContext({ locale: "zh-CN", viewport: WIDE, colorScheme: "light", ...options });

/** A picture of a page at rest. */
async function take(page, name) {
    await page.waitForTimeout(300);
    await page.screenshot({ path: join(PICTURES, `${name}.png`) });
    console.log(name);
}

async function signUp(page, name, uid, picture) {
    await page.getByRole("button", { name: "还没有账号？注册" }).click();
    await page.getByLabel("昵称").fill(name);
    await page.getByLabel("微信号（选填）").fill(uid);
    await page.getByLabel("密码").fill(PASSWORD);
    picture && (await take(page, picture));
    await page.getByRole("button", { name: "注册", exact: true }).click();
    await page.getByText("还没有聊天").waitFor();
}

/** Two tabs of one browser, from an empty server to a talk that goes on after a restart. */
async function fiveMinutes() {
    const tabs = await context();
    const open = () => tab(tabs, `${api}/`, [api]);
    const [alice, bob] = [await open(), await open()];
    await signUp(alice, "爱丽丝", "alice_1", "five-1-sign-up");
    await signUp(bob, "鲍勃", "bob_12345");
    await bob.getByRole("button", { name: "添加朋友" }).click();
    await bob.getByLabel("微信号", { exact: true }).fill("ALICE_1");
    await bob.getByLabel("微信号", { exact: true }).press("Enter");
    await bob.getByLabel("发送添加朋友申请").waitFor();
    await take(bob, "five-2-request");
    await bob.getByRole("button", { name: "添加到通讯录" }).click();
    await rail(alice).getByRole("button", { name: /通讯录\s*1/ }).click();
    await alice.getByRole("button", { name: "新的朋友" }).click();
    await alice.getByRole("button", { name: "接受" }).waitFor();
    await take(alice, "five-3-accept");
    await alice.getByRole("button", { name: "接受" }).click();
    for (const [page, name] of [[alice, "鲍勃"], [bob, "爱丽丝"]]) {
        await rail(page).getByRole("button", { name: "聊天" }).click();
        await openChat(page, name);
    }
    for (const [page, other, words] of [[bob, alice, "你好，爱丽丝 👋🏽"], [alice, bob, "鲍勃！这么快就装好了？"], [bob, alice, "一条命令的事。周五一起吃火锅？"]]) {
        await say(page, words);
        await sees(other, words);
    }
    // At most every 3 s a tab reports that its user is typing.
    await alice.waitForTimeout(3200);
    await field(alice).pressSequentially("好呀，几点");
    await bob.getByText("对方正在输入…").waitFor();
    await take(bob, "five-4-talk");
    await say(alice, "好呀，几点？");
    await sees(bob, "好呀，几点？");
    await until(bob, () => !document.querySelector(".badge"));
    await server.end();
    await bob.getByText("网络不可用，正在重连…").waitFor();
    await say(bob, "七点，老地方见");
    await field(bob).fill("对了，");
    await bob.waitForTimeout(1200);
    await take(bob, "five-5-away");
    await server.again();
    await sees(alice, "七点，老地方见");
    await bob.getByText("网络不可用，正在重连…").waitFor({ state: "detached" });
    await until(bob, () => document.querySelectorAll("[data-seq] .bubble").length === 5);
    await take(bob, "five-6-back");
    await alice.setViewportSize(PHONE);
    await take(alice, "five-7-phone");
    await alice.getByRole("button", { name: "返回" }).click();
    await chats(alice).getByText("鲍勃").waitFor();
    await take(alice, "five-8-phone-list");
    await tabs.close();
}

/** The pictures of the README and of docs/web.md. */
async function showcase() {
    const { me, alice } = await populated(api);
    const wide = await context();
    const page = await seat(await tab(wide, `${api}/`, [api]), me);
    await openChat(page, "爱丽丝");
    await sees(page, "那就这么说定了");
    await field(page).fill("到了给你发消息");
    await take(page, "chat");
    await page.emulateMedia({ colorScheme: "dark" });
    await page.evaluate((id) => (location.hash = `#/contacts/${id}`), alice.id);
    await page.getByRole("button", { name: "发消息" }).waitFor();
    await take(page, "contacts");
    await wide.close();
    const narrow = await context({ viewport: { width: 390, height: 844 }, colorScheme: "dark", locale: "en-GB" });
    const [lin, ada] = [await person("Lin", api), await person("Ada", api)];
    await befriend(ada, lin, api);
    await write(lin, ada, ["Are you free on Friday?"], api);
    await write(ada, lin, ["Yes!", "The hotpot place? Seven, as always.\nTake an umbrella, they say it will rain."], api);
    await write(lin, ada, ["Good. I need forty minutes from the office, so I leave at six", "It is at https://maps.example/?q=hotpot"], api);
    await write(ada, lin, ["Got it", "See you there 🍲"], api);
    const phone = await seat(await tab(narrow, `${api}/`, [api]), lin, "en");
    await phone.getByRole("button", { name: "Ada" }).first().click();
    await sees(phone, "See you there 🍲");
    await take(phone, "phone");
    await narrow.close();
}

try {
    await fiveMinutes();
    await showcase();
} finally {
    await browser.close();
    await server.stop();
}
