// Errors of a call: a refusal is the server's answer in its envelope; unreachable means that there was no such answer.

import type { ErrorName } from "./types.js";

/** The body of an answer: the envelope. */
export interface Envelope {
    code: number;
    message: string;
    error?: string;
    field?: string;
    rule?: Record<string, unknown>;
    data?: unknown;
    next_cursor?: string | null;
}

/** The server refused a call. `message` is its sentence for users, in the language of the request. */
export class Refusal extends Error {
    override readonly name = "Refusal";
    readonly status: number;
    /** The stable name of the error, the same in every language. */
    readonly error: ErrorName | (string & {});
    /** The field to blame, if one is. */
    readonly field: string | undefined;
    /** The rule that the field breaks, in a form for programs. */
    readonly rule: Record<string, unknown> | undefined;
    /** Seconds after which the server wants to be asked again (429 and 503). */
    readonly retryAfter: number | undefined;
    /** The request's id in the server's log. */
    readonly requestId: string | undefined;

    constructor(status: number, envelope: Envelope, headers: Headers) {
        super(envelope.message);
        this.status = status;
        this.error = envelope.error ?? "internal_error";
        this.field = envelope.field;
        this.rule = envelope.rule;
        this.retryAfter = retryAfter(headers);
        this.requestId = headers.get("X-Request-Id") ?? undefined;
    }

    /** Whether the error has one of these names. */
    is(...names: ErrorName[]): boolean {
        return (names as string[]).includes(this.error);
    }

    /** Whether the same call can succeed later without a change: overload, a restart, a limit of the rate. */
    get isTemporary(): boolean {
        return this.status === 503 || this.status === 429 || this.status === 408;
    }
}

/** No answer of the server: the network failed, time ran out, or a proxy answered in its place. */
export class Unreachable extends Error {
    override readonly name = "Unreachable";
    readonly retryAfter: number | undefined;

    constructor(message: string, cause?: unknown, headers?: Headers) {
        super(message, { cause });
        this.retryAfter = headers && retryAfter(headers);
    }
}

/** Why a session is over. `error` is the server's name, or `logout`. */
export interface End {
    error: string;
    message: string;
}

/** The account is not logged in any more; `message` is the server's sentence, if it gave one. */
export class SessionEnded extends Error {
    override readonly name = "SessionEnded";
    readonly end: End;

    constructor(end: End, cause?: unknown) {
        super(end.message, { cause });
        this.end = end;
    }
}

/** Whether an error is one after which a client tries again. */
export function isTemporary(error: unknown): error is Refusal | Unreachable {
    return error instanceof Unreachable || (error instanceof Refusal && error.isTemporary);
}

function retryAfter(headers: Headers): number | undefined {
    const seconds = headers.get("Retry-After");
    return seconds !== null && /^\d{1,9}$/.test(seconds) ? Number(seconds) : undefined;
}
