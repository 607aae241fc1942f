// A panel of emoji, the recent ones first.

import { useEffect, useRef } from "preact/hooks";
import { store } from "../state/preferences.ts";
import { text } from "../text/index.ts";
import { isComposing } from "./enter.ts";

const ALL = [...new Intl.Segmenter("zh", { granularity: "grapheme" }).segment("😀😄😁😆😂🤣😊😇🙂😉😍😘😋😜🤪🤗🤔🤭😐😑🙄😏😣😴😪😭😢😤😡😱😳🥺😅😓🤒🤧🤮🥳😎🤓👻💩👍👎👌✌️🙏👏💪👋🤝👀❤️💔🌹🎉🎂🎁🍻☕🍚🔥⭐🌙☀️🌧️🐶🐱🐷🚀✅❌")].map(({ segment }) => segment);
const KEY = "hongyan.emoji";
const MOST_RECENT = 12;

const recent = (): string[] => (store.get(KEY) ?? "").split(" ").filter((emoji) => ALL.includes(emoji));

export function Emoji({ onPick, onClose }: { onPick: (emoji: string) => void; onClose: () => void }) {
    const box = useRef<HTMLDivElement>(null);
    useEffect(() => box.current?.querySelector("button")?.focus(), []);
    const pick = (emoji: string) => {
        store.set(KEY, [emoji, ...recent().filter((other) => other !== emoji)].slice(0, MOST_RECENT).join(" "));
        onClose();
        onPick(emoji);
    };
    const first = recent();
    return (
        <div ref={box} class="emoji" role="dialog" aria-label={text.emoji} onKeyDown={(event) => event.key === "Escape" && !isComposing(event) && onClose()}>
            {[...first, ...ALL.filter((emoji) => !first.includes(emoji))].map((emoji) => <button type="button" key={emoji} onClick={() => pick(emoji)}>{emoji}</button>)}
        </div>
    );
}
