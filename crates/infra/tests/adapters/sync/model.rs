//! A property test: whatever three people do on two instances, while older transactions are open, a device that applies every answer
//! has the state that a device that starts afresh reads.

use std::sync::Arc;
use std::time::Duration;

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use domain::account::{ProfileChange, UserRepository};
use domain::block::BlockRepository;
use domain::conversation::{ConversationRepository, Preferences};
use domain::friendship::{FriendshipRepository, Remark};
use domain::id::UserId;
use domain::message::{MessageId, MessageRepository, Seq};
use futures_util::future::join_all;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use test_db::cases;
use tokio::runtime::Runtime;

use super::client::Device;
use crate::support::{Database, Pool, directed, draft, pair};
use crate::users::renaming;

const WINDOW: Duration = Duration::from_secs(3600);
const PEOPLE: usize = 3;

/// What one person does to another, on one of the instances.
#[derive(Debug, Clone, Copy)]
struct Step {
    instance: usize,
    who: usize,
    other: usize,
    action: Action,
}

#[derive(Debug, Clone, Copy)]
enum Action {
    Send,
    Recall(i64),
    Delete(i64),
    Read(i64),
    Clear,
    Pin(bool),
    Remark(u8),
    Block(bool),
    Unfriend,
    Befriend,
    Ask,
    Rename(u8),
    Share(bool),
    /// A transaction begins now and writes later.
    Begin,
    /// The oldest open transaction mutes the conversation and commits.
    Commit(bool),
    /// The person's device catches up, by pages of this size.
    CatchUp(i64),
}

fn any_step() -> impl Strategy<Value = Step> {
    let seq = 1..9_i64;
    let action = prop_oneof![
        6 => Just(Action::Send),
        2 => seq.clone().prop_map(Action::Recall),
        2 => seq.clone().prop_map(Action::Delete),
        3 => seq.prop_map(Action::Read),
        1 => Just(Action::Clear),
        1 => any::<bool>().prop_map(Action::Pin),
        1 => (0..3_u8).prop_map(Action::Remark),
        2 => any::<bool>().prop_map(Action::Block),
        1 => Just(Action::Unfriend),
        2 => Just(Action::Befriend),
        1 => Just(Action::Ask),
        1 => (0..3_u8).prop_map(Action::Rename),
        1 => any::<bool>().prop_map(Action::Share),
        2 => Just(Action::Begin),
        2 => any::<bool>().prop_map(Action::Commit),
        5 => (1..4_i64).prop_map(Action::CatchUp),
    ];
    (0..2_usize, 0..PEOPLE, 1..PEOPLE, action).prop_map(|(instance, who, step, action)| Step {
        instance,
        who,
        other: (who + step) % PEOPLE,
        action,
    })
}

/// Three people with a device each, and the transactions that are open.
struct TestRun<'a> {
    database: &'a Database,
    instances: [Arc<Pool>; 2],
    people: Vec<UserId>,
    devices: Vec<Device>,
    open: Vec<PgConnection>,
}

impl TestRun<'_> {
    async fn act(&self, step: Step) {
        let pool = &self.instances[step.instance];
        let (me, other) = (self.people[step.who], self.people[step.other]);
        let conversation = pair(me, other).conversation_id();
        let message = |seq| MessageId { conversation, seq: Seq::new(seq) };
        // What is refused changes nothing.
        match step.action {
            Action::Send => drop(pool.messages.send(draft(me, other, "hello", None)).await),
            Action::Recall(seq) => drop(pool.messages.recall(message(seq), me, WINDOW).await),
            Action::Delete(seq) => drop(pool.messages.delete_for(me, message(seq)).await),
            Action::Read(seq) => drop(pool.conversations.mark_read(me, conversation, Seq::new(seq)).await),
            Action::Clear => drop(pool.conversations.clear(me, conversation).await),
            Action::Pin(on) => {
                let preferences = Preferences { pinned: Some(on), muted: None };
                drop(pool.conversations.set_preferences(me, conversation, preferences).await);
            }
            Action::Remark(text) => {
                let remark = Remark::parse(&format!("remark {text}")).unwrap();
                drop(pool.friendships.set_remark(directed(me, other), &remark).await);
            }
            Action::Block(true) => drop(pool.blocks.block(directed(me, other)).await),
            Action::Block(false) => drop(pool.blocks.unblock(directed(me, other)).await),
            Action::Unfriend => drop(pool.friendships.remove(directed(me, other)).await),
            Action::Befriend => {
                pool.ask(me, other).await;
                pool.ask(other, me).await;
            }
            Action::Ask => drop(pool.ask(me, other).await),
            Action::Rename(text) => {
                drop(pool.users.change_profile(me, &renaming(&format!("Name {text}"))).await);
            }
            Action::Share(on) => {
                let change = ProfileChange { share_read: Some(on), ..ProfileChange::default() };
                drop(pool.users.change_profile(me, &change).await);
            }
            Action::Begin | Action::Commit(_) | Action::CatchUp(_) => {}
        }
    }

    fn begin(&mut self) {
        let mut connection = self.database.connect();
        connection.batch_execute("BEGIN; SELECT pg_current_xact_id()").unwrap();
        self.open.push(connection);
    }

    fn commit(&mut self, step: Step, on: bool) {
        if self.open.is_empty() {
            return;
        }
        let (me, other) = (self.people[step.who], self.people[step.other]);
        let mute = format!(
            "UPDATE conversation_members SET muted = {on}, changed_in = pg_current_xact_id()::text::bigint
              WHERE conversation_id = '{}' AND user_id = '{me}'; COMMIT",
            pair(me, other).conversation_id()
        );
        self.open.remove(0).batch_execute(&mute).unwrap();
    }

    async fn catch_up(&mut self, who: usize, limit: i64) -> Result<(), String> {
        let news = self.devices[who].catch_up(&self.instances[0], limit).await;
        if news.reset {
            return Err(format!("{who} was reset"));
        }
        self.devices[who].difference(&self.instances[1]).await.map_or(Ok(()), Err)
    }
}

/// Executes the steps in groups that run at once.
async fn execute(database: &Database, number: u32, steps: &[Step]) -> Result<(), String> {
    let instances = [database.pool(), database.pool()];
    let mut people = Vec::new();
    for who in 0..PEOPLE {
        people.push(instances[0].person(&format!("person_{number:05}_{who}")).await);
    }
    let devices = people.iter().map(|user| Device::new(*user)).collect();
    let mut run = TestRun { database, instances, people, devices, open: Vec::new() };
    run.instances[0].befriend(run.people[0], run.people[1]).await;
    for group in steps.chunks(3) {
        join_all(group.iter().map(|step| run.act(*step))).await;
        for step in group {
            match step.action {
                Action::Begin => run.begin(),
                Action::Commit(on) => run.commit(*step, on),
                Action::CatchUp(limit) => run.catch_up(step.who, limit).await?,
                _ => {}
            }
        }
    }
    run.open.clear();
    for who in 0..PEOPLE {
        run.catch_up(who, 2).await?;
    }
    Ok(())
}

#[test]
fn a_device_that_applies_every_answer_has_the_state_of_a_fresh_one() {
    let (database, runtime) = (Database::new(), Runtime::new().unwrap());
    let number = std::cell::Cell::new(0_u32);
    let config = Config { cases: cases(15, 100), failure_persistence: None, ..Config::default() };
    let runs = prop::collection::vec(any_step(), 1..60);
    let result = TestRunner::new(config).run(&runs, |steps| {
        number.set(number.get() + 1);
        runtime.block_on(execute(&database, number.get(), &steps)).map_err(TestCaseError::fail)
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}
