// Context menus: by the mouse, the keyboard's menu key, or a long press. Arrows move, Escape closes and gives the focus back.

import { signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";

export interface Choice {
    label: string;
    act: () => void;
}

interface Opened {
    x: number;
    y: number;
    choices: Choice[];
    back: Element | null;
}

const LONG_PRESS = 500;
const opened = signal<Opened | null>(null);

export function openMenu(at: { clientX: number; clientY: number }, owner: Element, choices: Choice[]): void {
    const box = owner.getBoundingClientRect();
    const isByKey = at.clientX === 0 && at.clientY === 0;
    opened.value = { x: isByKey ? box.left + 16 : at.clientX, y: isByKey ? box.bottom : at.clientY, choices, back: document.activeElement };
}

/** The handlers of an element that has a context menu. */
export function withMenu(choices: () => Choice[]) {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const cancel = () => clearTimeout(timer);
    return {
        onContextMenu: (event: MouseEvent) => {
            if (!getSelection()?.toString()) {
                event.preventDefault();
                openMenu(event, event.currentTarget as Element, choices());
            }
        },
        onTouchStart: (event: TouchEvent) => {
            const [touch] = event.touches;
            const owner = event.currentTarget as Element;
            timer = setTimeout(() => touch && openMenu(touch, owner, choices()), LONG_PRESS);
        },
        onTouchEnd: cancel,
        onTouchMove: cancel,
        onTouchCancel: cancel,
    };
}

export function Menu() {
    const box = useRef<HTMLDivElement>(null);
    const menu = opened.value;
    useLayoutEffect(() => {
        const element = box.current;
        if (menu && element) {
            element.style.left = `${Math.max(4, Math.min(menu.x, innerWidth - element.offsetWidth - 4))}px`;
            element.style.top = `${Math.max(4, Math.min(menu.y, innerHeight - element.offsetHeight - 4))}px`;
            element.querySelector("button")?.focus();
        }
    }, [menu]);
    if (!menu) {
        return null;
    }
    const close = () => {
        opened.value = null;
        menu.back instanceof HTMLElement && menu.back.focus();
    };
    const onKeyDown = (event: KeyboardEvent) => {
        const items = [...(box.current?.querySelectorAll("button") ?? [])];
        const place = items.indexOf(document.activeElement as HTMLButtonElement);
        const next = { ArrowDown: place + 1, ArrowUp: place - 1 + items.length, Home: 0, End: items.length - 1 }[event.key];
        if (next !== undefined) {
            event.preventDefault();
            items[next % items.length]?.focus();
        } else if (event.key === "Escape" || event.key === "Tab") {
            event.preventDefault();
            close();
        }
    };
    return (
        <div class="menu-back" onMouseDown={(event) => event.target === event.currentTarget && close()} onContextMenu={(event) => event.preventDefault()}>
            <div ref={box} class="menu" role="menu" onKeyDown={onKeyDown}>
                {menu.choices.map(({ label, act }) => <button key={label} role="menuitem" onClick={() => { close(); act(); }}>{label}</button>)}
            </div>
        </div>
    );
}
