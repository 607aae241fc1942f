// Polling with conditional requests: one request at a time, backoff while the server cannot be reached, at once when the user returns.

import { pause } from "./backoff.js";
import { isTemporary, type Refusal, type Unreachable } from "./refusal.js";
import type { Exchange, Reply } from "./transport.js";

export interface PollOptions<A> {
    /** Seconds between two answers; 3 by default. */
    every?: number;
    /** Called with the first answer, and with each one that differs from the one before. */
    onAnswer: (answer: A) => void;
    /** Called when the server cannot be reached, before the wait of so many seconds; and with `null` when it answers again. */
    onTrouble?: (trouble: Refusal | Unreachable | null, seconds: number) => void;
    /** Called once if polling ends because of an error: a refusal, or the end of the session. */
    onEnd?: (error: unknown) => void;
}

export class Poll<A> {
    readonly #exchange: (request: Exchange) => Promise<Reply>;
    readonly #request: Exchange;
    readonly #options: PollOptions<A>;
    readonly #stopped = new AbortController();
    /** Ends the present wait. */
    #wake: () => void = () => undefined;
    #isDue = false;

    constructor(exchange: (request: Exchange) => Promise<Reply>, request: Exchange, options: PollOptions<A>) {
        this.#exchange = exchange;
        this.#request = request;
        this.#options = options;
        request.signal?.addEventListener("abort", () => this.stop(), { once: true });
        const page = globalThis as Partial<Pick<Window, "addEventListener">>;
        for (const event of ["online", "focus"]) {
            page.addEventListener?.(event, () => this.refresh(), { signal: this.#stopped.signal });
        }
        void this.#run();
    }

    /** Asks now, or again after the request that is running. */
    refresh(): void {
        this.#isDue = true;
        this.#wake();
    }

    stop(): void {
        this.#stopped.abort();
        this.#wake();
    }

    async #run(): Promise<void> {
        let etag: string | undefined;
        let failures = 0;
        const { signal } = this.#stopped;
        while (!signal.aborted) {
            let seconds = this.#options.every ?? 3;
            this.#isDue = false;
            try {
                const reply = await this.#exchange({ ...this.#request, etag, signal });
                if (failures > 0) {
                    failures = 0;
                    this.#options.onTrouble?.(null, 0);
                }
                if (reply.envelope !== null && !signal.aborted) {
                    etag = reply.etag;
                    this.#options.onAnswer(reply.envelope as A);
                }
            } catch (error) {
                if (signal.aborted) {
                    return;
                }
                if (!isTemporary(error)) {
                    this.stop();
                    this.#options.onEnd?.(error);
                    return;
                }
                failures += 1;
                seconds = pause(failures, error);
                this.#options.onTrouble?.(error, seconds);
            }
            await this.#pause(seconds);
        }
    }

    #pause(seconds: number): Promise<void> {
        return new Promise((resolve) => {
            if (this.#isDue || this.#stopped.signal.aborted) {
                resolve();
                return;
            }
            const timer = setTimeout(resolve, seconds * 1000);
            this.#wake = () => {
                clearTimeout(timer);
                resolve();
            };
        });
    }
}
