// The friends by letter. List windowing: only the rows around the reader are in the document, each at its place in a list of full height.

import { computed, signal, useComputed, useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { friends, type Friend, nameOf } from "../state/lists.ts";
import { go, route } from "../state/route.ts";
import { grouped } from "../text/pinyin.ts";
import { text } from "../text/index.ts";
import { Avatar } from "./Avatar.tsx";
import { sliceAt } from "./windowing.ts";

interface Section {
    letter: string;
    rows: Friend[];
    /** The place of its first row among all. */
    from: number;
}

const sections = computed(() => {
    let from = 0;
    return grouped(friends.value, nameOf).map(([letter, rows]): Section => {
        const section = { letter, rows, from };
        from += rows.length;
        return section;
    });
});
const places = computed(() => new Map(sections.value.flatMap(({ rows, from }) => rows.map(({ friend_id }, place): [string, number] => [friend_id, from + place]))));
/** The height of a row, which every friend has: measured when one is in the document. */
const height = signal(62);

function FriendRow({ friend, place, count }: { friend: Friend; place: number; count: number }) {
    // Only the two rows that change are drawn again.
    const isOpen = useComputed(() => route.value.id === friend.friend_id).value;
    return (
        <li style={{ top: `${place * height.value}px` }} aria-posinset={place + 1} aria-setsize={count}>
            <button class="row short" data-id={friend.friend_id} aria-current={isOpen ? "true" : undefined} onClick={() => go("contacts", friend.friend_id)}>
                <Avatar id={friend.friend_id} name={nameOf(friend)} />
                <span class="names"><bdi>{nameOf(friend)}</bdi></span>
            </button>
        </li>
    );
}

const listsIn = (box: Element) => [...box.querySelectorAll<HTMLElement>("section > ul")];

/** The row at so many pixels below the top of the scrolled box, and how far below it the row begins. */
function rowAt(box: Element, below: number): { place: number; offset: number } {
    const at = box.getBoundingClientRect().top + below;
    const tops = listsIn(box).map((list) => list.getBoundingClientRect().top);
    const index = Math.max(0, tops.filter((top) => top <= at).length - 1);
    const section = sections.peek()[index];
    const top = tops[index] ?? 0;
    const row = Math.max(0, Math.min((section?.rows.length ?? 1) - 1, Math.floor((at - top) / height.peek())));
    return { place: (section?.from ?? 0) + row, offset: top + row * height.peek() - at };
}

/** How far below the top of the scrolled box a row begins. */
function topOf(box: Element, place: number): number {
    const index = sections.peek().filter(({ from }) => from <= place).length - 1;
    const top = listsIn(box)[index]?.getBoundingClientRect().top ?? 0;
    return top + (place - (sections.peek()[index]?.from ?? 0)) * height.peek() - box.getBoundingClientRect().top;
}

const friendAt = (place: number) => sections.peek().flatMap(({ rows, from }) => rows[place - from] ?? [])[0]?.friend_id;

export function ContactRows() {
    const start = useRef<HTMLDivElement>(null);
    const reader = useSignal(0);
    const before = useRef(0);
    /** The row that has or had the focus stays in the document, and so do those beside it. */
    const focused = useSignal<string | undefined>(undefined);
    /** The first row in view, and how far its top is below that of the list. */
    const anchor = useRef<{ id: string | undefined; offset: number }>({ id: undefined, offset: 0 });
    const all = sections.value;
    const slice = sliceAt(friends.value.length, reader.value, before.current);
    before.current = slice.from;
    const kept = places.value.get(focused.value ?? "") ?? -2;
    const isShown = (place: number) => (place >= slice.from && place < slice.to) || Math.abs(place - kept) <= 1;

    useLayoutEffect(() => {
        const box = start.current?.closest(".scroll");
        if (!box) {
            return undefined;
        }
        const look = () => {
            if (box.clientHeight === 0) {
                // On a phone the list is hidden behind what is open.
                return;
            }
            height.value = box.querySelector("section li")?.getBoundingClientRect().height || height.value;
            reader.value = rowAt(box, box.clientHeight / 2).place;
            const first = rowAt(box, 0);
            anchor.current = { id: friendAt(first.place), offset: first.offset };
        };
        const observer = new ResizeObserver(look);
        observer.observe(box);
        box.addEventListener("scroll", look);
        look();
        return () => {
            observer.disconnect();
            box.removeEventListener("scroll", look);
        };
    }, []);
    useLayoutEffect(() => {
        // Other friends than before: the reader stays where the first row in view is now.
        const box = start.current?.closest(".scroll");
        const place = places.peek().get(anchor.current.id ?? "");
        if (box && box.scrollTop > 0 && place !== undefined) {
            box.scrollTop += topOf(box, place) - anchor.current.offset;
        }
    }, [all, height.value]);
    return (
        <div ref={start} onFocusIn={({ target }) => (focused.value = (target as HTMLElement).dataset["id"])}>
            {all.map(({ letter, rows, from }) => (
                <section key={letter} id={`letter-${letter}`} aria-label={`${text.friends} ${letter}`}>
                    <h2>{letter}</h2>
                    <ul style={{ height: `${rows.length * height.value}px` }}>
                        {rows.flatMap((friend, place) => (isShown(from + place) ? [<FriendRow key={friend.friend_id} friend={friend} place={place} count={rows.length} />] : []))}
                    </ul>
                </section>
            ))}
            {friends.value.length > 20 && (
                <nav class="letters" aria-label={text.friends}>
                    {all.map(({ letter }) => (
                        <button key={letter} aria-label={text.jumpTo(letter)} onClick={() => document.getElementById(`letter-${letter}`)?.scrollIntoView()}>{letter}</button>
                    ))}
                </nav>
            )}
        </div>
    );
}
