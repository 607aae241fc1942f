// Whether the server serves a newer page than this one.

import { signal } from "@preact/signals";

export const isOutdated = signal(false);

const versionIn = (page: string) => /app\.js\?v=(\w+)/.exec(page)?.[1];
const own = versionIn(document.querySelector("script")?.src ?? "");

async function compare(): Promise<void> {
    try {
        const served = versionIn(await (await fetch("/", { cache: "no-cache" })).text());
        isOutdated.value = served !== undefined && served !== own;
    } catch {
        // The server cannot be reached; the next look finds out.
    }
}

/** Looks every ten minutes, and when the reader returns. */
export function watchVersion(): void {
    if (own !== undefined) {
        setInterval(compare, 600_000);
        let lastLook = 0;
        globalThis.addEventListener("focus", () => {
            if (Date.now() - lastLook > 60_000) {
                lastLook = Date.now();
                void compare();
            }
        });
        globalThis.addEventListener("online", compare);
    }
}
