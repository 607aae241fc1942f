//! The people, who talks to whom, and what all threads share.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::fleet::Fleet;
use crate::history::Clock;
use crate::http::{Call, Client, Method, Reply};
use crate::seen::Members;
use crate::violation::Complaints;

/// Somebody with an account.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) token: String,
}

/// Two friends. Only the first ever deletes for oneself or ends the friendship, so that the second sees everything.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) first: usize,
    pub(crate) second: usize,
    pub(crate) conversation: String,
    /// Whether the first ends the friendship now and then.
    pub(crate) fickle: bool,
}

impl Pair {
    pub(crate) const fn other(&self, one: usize) -> usize {
        if self.first == one { self.second } else { self.first }
    }
}

/// What all threads share.
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) folder: PathBuf,
    pub(crate) clock: Clock,
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) people: Vec<Person>,
    pub(crate) pairs: Vec<Pair>,
    pub(crate) complaints: Complaints,
    pub(crate) acknowledged: AtomicU64,
    pub(crate) over: AtomicBool,
}

impl World {
    /// How many neighbours on either side each person talks to.
    const REACH: usize = 2;
    /// One pair in so many is fickle.
    const FICKLE: usize = 4;

    /// Registers `users` people in a ring of friends, and two more at the end who are the nemesis' probe.
    pub(crate) fn make(seed: u64, users: usize, fleet: Arc<Fleet>, folder: PathBuf) -> anyhow::Result<Self> {
        let clock = Clock::start();
        let mut client = Client::new(Arc::clone(&fleet), clock, &folder.join("journal-setup"))?;
        let people = (0..users + 2).map(|number| register(&mut client, &fleet, number));
        let people: Vec<Person> = people.collect::<anyhow::Result<_>>()?;
        let mut pairs = Vec::new();
        for (number, (first, second)) in ring(users).into_iter().enumerate() {
            let conversation = befriend(&mut client, &fleet, &people, (first, second))?;
            let fickle = first < users && number % Self::FICKLE == 0;
            pairs.push(Pair { first, second, conversation, fickle });
        }
        let (complaints, acknowledged, over) = Default::default();
        Ok(Self { seed, folder, clock, fleet, people, pairs, complaints, acknowledged, over })
    }

    pub(crate) fn person(&self, number: usize) -> anyhow::Result<&Person> {
        self.people.get(number).context("there is no such person")
    }

    pub(crate) fn pair(&self, number: usize) -> anyhow::Result<&Pair> {
        self.pairs.get(number).context("there is no such pair")
    }

    /// The pairs that a person belongs to.
    pub(crate) fn pairs_of(&self, person: usize) -> Vec<usize> {
        let own = self.pairs.iter().enumerate();
        own.filter(|(_, pair)| pair.first == person || pair.second == person)
            .map(|(number, _)| number)
            .collect()
    }

    pub(crate) fn members(&self, pair: &Pair) -> anyhow::Result<Members<'_>> {
        let member = |number| Ok::<_, anyhow::Error>((number, self.person(number)?.id.as_str()));
        Ok(Members([member(pair.first)?, member(pair.second)?]))
    }
}

fn ring(users: usize) -> Vec<(usize, usize)> {
    let mut pairs = std::collections::BTreeSet::new();
    for one in 0..users {
        for step in 1..=World::REACH {
            let other = (one + step) % users;
            if one != other {
                pairs.insert((one.min(other), one.max(other)));
            }
        }
    }
    pairs.into_iter().chain(std::iter::once((users, users + 1))).collect()
}

fn ask(client: &mut Client, fleet: &Fleet, call: &Call<'_>) -> anyhow::Result<Value> {
    match client.call(&fleet.choose(0), call) {
        Reply::Ok(data) => Ok(data),
        other => bail!("{:?} {}: {other:?}", call.method, call.path),
    }
}

fn register(client: &mut Client, fleet: &Fleet, number: usize) -> anyhow::Result<Person> {
    let body = json!({"name": format!("雁 {number}"), "uid": format!("goose_{number:06}"), "password": "飞鸿踏雪泥 1061"});
    let call = Call { method: Method::Post, path: "/api/register".to_owned(), token: "", body: Some(body) };
    let data = ask(client, fleet, &call)?;
    let text = |pointer| Some(data.pointer(pointer)?.as_str()?.to_owned());
    let id = text("/user_info/user_id").context("registering gave no user id")?;
    Ok(Person { id, token: text("/token_class/token").context("registering gave no token")? })
}

/// Makes two people friends by crossing requests and returns their conversation's id.
fn befriend(
    client: &mut Client,
    fleet: &Fleet,
    people: &[Person],
    (first, second): (usize, usize),
) -> anyhow::Result<String> {
    let (Some(first), Some(second)) = (people.get(first), people.get(second)) else {
        bail!("a pair of nobody")
    };
    for (from, to) in [(first, second), (second, first)] {
        ask(client, fleet, &friendship_request(from, to))?;
    }
    let path = "/api/auth/conversations".to_owned();
    let list = ask(client, fleet, &Call { method: Method::Get, path, token: &first.token, body: None })?;
    let found =
        list.as_array().into_iter().flatten().find(|one| one.get("friend_id") == Some(&json!(second.id)));
    let id = found.and_then(|one| one.get("conversation_id")?.as_str());
    Ok(id.context("friends have no conversation")?.to_owned())
}

pub(crate) fn friendship_request<'a>(from: &'a Person, to: &Person) -> Call<'a> {
    let path = "/api/auth/friendship_requests".to_owned();
    Call { method: Method::Post, path, token: &from.token, body: Some(json!({"receiver_id": to.id})) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_friends_and_the_probe_only_itself() {
        let pairs = ring(6);
        for person in 0..6 {
            let friends =
                pairs.iter().filter(|(first, second)| *first == person || *second == person).count();
            assert_eq!(friends, 4, "{person}");
        }
        assert_eq!(pairs.last(), Some(&(6, 7)));
        assert_eq!(ring(2).len(), 2, "two people are one pair, and the probe's");
    }
}
