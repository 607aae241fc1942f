//! The operations, applied to the database and to the model alike.

use std::time::Duration;

use domain::block::BlockRepository;
use domain::conversation::{ConversationRepository, Preferences};
use domain::friendship::{FriendshipRepository, Remark};
use domain::friendship_request::{AskOutcome, AskRefusal, FriendshipRequestRepository};
use domain::id::{ConversationId, UserId};
use domain::message::{MessageId, MessageRepository, RecallOutcome, SendOutcome, SendRefusal, Seq};

use super::check;
use super::reference::{Model, ModelMessage};
use crate::support::{Pool, directed, draft, pair};

/// One operation by one of the two users.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    Send { who: usize, key: Option<u8>, text: u8 },
    Recall { who: usize, place: usize },
    Delete { who: usize, place: usize },
    Read { who: usize, place: usize },
    Clear { who: usize },
    Unfriend { who: usize },
    Befriend { who: usize },
    Block { who: usize, on: bool },
    Pin { who: usize, on: bool },
    Remark { who: usize, text: u8 },
    ReceiveFromThirdUser { who: usize },
}

/// The two users, and a third one who is a friend of both.
pub(super) struct TestRun<'a> {
    pub(super) pool: &'a Pool,
    pub(super) people: [UserId; 2],
    pub(super) third_user: UserId,
    pub(super) model: Model,
    clock: usize,
}

/// Executes the operations and reports the step at which database and model differ.
pub(super) async fn execute(pool: &Pool, number: u32, steps: &[Step]) -> Result<(), String> {
    let person = async |name: &str| pool.person(&format!("{name}_{number:05}")).await;
    let (one, two, third_user) = (person("one").await, person("two").await, person("else").await);
    pool.befriend(third_user, one).await;
    pool.befriend(third_user, two).await;
    let mut run = TestRun { pool, people: [one, two], third_user, model: Model::default(), clock: 0 };
    let acquainted = [Step::Befriend { who: 0 }];
    for (index, step) in acquainted.iter().chain(steps).enumerate() {
        let done = run.apply(*step).await;
        let checked = match done {
            Ok(()) => check::all(&run).await,
            Err(error) => Err(error),
        };
        checked.map_err(|error| format!("step {index}, {step:?}: {error}"))?;
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "the callers pass temporary values")]
fn expect<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what} is {found:?}, the model has {expected:?}")) }
}

