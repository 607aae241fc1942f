// A panel of emoji, the recent ones first. It stays open for another one.

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
    /** The order while the panel is open: an emoji that is picked stays where it is. */
    const order = useRef([...recent(), ...ALL.filter((emoji) => !recent().includes(emoji))]);
    useEffect(() => {
        box.current?.querySelector("button")?.focus();
        const look = ({ target }: Event) => target instanceof Element && !target.closest(".emoji, .composer") && onClose();
        document.addEventListener("pointerdown", look);
        return () => document.removeEventListener("pointerdown", look);
    }, []);
    const pick = (emoji: string, event: MouseEvent) => {
        store.set(KEY, [emoji, ...recent().filter((other) => other !== emoji)].slice(0, MOST_RECENT).join(" "));
        onPick(emoji);
        if (event.detail === 0) {
            // By a key, which can pick the next one.
            (event.currentTarget as HTMLElement).focus();
        }
    };
    return (
        <div ref={box} class="emoji" role="dialog" aria-label={text.emoji} onKeyDown={(event) => event.key === "Escape" && !isComposing(event) && onClose()}>
            {order.current.map((emoji) => <button type="button" key={emoji} onClick={(event) => pick(emoji, event)}>{emoji}</button>)}
        </div>
    );
}
