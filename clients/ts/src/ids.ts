// Identifiers that exist on plain http too, where `crypto.randomUUID` and `crypto.subtle` do not.

/** A random identifier: 128 bits in hex. */
export function randomId(): string {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** FNV-1a, 64 bits, of a text in UTF-8, in hex. Every version must give the same value: it is an idempotency key that tabs agree on. */
export function hash64(text: string): string {
    let hash = 0xcbf29ce484222325n;
    for (const byte of new TextEncoder().encode(text)) {
        hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
    }
    return hash.toString(16).padStart(16, "0");
}
