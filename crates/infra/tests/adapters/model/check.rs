//! Compares what each of the two users sees with the model.

use domain::account::UserRepository;
use domain::conversation::{
    ConversationPageRequest, ConversationRepository, ConversationSummary, WindowAnchor, WindowRequest,
};
use domain::friendship::{FriendPageRequest, FriendshipRepository};
use domain::message::{Message, MessageContent, Seq};
use domain::search::{SearchPageRequest, SearchRepository, SearchRequest, SearchTerm};

use super::reference::ModelMessage;
use super::steps::TestRun;

/// A message as database and model both describe it: `seq`, text, and whether the user sent it.
type VisibleMessage = (i64, Option<String>, bool);

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap()
}

fn expected(who: usize, (seq, message): (usize, &ModelMessage)) -> VisibleMessage {
    (number(seq), (!message.recalled).then(|| message.text.clone()), message.sender == who)
}

fn found(run: &TestRun<'_>, who: usize, message: &Message) -> VisibleMessage {
    let text = message.state.clone().into_text().map(MessageContent::into_inner);
    (message.id.seq.get(), text, message.sender_id == run.people[who])
}

#[expect(clippy::needless_pass_by_value, reason = "the callers pass temporary values")]
fn same<T: PartialEq + std::fmt::Debug>(who: usize, what: &str, found: T, expected: T) -> Result<(), String> {
    if found == expected {
        Ok(())
    } else {
        Err(format!("{who}'s {what} is {found:?}, the model has {expected:?}"))
    }
}

pub(super) async fn all(run: &TestRun<'_>) -> Result<(), String> {
    for who in 0..2 {
        list(run, who).await?;
        history(run, who).await?;
        search(run, who).await?;
        friends(run, who).await?;
    }
    Ok(())
}

/// The friend list with the remark.
async fn friends(run: &TestRun<'_>, who: usize) -> Result<(), String> {
    let list = run.pool.friendships.list(run.people[who], &FriendPageRequest::default()).await.unwrap();
    let friend = list.items.into_iter().find(|friend| friend.friend_id == run.people[1 - who]);
    let remark = run.model.friends.then(|| run.model.views[who].remark.clone());
    same(who, "friend", friend.map(|friend| friend.remark.as_str().to_owned()), remark)
}

/// The order of the conversation list and each conversation in it.
async fn list(run: &TestRun<'_>, who: usize) -> Result<(), String> {
    let page = ConversationPageRequest::default();
    let list = run.pool.conversations.list(run.people[who], &page).await.unwrap().items;
    let (model, view) = (&run.model, &run.model.views[who]);
    let overview = run.pool.users.summary(run.people[who]).await.unwrap().unwrap();
    let unread = list.iter().map(|conversation| conversation.unread_count).sum::<i64>();
    same(who, "unread everywhere", overview.unread_total, unread)?;
    let mut order = vec![(false, model.third_user_active_at[who], run.third_user)];
    if model.is_listed(who) {
        order.push((view.pinned, model.active_at, run.people[1 - who]));
    }
    // Without later activity the order is that of creation: the third user's conversation is the older one.
    order.sort_by_key(|(pinned, active_at, _)| std::cmp::Reverse((*pinned, *active_at)));
    let friends: Vec<_> = list.iter().map(|conversation| conversation.friend_id).collect();
    same(who, "list", friends, order.into_iter().map(|(.., friend)| friend).collect())?;
    for conversation in &list {
        if conversation.friend_id == run.third_user {
            same(who, "unread elsewhere", conversation.unread_count, number(view.received_from_third_user))?;
        } else {
            shared(run, who, conversation)?;
        }
    }
    Ok(())
}

fn shared(run: &TestRun<'_>, who: usize, conversation: &ConversationSummary) -> Result<(), String> {
    let model = &run.model;
    same(who, "unread", conversation.unread_count, number(model.unread(who)))?;
    same(who, "remark", conversation.remark.as_str(), &model.views[who].remark)?;
    same(who, "read_seq", conversation.read_seq.get(), number(model.views[who].read))?;
    same(who, "last_seq", conversation.last_seq.get(), number(model.messages.len()))?;
    let newest = model.visible(who).pop().map(|newest| expected(who, newest));
    same(who, "preview", conversation.last_message.as_ref().map(|message| found(run, who, message)), newest)
}

/// The whole history, and the same history paged in both directions.
async fn history(run: &TestRun<'_>, who: usize) -> Result<(), String> {
    let whole = window(run, who, WindowAnchor::Newest, 200).await;
    let Some(whole) = whole else { return same(who, "history", run.model.met, false) };
    let visible: Vec<VisibleMessage> =
        run.model.visible(who).into_iter().map(|message| expected(who, message)).collect();
    same(who, "history", whole, visible.clone())?;
    let mut forward: Vec<VisibleMessage> = Vec::new();
    loop {
        let after = Seq::new(forward.last().map_or(0, |message| message.0));
        let more = window(run, who, WindowAnchor::After(after), 5).await.unwrap_or_default();
        if more.is_empty() {
            break;
        }
        forward.extend(more);
    }
    same(who, "history read forward", forward, visible.clone())?;
    let mut backward: Vec<VisibleMessage> = Vec::new();
    loop {
        let before = Seq::new(backward.first().map_or(i64::MAX, |message| message.0));
        let more = window(run, who, WindowAnchor::Before(before), 7).await.unwrap_or_default();
        if more.is_empty() {
            break;
        }
        backward.splice(0..0, more);
    }
    same(who, "history read backward", backward, visible)
}

async fn window(
    run: &TestRun<'_>,
    who: usize,
    anchor: WindowAnchor,
    limit: i64,
) -> Option<Vec<VisibleMessage>> {
    let request = WindowRequest::parse(anchor, Some(limit)).unwrap();
    let window =
        run.pool.conversations.window(run.people[who], run.conversation(), &request).await.unwrap()?;
    assert_eq!(window.is_friend, run.model.friends);
    assert_eq!(window.remark.as_str(), run.model.views[who].remark);
    assert_eq!(window.peer_read_seq.is_some(), run.model.friends);
    Some(window.messages.iter().map(|message| found(run, who, message)).collect())
}

/// A search finds the visible, not recalled messages, newest first. The third user's messages are in another conversation.
async fn search(run: &TestRun<'_>, who: usize) -> Result<(), String> {
    for (term, wanted) in [("TEXT", ""), ("xt 1", "1")] {
        let request = SearchRequest {
            term: SearchTerm::parse(term).unwrap(),
            conversation: None,
            page: SearchPageRequest::default(),
        };
        let page = run.pool.search.find(run.people[who], &request).await.unwrap().unwrap();
        let found: Vec<VisibleMessage> = page.items.iter().map(|message| found(run, who, message)).collect();
        let visible = run.model.visible(who).into_iter().rev();
        let expected: Vec<VisibleMessage> = visible
            .filter(|(_, message)| !message.recalled && message.text.ends_with(wanted))
            .map(|shown| expected(who, shown))
            .collect();
        same(who, &format!("search for {term}"), found, expected)?;
    }
    Ok(())
}
