// Boot: the account of this tab, then the screens by route.

import type { Account } from "@hongyan/client";
import { render } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { account, conversations, enter, go, hongyan, offline, openRequests, route, unreadTotal } from "./state/app.ts";
import { Chat } from "./state/chat.ts";
import "./style/app.css";
import { text } from "./text/index.ts";
import { Avatar } from "./ui/Avatar.tsx";
import { Composer } from "./ui/Composer.tsx";
import { Contacts } from "./ui/Contacts.tsx";
import { Entry } from "./ui/Entry.tsx";
import { List } from "./ui/List.tsx";
import { Timeline } from "./ui/Timeline.tsx";

function Rail({ of }: { of: Account }) {
    const button = (page: "chat" | "contacts", label: string, count: number) => (
        <button aria-current={route.value.page === page} onClick={() => go(page)}>
            {label}{count > 0 && <b class="badge">{count > 99 ? "99+" : count}</b>}
        </button>
    );
    return (
        <nav class="rail">
            <span title={text.myUid(of.user.uid)}><Avatar id={of.user.user_id} name={of.user.name} /></span>
            {button("chat", text.chats, unreadTotal.value)}
            {button("contacts", text.contacts, openRequests.value)}
            <button class="last" onClick={() => void of.logOut().catch(() => undefined)}>{text.logOut}</button>
        </nav>
    );
}

function Pane({ of }: { of: Account }) {
    const conversation = conversations.value.find(({ conversation_id }) => conversation_id === route.value.id);
    const id = conversation?.conversation_id;
    const chat = useMemo(() => conversation && new Chat(of, conversation), [of, id]);
    useEffect(() => () => chat?.close(), [chat]);
    if (!conversation || !chat) {
        return <section class="pane none"><p class="empty">{text.noChatOpen}</p></section>;
    }
    const name = conversation.remark || conversation.friend_name;
    return (
        <section class="pane" aria-label={name} key={id}>
            <header><button class="back" onClick={() => go("chat")}>{text.back}</button><h1><bdi>{name}</bdi></h1></header>
            <Timeline chat={chat} me={of.user.user_id} />
            <Composer chat={chat} me={of.user.user_id} />
        </section>
    );
}

function App() {
    const of = account.value;
    if (!of) {
        return <Entry />;
    }
    const isChat = route.value.page === "chat";
    return (
        <div class={`app${isChat && route.value.id ? " in-chat" : ""}`}>
            <Rail of={of} />
            <main class="list">
                {offline.value && <p class="offline" role="status">{text.offline}</p>}
                {isChat ? <List account={of} /> : <Contacts account={of} />}
            </main>
            <Pane of={of} />
        </div>
    );
}

const resumed = hongyan.resume();
if (resumed) {
    enter(resumed);
}
render(<App />, document.body);
