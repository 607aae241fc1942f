// A typed call: builds the request of an operation from its path, parameters and body.

import type { Exchange } from "./transport.js";
import type { Method } from "./types.js";

/** The members of an input, whatever the operation. */
interface AnyInput {
    path?: Record<string, string | number>;
    query?: Record<string, string | number | boolean | null | undefined>;
    body?: unknown;
    signal?: AbortSignal;
}

export function exchangeOf(method: Method, template: string, input: AnyInput = {}): Exchange {
    const path = template.replace(/\{(\w+)\}/g, (_, name: string) => {
        const value = input.path?.[name];
        if (value === undefined || value === "") {
            throw new TypeError(`${template}: ${name} is missing`);
        }
        return encodeURIComponent(value);
    });
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(input.query ?? {})) {
        if (value !== undefined && value !== null) {
            query.set(name, String(value));
        }
    }
    const search = query.size > 0 ? `?${query}` : "";
    return { method, path: path + search, body: input.body, signal: input.signal };
}
