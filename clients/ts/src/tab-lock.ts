// Mutual exclusion of the tabs of an origin (Web Locks), where the browser has it: in secure contexts. It only saves calls.

/** Milliseconds to wait for the lock. A tab that sleeps with it does not hold the others up for longer. */
const PATIENCE = 5_000;

/** Runs work under the lock, or without it where there is none. */
export async function alone<T>(name: string, work: () => Promise<T>): Promise<T> {
    const locks = typeof navigator === "undefined" ? undefined : (navigator as Partial<Navigator>).locks;
    if (!locks) {
        return work();
    }
    let started = false;
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), PATIENCE);
    try {
        return await locks.request(name, { signal: patience.signal }, () => {
            started = true;
            clearTimeout(timer);
            return work();
        });
    } catch (error) {
        if (started) {
            throw error;
        }
        return await work();
    } finally {
        clearTimeout(timer);
    }
}
