// A list that scrolls. Each keeps its own place while another one is shown.

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

const places = new Map<string, number>();

/** The element belongs to the name: give both the same key. Without a name the place is forgotten. */
export function Scroll({ name, children }: { name?: string | undefined; children: ComponentChildren }) {
    const box = useRef<HTMLDivElement>(null);
    useLayoutEffect(() => {
        if (box.current && name) {
            box.current.scrollTop = places.get(name) ?? 0;
        }
    }, []);
    return <div ref={box} class="scroll" onScroll={(event) => name && places.set(name, event.currentTarget.scrollTop)}>{children}</div>;
}
