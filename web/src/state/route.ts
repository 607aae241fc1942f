// The route in the address: `#/chat/<conversation>/<seq>`, `#/contacts/<new, add or a friend>`, `#/settings`.

import { signal } from "@preact/signals";

export type Page = "chat" | "contacts" | "settings";

interface Route {
    page: Page;
    id: string | undefined;
    /** The message to show, in a chat. */
    seq: number | undefined;
}

export const route = signal(readRoute());

function readRoute(): Route {
    const [page = "", id, seq] = location.hash.replace(/^#\//, "").split("/");
    const known = page === "contacts" || page === "settings" ? page : "chat";
    return { page: known, id: id || undefined, seq: seq && /^\d{1,15}$/.test(seq) ? Number(seq) : undefined };
}

export function go(page: Page, id?: string, seq?: number): void {
    location.hash = `#/${[page, id, seq].filter((part) => part !== undefined).join("/")}`;
}

globalThis.addEventListener("hashchange", () => {
    route.value = readRoute();
});
