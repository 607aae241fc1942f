// HTTP transport: the only module that knows `fetch`. It adds a time limit and tells the server's answers from all others.

import { type Envelope, Refusal, Unreachable } from "./refusal.js";

/** Milliseconds after which an exchange is given up. */
export const TIME_LIMIT = 20_000;

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface Exchange {
    method: string;
    /** With its query. */
    path: string;
    headers?: Record<string, string | undefined>;
    body?: unknown;
    signal?: AbortSignal | undefined;
    /** Lets the browser finish the exchange after the page is gone. */
    keepalive?: boolean;
    /** The tag of an answer that the caller holds: an unchanged one comes as `null`. */
    etag?: string | undefined;
}

/** A success, or `envelope: null` if nothing has changed since the tag. */
export interface Reply {
    envelope: Envelope | null;
    etag: string | undefined;
}

export class Transport {
    readonly #base: string;
    readonly #fetch: Fetch;
    readonly #language: () => string | undefined;

    constructor(base: string, fetch: Fetch, language: () => string | undefined) {
        this.#base = base.replace(/\/+$/, "");
        this.#fetch = fetch;
        this.#language = language;
    }

    get language(): string | undefined {
        return this.#language();
    }

    /** The address of a path. */
    url(path: string): string {
        return this.#base + path;
    }

    /** Sends a request. Throws `Refusal`, `Unreachable`, or the reason of the caller's signal. */
    async exchange(request: Exchange): Promise<Reply> {
        request.signal?.throwIfAborted();
        const limit = new AbortController();
        const giveUp = () => limit.abort();
        request.signal?.addEventListener("abort", giveUp, { once: true });
        const timer = setTimeout(giveUp, TIME_LIMIT);
        try {
            const response = await this.#fetch(this.url(request.path), this.#init(request, limit.signal));
            return await reply(response);
        } catch (error) {
            request.signal?.throwIfAborted();
            if (error instanceof Refusal || error instanceof Unreachable) {
                throw error;
            }
            throw new Unreachable(limit.signal.aborted ? "the server did not answer in time" : "the server is unreachable", error);
        } finally {
            clearTimeout(timer);
            request.signal?.removeEventListener("abort", giveUp);
        }
    }

    #init(request: Exchange, signal: AbortSignal): RequestInit {
        const headers: Record<string, string> = {};
        const given = {
            "Accept-Language": this.#language(),
            "Content-Type": request.body === undefined ? undefined : "application/json",
            "If-None-Match": request.etag,
            ...request.headers,
        };
        for (const [name, value] of Object.entries(given)) {
            if (value !== undefined) {
                headers[name] = value;
            }
        }
        const init: RequestInit = { method: request.method.toUpperCase(), headers, signal, credentials: "omit" };
        if (request.body !== undefined) {
            init.body = JSON.stringify(request.body);
        }
        if (request.keepalive) {
            init.keepalive = true;
        }
        if (request.etag !== undefined) {
            // A hand-set If-None-Match turns the default mode into `no-store`, which asks with OPTIONS before each poll. In this mode
            // the browser keeps the permission; it holds no copy of the answer, because the server forbids that.
            init.cache = "force-cache";
        }
        return init;
    }
}

async function reply(response: Response): Promise<Reply> {
    const etag = response.headers.get("ETag") ?? undefined;
    if (response.status === 304) {
        return { envelope: null, etag };
    }
    const envelope = parse(await response.text());
    if (envelope === undefined || envelope.code !== response.status) {
        throw new Unreachable(`an answer ${response.status} that is not the server's`, undefined, response.headers);
    }
    if (response.status !== 200) {
        throw new Refusal(response.status, envelope, response.headers);
    }
    return { envelope, etag };
}

/** The envelope in a body, or nothing. */
function parse(text: string): Envelope | undefined {
    try {
        const value: unknown = JSON.parse(text);
        return typeof value === "object" && value !== null && "code" in value && "message" in value ? (value as Envelope) : undefined;
    } catch {
        return undefined;
    }
}
