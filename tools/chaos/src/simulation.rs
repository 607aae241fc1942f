//! The users, their friendships, and the state that all threads share.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::fleet::Fleet;
use crate::history::RunClock;
use crate::http::{ApiCall, ApiClient, CallResult, Method};
use crate::observed::ConversationMembers;
use crate::violation::ViolationLog;

/// A registered account.
#[derive(Debug, Clone)]
pub(crate) struct UserAccount {
    pub(crate) id: String,
    pub(crate) token: String,
}

/// Two friends. Only the first member deletes messages and ends the friendship, so the second always sees everything.
#[derive(Debug, Clone)]
pub(crate) struct FriendPair {
    pub(crate) first: usize,
    pub(crate) second: usize,
    pub(crate) conversation: String,
    /// Whether the first member ends the friendship from time to time.
    pub(crate) unsteady: bool,
}

impl FriendPair {
    pub(crate) const fn other(&self, one: usize) -> usize {
        if self.first == one { self.second } else { self.first }
    }
}

/// The state that all threads share.
pub(crate) struct Simulation {
    pub(crate) seed: u64,
    pub(crate) folder: PathBuf,
    pub(crate) clock: RunClock,
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) accounts: Vec<UserAccount>,
    pub(crate) pairs: Vec<FriendPair>,
    pub(crate) violations: ViolationLog,
    pub(crate) acknowledged: AtomicU64,
    pub(crate) over: AtomicBool,
}

impl Simulation {
    /// How many neighbours on either side each user is friends with.
    const NEIGHBOURS: usize = 2;
    /// One pair in this many is unsteady.
    const UNSTEADY_EVERY: usize = 4;

    /// Registers `users` accounts in a ring of friends, and two more at the end that the nemesis uses as a probe.
    pub(crate) fn make(seed: u64, users: usize, fleet: Arc<Fleet>, folder: PathBuf) -> anyhow::Result<Self> {
        let clock = RunClock::start();
        let mut client = ApiClient::new(Arc::clone(&fleet), clock, &folder.join("journal-setup"))?;
        let accounts = (0..users + 2).map(|number| register(&mut client, &fleet, number));
        let accounts: Vec<UserAccount> = accounts.collect::<anyhow::Result<_>>()?;
        let mut pairs = Vec::new();
        for (number, (first, second)) in ring(users).into_iter().enumerate() {
            let conversation = befriend(&mut client, &fleet, &accounts, [first, second])?;
            let unsteady = first < users && number % Self::UNSTEADY_EVERY == 0;
            pairs.push(FriendPair { first, second, conversation, unsteady });
        }
        let (violations, acknowledged, over) = Default::default();
        Ok(Self { seed, folder, clock, fleet, accounts, pairs, violations, acknowledged, over })
    }

    pub(crate) fn person(&self, number: usize) -> anyhow::Result<&UserAccount> {
        self.accounts.get(number).context("there is no such account")
    }

    pub(crate) fn pair(&self, number: usize) -> anyhow::Result<&FriendPair> {
        self.pairs.get(number).context("there is no such pair")
    }

    /// The pairs that a user belongs to.
    pub(crate) fn pairs_of(&self, person: usize) -> Vec<usize> {
        let own = self.pairs.iter().enumerate();
        own.filter(|(_, pair)| pair.first == person || pair.second == person)
            .map(|(number, _)| number)
            .collect()
    }

    pub(crate) fn members(&self, pair: &FriendPair) -> anyhow::Result<ConversationMembers<'_>> {
        let member = |number| Ok::<_, anyhow::Error>((number, self.person(number)?.id.as_str()));
        Ok(ConversationMembers([member(pair.first)?, member(pair.second)?]))
    }
}

fn ring(users: usize) -> Vec<(usize, usize)> {
    let mut pairs = std::collections::BTreeSet::new();
    for one in 0..users {
        for step in 1..=Simulation::NEIGHBOURS {
            let other = (one + step) % users;
            if one != other {
                pairs.insert((one.min(other), one.max(other)));
            }
        }
    }
    pairs.into_iter().chain(std::iter::once((users, users + 1))).collect()
}

/// Repeats a call that a busy machine refuses for a moment. One that was carried out all the same is then refused for good.
fn ask(client: &mut ApiClient, fleet: &Fleet, call: &ApiCall<'_>) -> anyhow::Result<Value> {
    let mut attempts = 0;
    loop {
        match client.call(&fleet.choose(0), call) {
            CallResult::Ok(data) => return Ok(data),
            CallResult::Unknown(_) if attempts < 10 => attempts += 1,
            other => bail!("{:?} {}: {other:?}", call.method, call.path),
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// The password of all accounts.
pub(crate) const PASSWORD: &str = "飞鸿踏雪泥 1061";

/// The uid of an account.
pub(crate) fn uid(number: usize) -> String {
    format!("goose_{number:06}")
}

fn register(client: &mut ApiClient, fleet: &Fleet, number: usize) -> anyhow::Result<UserAccount> {
    let body = json!({"name": format!("雁 {number}"), "uid": uid(number), "password": PASSWORD});
    let call =
        ApiCall { method: Method::Post, path: "/api/register".to_owned(), token: "", body: Some(body) };
    let data = ask(client, fleet, &call)?;
    let text = |pointer| Some(data.pointer(pointer)?.as_str()?.to_owned());
    let id = text("/user_info/user_id").context("the registration returned no user id")?;
    Ok(UserAccount { id, token: text("/token_class/token").context("the registration returned no token")? })
}

/// Makes two users friends by requests in both directions and returns their conversation's id.
fn befriend(
    client: &mut ApiClient,
    fleet: &Fleet,
    accounts: &[UserAccount],
    pair: [usize; 2],
) -> anyhow::Result<String> {
    let [Some(first), Some(second)] = pair.map(|number| accounts.get(number)) else {
        bail!("a pair has no accounts")
    };
    for (from, to) in [(first, second), (second, first)] {
        ask(client, fleet, &friendship_request(from, to))?;
    }
    let path = "/api/auth/conversations".to_owned();
    let list = ask(client, fleet, &ApiCall { method: Method::Get, path, token: &first.token, body: None })?;
    let found =
        list.as_array().into_iter().flatten().find(|one| one.get("friend_id") == Some(&json!(second.id)));
    let id = found.and_then(|one| one.get("conversation_id")?.as_str());
    Ok(id.context("the friends have no conversation")?.to_owned())
}

pub(crate) fn friendship_request<'a>(from: &'a UserAccount, to: &UserAccount) -> ApiCall<'a> {
    let path = "/api/auth/friendship_requests".to_owned();
    ApiCall { method: Method::Post, path, token: &from.token, body: Some(json!({"receiver_id": to.id})) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_user_has_four_friends_and_the_probe_pair_is_apart() {
        let pairs = ring(6);
        for person in 0..6 {
            let friends =
                pairs.iter().filter(|(first, second)| *first == person || *second == person).count();
            assert_eq!(friends, 4, "{person}");
        }
        assert_eq!(pairs.last(), Some(&(6, 7)));
        assert_eq!(ring(2).len(), 2, "one pair of users and the probe pair");
    }
}