impl TestRun<'_> {
    pub(super) fn conversation(&self) -> ConversationId {
        pair(self.people[0], self.people[1]).conversation_id()
    }

    fn message(&self, place: usize) -> MessageId {
        let seq = 1 + place % self.model.messages.len().max(1);
        MessageId { conversation: self.conversation(), seq: Seq::new(i64::try_from(seq).unwrap()) }
    }

    async fn apply(&mut self, step: Step) -> Result<(), String> {
        self.clock += 1;
        match step {
            Step::Send { who, key, text } => self.send(who, key, text).await,
            Step::Recall { who, place } => self.recall(who, place).await,
            Step::Delete { who, place } => self.delete(who, place).await,
            Step::Read { who, place } => self.read(who, place).await,
            Step::Clear { who } => self.clear(who).await,
            Step::Unfriend { who } => self.unfriend(who).await,
            Step::Befriend { who } => self.befriend(who).await,
            Step::Block { who, on } => self.block(who, on).await,
            Step::Pin { who, on } => self.pin(who, on).await,
            Step::Remark { who, text } => self.remark(who, text).await,
            Step::ReceiveFromThirdUser { who } => self.receive_from_third_user(who).await,
        }
    }

    async fn send(&mut self, who: usize, key: Option<u8>, text: u8) -> Result<(), String> {
        let (from, to) = (self.people[who], self.people[1 - who]);
        let (text, key_text) = (format!("text {text}"), key.map(|key| format!("key {key}")));
        let outcome = self.pool.messages.send(draft(from, to, &text, key_text.as_deref())).await;
        let known = key.and_then(|key| {
            self.model.messages.iter().position(|message| message.sender == who && message.key == Some(key))
        });
        let model = &mut self.model;
        let place = |index: usize| Seq::new(i64::try_from(index + 1).unwrap());
        let outcome = match outcome.unwrap() {
            SendOutcome::Sent(message) => Ok(message.id),
            SendOutcome::Refused(refusal) => Err(refusal),
        };
        let sent = |seq| Ok(MessageId { conversation: pair(from, to).conversation_id(), seq });
        let expected = match known {
            Some(index) if model.messages[index].recalled || model.messages[index].text == text => {
                sent(place(index))
            }
            Some(_) => Err(SendRefusal::IdempotencyConflict),
            None if !model.friends => Err(SendRefusal::NotFriends),
            None if model.blocks[1 - who] => Err(SendRefusal::Blocked),
            None => {
                model.messages.push(ModelMessage {
                    sender: who,
                    text,
                    key,
                    recalled: false,
                    deleted_by: [false; 2],
                });
                model.active_at = self.clock;
                sent(place(model.messages.len() - 1))
            }
        };
        expect("the outcome", outcome, expected)
    }

    async fn recall(&mut self, who: usize, place: usize) -> Result<(), String> {
        let message = self.message(place);
        let outcome =
            self.pool.messages.recall(message, self.people[who], Duration::from_secs(3600)).await.unwrap();
        let index = usize::try_from(message.seq.get() - 1).unwrap();
        let allowed = self.model.messages.get(index).is_some_and(|message| message.sender == who);
        if allowed {
            self.model.messages[index].recalled = true;
        }
        expect("whether it was recalled", matches!(outcome, RecallOutcome::Done(_)), allowed)
    }

    async fn delete(&mut self, who: usize, place: usize) -> Result<(), String> {
        let message = self.message(place);
        let deleted = self.pool.messages.delete_for(self.people[who], message).await.unwrap();
        let index = usize::try_from(message.seq.get() - 1).unwrap();
        let exists = index < self.model.messages.len();
        if exists {
            self.model.messages[index].deleted_by[who] = true;
        }
        expect("whether it was deleted", deleted, exists)
    }

    async fn read(&mut self, who: usize, place: usize) -> Result<(), String> {
        let seq = Seq::new(i64::try_from(place).unwrap());
        let position =
            self.pool.conversations.mark_read(self.people[who], self.conversation(), seq).await.unwrap();
        let model = &mut self.model;
        if model.met {
            let view = &mut model.views[who];
            view.read = view.read.max(place.min(model.messages.len()));
        }
        let found = position.map(|position| (position.read_seq.get(), position.unread_count));
        let counts = (self.model.views[who].read, self.model.unread(who));
        let expected = (i64::try_from(counts.0).unwrap(), i64::try_from(counts.1).unwrap());
        expect("the read position", found, self.model.met.then_some(expected))
    }

    async fn clear(&mut self, who: usize) -> Result<(), String> {
        let cleared = self.pool.conversations.clear(self.people[who], self.conversation()).await.unwrap();
        if self.model.met {
            self.cleared_by(who);
        }
        expect("whether it was cleared", cleared, self.model.met)
    }

    fn cleared_by(&mut self, who: usize) {
        let last = self.model.messages.len();
        self.model.views[who].cleared = last;
        self.model.views[who].hidden = true;
    }

    async fn unfriend(&mut self, who: usize) -> Result<(), String> {
        let caller = directed(self.people[who], self.people[1 - who]);
        let removed = self.pool.friendships.remove(caller).await.unwrap();
        let were_friends = std::mem::replace(&mut self.model.friends, false);
        if were_friends {
            self.cleared_by(who);
            self.model.views.iter_mut().for_each(|view| view.remark.clear());
        }
        expect("whether it was ended", removed, were_friends)
    }

    async fn befriend(&mut self, who: usize) -> Result<(), String> {
        let (from, to) = (self.people[who], self.people[1 - who]);
        let asked = self.pool.ask(from, to).await;
        let model = &mut self.model;
        if model.friends {
            return expect("the answer", asked, AskOutcome::Refused(AskRefusal::AlreadyFriends));
        }
        if model.blocks[1 - who] {
            return expect("the answer", asked, AskOutcome::Refused(AskRefusal::Blocked));
        }
        let AskOutcome::Created(request) = asked else { return Err(format!("asking gave {asked:?}")) };
        let answer = domain::friendship_request::Answer::Accept;
        self.pool.requests.answer(request, to, answer).await.unwrap();
        (model.friends, model.met) = (true, true);
        model.views.iter_mut().for_each(|view| view.hidden = false);
        if model.messages.is_empty() {
            model.active_at = self.clock;
        }
        Ok(())
    }

    async fn block(&mut self, who: usize, on: bool) -> Result<(), String> {
        let owner = directed(self.people[who], self.people[1 - who]);
        let done =
            if on { self.pool.blocks.block(owner).await } else { self.pool.blocks.unblock(owner).await };
        self.model.blocks[who] = on;
        expect("whether it was done", done.unwrap(), true)
    }

    async fn pin(&mut self, who: usize, on: bool) -> Result<(), String> {
        let preferences = Preferences { pinned: Some(on), muted: None };
        let conversation = self.conversation();
        let done = self
            .pool
            .conversations
            .set_preferences(self.people[who], conversation, preferences)
            .await
            .unwrap();
        if self.model.met {
            self.model.views[who].pinned = on;
        }
        expect("whether it was pinned", done, self.model.met)
    }

    async fn remark(&mut self, who: usize, text: u8) -> Result<(), String> {
        let owner = directed(self.people[who], self.people[1 - who]);
        let text = if text == 0 { String::new() } else { format!("remark {text}") };
        let remark = Remark::parse(&text).unwrap();
        let noted = self.pool.friendships.set_remark(owner, &remark).await.unwrap();
        if self.model.friends {
            self.model.views[who].remark = text;
        }
        expect("whether it was noted", noted, self.model.friends)
    }

    async fn receive_from_third_user(&mut self, who: usize) -> Result<(), String> {
        self.pool.say(self.third_user, self.people[who], "hello from elsewhere").await;
        self.model.views[who].received_from_third_user += 1;
        self.model.third_user_active_at[who] = self.clock;
        Ok(())
    }
}
