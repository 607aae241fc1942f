//! Whether what each of the two sees is what the model says.

use domain::account::UserRepository;
use domain::conversation::{
    ConversationPageRequest, ConversationRepository, ConversationSummary, WindowAnchor, WindowLimit,
    WindowRequest,
};
use domain::friendship::{FriendPageRequest, FriendshipRepository};
use domain::message::{Message, MessageContent, Seq};
use domain::search::{SearchPageRequest, SearchRepository, SearchRequest, SearchTerm};

use super::steps::Life;
use super::world::Said;

/// A message as both spell it: place, text or none, and whether one sent it oneself.
type Shown = (i64, Option<String>, bool);

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap()
}

fn expected(who: usize, (seq, said): (usize, &Said)) -> Shown {
    (number(seq), (!said.recalled).then(|| said.text.clone()), said.sender == who)
}

fn found(life: &Life<'_>, who: usize, message: &Message) -> Shown {
    let text = message.content.clone().map(MessageContent::into_inner);
    (message.id.seq.get(), text, message.sender_id == life.people[who])
}

fn same<T: PartialEq + std::fmt::Debug>(who: usize, what: &str, found: T, expected: T) -> Result<(), String> {
    if found == expected {
        Ok(())
    } else {
        Err(format!("{who}'s {what} is {found:?}, the model says {expected:?}"))
    }
}

pub(super) async fn all(life: &Life<'_>) -> Result<(), String> {
    for who in 0..2 {
        list(life, who).await?;
        history(life, who).await?;
        search(life, who).await?;
        friends(life, who).await?;
    }
    Ok(())
}

/// The list of friends, with what one calls them.
async fn friends(life: &Life<'_>, who: usize) -> Result<(), String> {
    let list = life.pool.friendships.list(life.people[who], &FriendPageRequest::default()).await.unwrap();
    let friend = list.items.into_iter().find(|friend| friend.friend_id == life.people[1 - who]);
    let remark = life.model.friends.then(|| life.model.views[who].remark.clone());
    same(who, "friend", friend.map(|friend| friend.remark.as_str().to_owned()), remark)
}

/// The order of the list, and each conversation in it.
async fn list(life: &Life<'_>, who: usize) -> Result<(), String> {
    let page = ConversationPageRequest::default();
    let list = life.pool.conversations.list(life.people[who], &page).await.unwrap().items;
    let (model, view) = (&life.model, &life.model.views[who]);
    let overview = life.pool.users.overview(life.people[who]).await.unwrap().unwrap();
    let unread = list.iter().map(|conversation| conversation.unread_count).sum::<i64>();
    same(who, "unread everywhere", overview.unread_total, unread)?;
    let mut order = vec![(false, model.another_active_at[who], life.another)];
    if model.is_listed(who) {
        order.push((view.pinned, model.active_at, life.people[1 - who]));
    }
    // What has never been active since comes in the order in which it was made: the other one was there first.
    order.sort_by_key(|(pinned, active_at, _)| std::cmp::Reverse((*pinned, *active_at)));
    let friends: Vec<_> = list.iter().map(|conversation| conversation.friend_id).collect();
    same(who, "list", friends, order.into_iter().map(|(.., friend)| friend).collect())?;
    for conversation in &list {
        if conversation.friend_id == life.another {
            same(who, "unread elsewhere", conversation.unread_count, number(view.heard_from_another))?;
        } else {
            shared(life, who, conversation)?;
        }
    }
    Ok(())
}

fn shared(life: &Life<'_>, who: usize, conversation: &ConversationSummary) -> Result<(), String> {
    let model = &life.model;
    same(who, "unread", conversation.unread_count, number(model.unread(who)))?;
    same(who, "remark", conversation.remark.as_str(), &model.views[who].remark)?;
    same(who, "read_seq", conversation.read_seq.get(), number(model.views[who].read))?;
    same(who, "last_seq", conversation.last_seq.get(), number(model.said.len()))?;
    let newest = model.visible(who).pop().map(|newest| expected(who, newest));
    same(who, "preview", conversation.last_message.as_ref().map(|message| found(life, who, message)), newest)
}

/// The history as a whole, and read in small steps in both directions.
async fn history(life: &Life<'_>, who: usize) -> Result<(), String> {
    let whole = window(life, who, WindowAnchor::Newest, 200).await;
    let Some(whole) = whole else { return same(who, "history", life.model.met, false) };
    let visible: Vec<Shown> =
        life.model.visible(who).into_iter().map(|message| expected(who, message)).collect();
    same(who, "history", whole, visible.clone())?;
    let mut forward: Vec<Shown> = Vec::new();
    loop {
        let after = Seq::new(forward.last().map_or(0, |message| message.0));
        let more = window(life, who, WindowAnchor::After(after), 5).await.unwrap_or_default();
        if more.is_empty() {
            break;
        }
        forward.extend(more);
    }
    same(who, "history read forward", forward, visible.clone())?;
    let mut backward: Vec<Shown> = Vec::new();
    loop {
        let before = Seq::new(backward.first().map_or(i64::MAX, |message| message.0));
        let more = window(life, who, WindowAnchor::Before(before), 7).await.unwrap_or_default();
        if more.is_empty() {
            break;
        }
        backward.splice(0..0, more);
    }
    same(who, "history read backward", backward, visible)
}

async fn window(life: &Life<'_>, who: usize, anchor: WindowAnchor, limit: i64) -> Option<Vec<Shown>> {
    let request = WindowRequest { anchor, limit: WindowLimit::parse(limit).unwrap() };
    let window =
        life.pool.conversations.window(life.people[who], life.conversation(), &request).await.unwrap()?;
    assert_eq!(window.is_friend, life.model.friends);
    assert_eq!(window.remark.as_str(), life.model.views[who].remark);
    assert_eq!(window.peer_read_seq.is_some(), life.model.friends);
    Some(window.messages.iter().map(|message| found(life, who, message)).collect())
}

/// What is found is what the history shows, but for the recalled, newest first. Everything else that one has is elsewhere.
async fn search(life: &Life<'_>, who: usize) -> Result<(), String> {
    for (term, wanted) in [("TEXT", ""), ("xt 1", "1")] {
        let request = SearchRequest {
            term: SearchTerm::parse(term).unwrap(),
            conversation: None,
            page: SearchPageRequest::default(),
        };
        let page = life.pool.search.find(life.people[who], &request).await.unwrap().unwrap();
        let found: Vec<Shown> = page.items.iter().map(|message| found(life, who, message)).collect();
        let visible = life.model.visible(who).into_iter().rev();
        let expected: Vec<Shown> = visible
            .filter(|(_, said)| !said.recalled && said.text.ends_with(wanted))
            .map(|shown| expected(who, shown))
            .collect();
        same(who, &format!("search for {term}"), found, expected)?;
    }
    Ok(())
}
