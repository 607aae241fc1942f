// The language: the browser's preference, Chinese if it names neither.

import { en } from "./en.ts";
import { type Text, zh } from "./zh.ts";

export const language: "zh" | "en" = navigator.languages.find((tag) => /^(zh|en)\b/i.test(tag))?.toLowerCase().startsWith("en") ? "en" : "zh";
export const text: Text = language === "en" ? en : zh;
