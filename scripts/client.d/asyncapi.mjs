// Validates the AsyncAPI document on standard input by the official schema of its version, and notices when that accepts what it must not.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { text } from "node:stream/consumers";

const require = createRequire(process.argv[2] + "/");
const Ajv = require("ajv");
const addFormats = require("ajv-formats");
const document = JSON.parse(await text(process.stdin));
const file = require.resolve(`@asyncapi/specs/schemas/${document.asyncapi}-without-$id.json`);
const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: true });
addFormats(ajv);
const isValid = ajv.compile(JSON.parse(readFileSync(file, "utf8")));
if (!isValid(document)) {
  console.error(isValid.errors);
  process.exit(1);
}
const [name] = Object.keys(document.components.messages);
for (const spoil of [
  (copy) => delete copy.info.title,
  (copy) => (copy.operations.send.action = "shout"),
  (copy) => (copy.components.messages[name].payload.type = "frame"),
  (copy) => (copy.channels.socket.messages = []),
]) {
  const copy = structuredClone(document);
  spoil(copy);
  if (isValid(copy)) {
    console.error(`the schema accepts a spoilt document: ${spoil}`);
    process.exit(1);
  }
}
// Each reference leads somewhere.
const follow = (reference) =>
  reference.slice(2).split("/").reduce((part, key) => part?.[key.replaceAll("~1", "/").replaceAll("~0", "~")], document);
for (const [, reference] of JSON.stringify(document).matchAll(/"\$ref":"([^"]*)"/g)) {
  if (!reference.startsWith("#/") || follow(reference) === undefined) {
    console.error(`${reference} leads nowhere`);
    process.exit(1);
  }
}
console.log(`the AsyncAPI document is valid: ${Object.keys(document.components.messages).length} messages`);
