// Exponential backoff: how long to wait before the next attempt, and a wait that ends early when the network returns.

import type { Refusal, Unreachable } from "./refusal.js";

/** The longest wait that is not the server's wish, in seconds. */
const LONGEST = 30;

/** Seconds before attempt number `failures` + 1: what the server wishes, else 1, 2, 4 … 30; up to a fifth more, so that clients spread. */
export function pause(failures: number, error: Refusal | Unreachable): number {
    const seconds = error.retryAfter ?? Math.min(LONGEST, 2 ** Math.min(failures - 1, 10));
    return Math.max(1, seconds) * (1 + Math.random() / 5);
}

/** Waits. Ends early when the browser is online again; throws the signal's reason when it is aborted. */
export function wait(seconds: number, signal?: AbortSignal, endsOnline = true): Promise<void> {
    return new Promise((resolve, reject) => {
        const page = globalThis as Partial<Pick<Window, "addEventListener" | "removeEventListener">>;
        const leave = () => {
            clearTimeout(timer);
            signal?.removeEventListener("abort", abort);
            page.removeEventListener?.("online", done);
        };
        const done = () => {
            leave();
            resolve();
        };
        const abort = () => {
            leave();
            reject(signal?.reason);
        };
        const timer = setTimeout(done, seconds * 1000);
        if (signal?.aborted) {
            abort();
            return;
        }
        signal?.addEventListener("abort", abort);
        if (endsOnline) {
            page.addEventListener?.("online", done);
        }
    });
}
