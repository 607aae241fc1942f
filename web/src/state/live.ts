// Changes as they happen, by a socket or a long poll. A tab in the background gives its connection up, because a browser has six to a server.

import { type Account, connect, type Connection, Conversations, isTemporary, type Entry } from "@hongyan/client";
import { noteWriting, stopWriting } from "./typing.ts";

interface Follower {
    onList: (conversations: Entry[]) => void;
    /** Lists beside the conversations have changed. */
    onStale: () => void;
    onTrouble: () => void;
    onLive: () => void;
}

/** Whether changes come by themselves, so that polling is only a safeguard. */
export let isLive = false;

let connection: Connection | undefined;

/** Reports that the user is writing. The connection limits how often. */
export const reportTyping = (conversation: string) => connection?.typing(conversation);

/** Follows the account's changes until the returned function is called. */
export function follow(account: Account, { onList, onStale, onTrouble, onLive }: Follower): () => void {
    const conversations = new Conversations();
    let cursor: string | null = null;
    const stop = () => {
        connection?.stop();
        connection = undefined;
        isLive = false;
    };
    const begin = () => {
        const begun = connect(account, {
            cursor,
            conversations,
            onChange: (change) => {
                if (change.type === "typing") {
                    noteWriting(change.conversation_id, change.seconds);
                    return;
                }
                if (change.type === "message" && change.message.sender_id === change.friend_id) {
                    stopWriting(change.conversation_id);
                }
                const isPartial = change.type === "sync" && change.more;
                if (!isPartial) {
                    onList(conversations.list());
                }
                if (change.type === "stale" || change.type === "sync" && change.data.stale.length > 0) {
                    onStale();
                }
            },
            onCursor: (next) => (cursor = next),
            onLive: () => {
                isLive = true;
                onLive();
            },
            onTrouble: () => {
                isLive = false;
                onTrouble();
            },
            onEnd: (error) => {
                // A server without this call is polled.
                isLive = false;
                isTemporary(error) || onTrouble();
            },
        });
        connection = begun;
    };
    const look = () => {
        if (document.visibilityState === "hidden") {
            stop();
        } else if (connection === undefined) {
            begin();
        }
    };
    document.addEventListener("visibilitychange", look);
    look();
    return () => {
        document.removeEventListener("visibilitychange", look);
        stop();
    };
}
