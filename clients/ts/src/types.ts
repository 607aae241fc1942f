// Type-level routing: requests and answers of each operation, looked up in the generated types by method and path.

import type { operations, paths } from "./api.js";

export type Method = "get" | "post" | "put" | "patch" | "delete";

/** The paths that have a method. */
export type PathOf<M extends Method> = {
    [P in keyof paths]: paths[P] extends { [K in M]: { responses: unknown } } ? P : never;
}[keyof paths];

/** The operation of a method on a path. */
export type OperationOf<M extends Method, P extends PathOf<M>> = paths[P] extends { [K in M]: infer O } ? O : never;

type Json<T> = T extends { content: { "application/json": infer B } } ? B : never;

/** The whole answer of a successful call: the envelope with `data`, and what stands beside it. */
export type Answer<M extends Method, P extends PathOf<M>> = OperationOf<M, P> extends { responses: { 200: infer R } } ? Json<R> : never;

/** The `data` of a successful call. */
export type DataOf<M extends Method, P extends PathOf<M>> = Answer<M, P> extends { data: infer D } ? D : undefined;

type Given<O, Kind extends string> = O extends { parameters: { [K in Kind]?: infer V } } ? V : never;
/** A group of parameters: absent, optional or required, as the document has it. */
type Group<Name extends string, V> = [V] extends [never]
    ? unknown
    : [NonNullable<V>] extends [never]
      ? unknown
      : object extends NonNullable<V>
        ? { [K in Name]?: NonNullable<V> }
        : { [K in Name]: NonNullable<V> };
type BodyOf<O> = O extends { requestBody: infer R }
    ? { body: Json<NonNullable<R>> }
    : O extends { requestBody?: infer R }
      ? [NonNullable<R>] extends [never]
          ? unknown
          : { body?: Json<NonNullable<R>> }
      : unknown;

/** What a call takes: the parameters in its path and query, its body, and how to give up. */
export type Input<M extends Method, P extends PathOf<M>> = Group<"path", Given<OperationOf<M, P>, "path">> &
    Group<"query", Given<OperationOf<M, P>, "query">> &
    BodyOf<OperationOf<M, P>> & { signal?: AbortSignal };

/** The arguments after the path: none are needed where every member is optional. */
export type Arguments<M extends Method, P extends PathOf<M>> = object extends Input<M, P> ? [input?: Input<M, P>] : [input: Input<M, P>];

type Refused<R> = { [C in keyof R]: C extends 200 | 304 ? never : Json<R[C]> extends { error: infer E } ? E : never }[keyof R];
type Responses = operations[keyof operations]["responses"];

/** All error names. A newer server may have more. */
export type ErrorName = Responses extends infer R ? (R extends unknown ? Refused<R> : never) : never;

export type Tokens = DataOf<"post", "/api/auth/refresh_token">;
export type Login = DataOf<"post", "/api/login/uid">;
export type Me = DataOf<"get", "/api/auth/me">;
export type Conversation = DataOf<"get", "/api/auth/conversations">[number];
export type ConversationWindow = DataOf<"get", "/api/auth/conversations/{conversation_id}">;
export type Message = ConversationWindow["messages"][number];
export type Registration = Input<"post", "/api/register">["body"];
