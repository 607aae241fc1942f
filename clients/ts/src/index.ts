// A client of Hongyan. Start with `Hongyan`; see README.md.

export { Account, type SendOptions, type Sent } from "./account.js";
export type { components, operations, paths } from "./api.js";
export { connect, type ConnectOptions, Connection } from "./connect.js";
export { type Change, Conversations, type Entry, type StaleList, type Synced } from "./conversations.js";
export { History, type WindowQuery } from "./history.js";
export { Hongyan, type Options } from "./hongyan.js";
export { randomId } from "./ids.js";
export { Outbox, type OutboxListener, type Outgoing } from "./outbox.js";
export { Poll, type PollOptions } from "./poll.js";
export { type End, isTemporary, Refusal, SessionEnded, Unreachable } from "./refusal.js";
export { type ListPath, type RowOf, Rows } from "./rows.js";
export { Session } from "./session.js";
export { BrowserStore, MemoryStore, type Store, type StoreListener } from "./store.js";
export type { Fetch } from "./transport.js";
export type * from "./types.js";
