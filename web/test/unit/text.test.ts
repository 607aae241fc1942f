import assert from "node:assert/strict";
import { test } from "node:test";
import { parts } from "../../src/text/links.ts";
import { grouped, letterOf } from "../../src/text/pinyin.ts";

const links = (content: string) => parts(content).filter(({ href }) => href).map(({ words }) => words);

test("only addresses of the web are links, without the marks around them", () => {
    assert.deepEqual(links("https://a.example/?q=汉字。"), ["https://a.example/?q=汉字"]);
    assert.deepEqual(links("(see https://a.example/b_(c)), or http://b.example."), ["https://a.example/b_(c)", "http://b.example"]);
    for (const content of ["javascript:alert(1)", "data:text/html,x", "ftp://a.example", "https://", "www.a.example"]) {
        assert.deepEqual(links(content), []);
    }
});

test("the parts of a text are the whole text", () => {
    for (const content of ["", "a", "一 https://a.example, 二 https://b.example", "https://a.example/\u202Egpj"]) {
        assert.equal(parts(content).map(({ words }) => words).join(""), content);
    }
});

test("names stand under the letter of their pinyin", () => {
    const letters = ["爱丽丝", "陈默", "李四", "王五", "张三", "Bob", "Émile", "9号", "👋"].map(letterOf);
    assert.deepEqual(letters, ["A", "C", "L", "W", "Z", "B", "E", "#", "#"]);
});

test("contacts are sorted within their letters, and signs come last", () => {
    const groups = grouped(["7", "张三", "Bob", "爱丽丝", "陈默", "阿强"], (name) => name);
    assert.deepEqual(groups, [["A", ["阿强", "爱丽丝"]], ["B", ["Bob"]], ["C", ["陈默"]], ["Z", ["张三"]], ["#", ["7"]]]);
});
