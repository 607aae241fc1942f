// Key-value storage that the tabs of a browser share, behind an interface, so that the client works in Node and elsewhere too.

/** Called after a value was changed elsewhere: by another tab, or by another user of the same store. `null`: it was removed. */
export type StoreListener = (key: string, value: string | null) => void;

export interface Store {
    get(key: string): string | null;
    /** Stores a value, or removes it (`null`). */
    set(key: string, value: string | null): void;
    keys(): string[];
    /** Reports changes made elsewhere, until the returned function is called. */
    watch(listener: StoreListener): () => void;
}

/** Forgets everything when the process ends. The default outside of a browser. */
export class MemoryStore implements Store {
    readonly #values = new Map<string, string>();

    get(key: string): string | null {
        return this.#values.get(key) ?? null;
    }

    set(key: string, value: string | null): void {
        if (value === null) {
            this.#values.delete(key);
        } else {
            this.#values.set(key, value);
        }
    }

    keys(): string[] {
        return [...this.#values.keys()];
    }

    watch(): () => void {
        return () => undefined;
    }
}

/**
 * `localStorage`, with changes reported to the other tabs by BroadcastChannel (at once, also on plain http) and by `storage` events.
 * Where the browser refuses to store (private windows, a full disk), the values live as long as the tab.
 */
export class BrowserStore implements Store {
    readonly #unstored = new MemoryStore();
    readonly #channel = typeof BroadcastChannel === "undefined" ? undefined : new BroadcastChannel("hongyan");
    readonly #listeners = new Set<StoreListener>();

    constructor() {
        this.#channel?.addEventListener("message", ({ data }: MessageEvent<{ key: string; value: string | null }>) => {
            this.#report(data.key, data.value);
        });
        globalThis.addEventListener("storage", ({ key, newValue }) => {
            if (key !== null) {
                this.#report(key, newValue);
            }
        });
    }

    get(key: string): string | null {
        return this.#unstored.get(key) ?? quietly(() => localStorage.getItem(key)) ?? null;
    }

    set(key: string, value: string | null): void {
        const stored = quietly(() => {
            if (value === null) {
                localStorage.removeItem(key);
            } else {
                localStorage.setItem(key, value);
            }
            return true;
        });
        this.#unstored.set(key, stored ? null : value);
        this.#channel?.postMessage({ key, value });
    }

    keys(): string[] {
        const stored = quietly(() => Object.keys(localStorage)) ?? [];
        return [...new Set([...stored, ...this.#unstored.keys()])];
    }

    watch(listener: StoreListener): () => void {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
    }

    #report(key: string, value: string | null): void {
        for (const listener of this.#listeners) {
            listener(key, value);
        }
    }
}

/** The store of this environment: the browser's if there is one. */
export function defaultStore(): Store {
    return typeof localStorage === "undefined" || typeof addEventListener === "undefined" ? new MemoryStore() : new BrowserStore();
}

function quietly<T>(work: () => T): T | undefined {
    try {
        return work();
    } catch {
        return undefined;
    }
}
