// The texts in the chosen language. What reads one while it renders is rendered again when the language changes.

import { language } from "../state/preferences.ts";
import { en } from "./en.ts";
import { type Text, zh } from "./zh.ts";

const dictionaries: Record<"zh" | "en", Text> = { zh, en };

export const text: Text = new Proxy(zh, { get: (_, name) => dictionaries[language.value][name as keyof Text] });
