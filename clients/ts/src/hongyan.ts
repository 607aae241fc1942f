// The entry: a server, the logins that this browser holds, and the account of this tab.

import { Account } from "./account.js";
import { exchangeOf } from "./calls.js";
import { randomId } from "./ids.js";
import { Session } from "./session.js";
import { defaultStore, type Store } from "./store.js";
import { read, storedSessions } from "./stored-session.js";
import { type Fetch, Transport } from "./transport.js";
import type { Answer, Arguments, Input, Login, Method, PathOf, Registration } from "./types.js";

export interface Options {
    /** The server's address, for example `http://127.0.0.1:8080`. Empty (the default): the origin of the page. */
    baseUrl?: string;
    /** The language of the server's sentences, `zh` or `en`. By default the browser's. */
    language?: string | (() => string | undefined);
    /** Where tokens and unsent messages are kept: by default `localStorage`, and outside of a browser in memory. */
    store?: Store;
    fetch?: Fetch;
}

const DEVICE = "hongyan.device";
const TAB = "hongyan.account";

export class Hongyan {
    readonly store: Store;
    readonly #transport: Transport;

    constructor({ baseUrl = "", language, store = defaultStore(), fetch = (url, init) => globalThis.fetch(url, init) }: Options = {}) {
        this.store = store;
        this.#transport = new Transport(baseUrl, fetch, typeof language === "function" ? language : () => language);
    }

    /** Calls an operation that needs no token. */
    async call<M extends Method, P extends PathOf<M>>(method: M, path: P, ...[input]: Arguments<M, P>): Promise<Answer<M, P>> {
        const { envelope } = await this.#transport.exchange(exchangeOf(method, path as string, input as Input<M, P> as object));
        return envelope as Answer<M, P>;
    }

    /** Creates an account and logs this tab in. */
    register(registration: Registration): Promise<Account> {
        return this.#enter("/api/register", registration);
    }

    /** Logs this tab in. */
    logIn(by: { uid: string; password: string } | { phone_number: string; password: string }): Promise<Account> {
        return this.#enter("uid" in by ? "/api/login/uid" : "/api/login/phone_number", by);
    }

    /** The accounts that are logged in in this browser. */
    accounts(): Login["user_info"][] {
        return storedSessions(this.store).map((session) => session.user);
    }

    /** Continues a stored login: of this account, or else of the one that this tab used last. */
    resume(user_id = tabStorage()?.getItem(TAB)): Account | null {
        const stored = user_id ? read(this.store, user_id) : null;
        return stored && this.#account(stored.user.user_id, new Session(stored, this.store, this.#transport));
    }

    async #enter(path: string, body: object): Promise<Account> {
        const headers = { "Device-Id": this.#device() };
        const { envelope } = await this.#transport.exchange({ method: "post", path, body, headers });
        const login = envelope?.data as Login;
        return this.#account(login.user_info.user_id, Session.begin(login, this.store, this.#transport));
    }

    #account(user_id: string, session: Session): Account {
        tabStorage()?.setItem(TAB, user_id);
        return new Account(session, this.#transport, this.store);
    }

    /** This device's secret, by which an account knows it: strangers' wrong passwords then do not make its owner wait. */
    #device(): string {
        const device = this.store.get(DEVICE) ?? randomId();
        this.store.set(DEVICE, device);
        return device;
    }
}

/** What belongs to this tab alone; survives its reloads. */
function tabStorage(): Storage | undefined {
    try {
        return globalThis.sessionStorage as Storage | undefined;
    } catch {
        return undefined;
    }
}
