// The pane beside the list: the open chat, or what belongs to the contacts.

import type { Account } from "@hongyan/client";
import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { chatOf } from "../state/chat.ts";
import { conversationOf, isLoaded, nameOf } from "../state/lists.ts";
import { go, route } from "../state/route.ts";
import { writing } from "../state/typing.ts";
import { isNarrow } from "../state/width.ts";
import { text } from "../text/index.ts";
import { Composer } from "./Composer.tsx";
import { Drawer } from "./Drawer.tsx";
import { Icon } from "./Icon.tsx";
import { Lines } from "./Lines.tsx";
import { AddFriend, Requests } from "./People.tsx";
import { Person } from "./Person.tsx";
import { Timeline } from "./Timeline.tsx";
import { Waiting } from "./Waiting.tsx";

const Back = ({ to }: { to: "chat" | "contacts" }) => <button class="plain back" aria-label={text.back} onClick={() => go(to)}><Icon name="back" /></button>;

/** On a phone the pane hides the list, where the lines are otherwise. */
const OnPhone = () => <div class="on-phone">{isNarrow.value && <Lines />}</div>;

/** No live region: a screen reader would interrupt every few seconds. */
const Typing = ({ id }: { id: string }) => (writing.value.has(id) ? <small class="typing">{text.typing}</small> : null);

function ChatPane({ account, id }: { account: Account; id: string }) {
    const chat = useMemo(() => chatOf(account, id), [account, id]);
    const hasDrawer = useSignal(false);
    useEffect(() => {
        chat.open();
        return () => chat.close();
    }, [chat]);
    const { seq } = route.value;
    useEffect(() => {
        if (seq !== undefined) {
            void chat.jump(seq);
        }
    }, [chat, seq]);
    const conversation = conversationOf(id);
    useEffect(() => chat.refresh(), [chat, conversation]);
    const peer = conversation ?? chat.peer.value;
    const name = peer ? nameOf(peer) : "";
    if (!peer && chat.isMissing.value) {
        return <section class="pane plain-pane" aria-label={text.chats}><header><Back to="chat" /></header><OnPhone /><p class="empty">{text.noSuchChat}</p></section>;
    }
    return (
        <section class="pane" aria-label={name}>
            <header>
                <Back to="chat" />
                <h1><bdi>{name}</bdi></h1>
                <Typing id={id} />
                {conversation && <button class="plain square" aria-label={text.chatInfo} aria-haspopup="dialog" onClick={() => (hasDrawer.value = true)}><Icon name="more" /></button>}
            </header>
            <OnPhone />
            <Timeline chat={chat} account={account} />
            <Composer chat={chat} account={account} />
            {hasDrawer.value && conversation && <Drawer account={account} conversation={conversation} onClose={() => (hasDrawer.value = false)} />}
        </section>
    );
}

export function Pane({ account }: { account: Account }) {
    const { page, id } = route.value;
    if (page === "chat") {
        return id && isLoaded.value ? <ChatPane key={id} account={account} id={id} /> : <section class="pane none">{id ? <Waiting /> : <p class="empty">{text.noChatOpen}</p>}</section>;
    }
    if (id === undefined) {
        return <section class="pane none" />;
    }
    const inside = id === "new" ? <Requests account={account} /> : id === "add" ? <AddFriend account={account} /> : <Person account={account} id={id} />;
    return <section class="pane plain-pane" aria-label={text.contacts}><header><Back to="contacts" /></header><OnPhone />{inside}</section>;
}
