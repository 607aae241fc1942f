// Boot: the account of this tab, then the screens by route.

import type { Account } from "@hongyan/client";
import { render } from "preact";
import { account, enter, hongyan, learn, notice } from "./state/app.ts";
import { watchNews } from "./state/news.ts";
import { route } from "./state/route.ts";
import { watchVersion } from "./state/version.ts";
import { isNarrow } from "./state/width.ts";
import "./style/app.css";
import "./style/chat.css";
import { text } from "./text/index.ts";
import { Contacts } from "./ui/Contacts.tsx";
import { Asked } from "./ui/Dialog.tsx";
import { Entry } from "./ui/Entry.tsx";
import { Lines } from "./ui/Lines.tsx";
import { List } from "./ui/List.tsx";
import { Menu } from "./ui/Menu.tsx";
import { Pane } from "./ui/Pane.tsx";
import { Rail } from "./ui/Rail.tsx";
import { Results, scope, SearchField, words } from "./ui/Search.tsx";
import { Scroll } from "./ui/Scroll.tsx";
import { Settings } from "./ui/Settings.tsx";
import { announced } from "./ui/Timeline.tsx";

function Screens({ of }: { of: Account }) {
    const { page, id } = route.value;
    if (page === "settings") {
        return <div class="app wide"><Rail of={of} /><main class="pane settings-pane" aria-label={text.settings}><Lines /><Settings account={of} /></main></div>;
    }
    const isSearching = words.value !== "" || scope.value !== undefined;
    return (
        <div class={`app${id ? " in-pane" : ""}`}>
            <Rail of={of} />
            <main class="list">
                <SearchField />
                {!(isNarrow.value && id) && <Lines />}
                {isSearching ? <Scroll key="search"><Results account={of} /></Scroll>
                    : page === "chat" ? <Scroll key="chats" name={`${of.user.user_id} chats`}><List account={of} /></Scroll>
                    : <Scroll key="contacts" name={`${of.user.user_id} contacts`}><Contacts /></Scroll>}
            </main>
            <Pane account={of} />
        </div>
    );
}

function App() {
    const of = account.value;
    return (
        <>
            {of ? <Screens key={of.user.user_id} of={of} /> : <Entry />}
            <Menu />
            <Asked />
            {notice.value && <p class="notice-of-moment" role="status">{notice.value}</p>}
            <p class="hidden" role="status" aria-live="polite"><span key={announced.value.number}>{announced.value.words}</span></p>
        </>
    );
}

learn();
watchVersion();
watchNews();
const resumed = hongyan.resume();
if (resumed) {
    enter(resumed);
}
render(<App />, document.body);
