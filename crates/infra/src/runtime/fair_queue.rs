//! Fair queueing: lanes for kinds of work, and within a lane round robin over flows, the jobs of one client each.
//!
//! A job waits for at most one job of every other flow per job of its own, however many jobs the others have. A full lane makes
//! room by giving up the newest job of its longest flow (longest queue drop), so that one client cannot fill it for all.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// A queue whose lanes and flows take turns.
pub(crate) struct FairQueue<K, J> {
    lanes: Vec<FlowRing<K, J>>,
    /// The lane whose turn is next.
    turn: usize,
}

struct FlowRing<K, J> {
    capacity: usize,
    len: usize,
    flows: HashMap<K, VecDeque<J>>,
    /// The flows with jobs, in the order of their turns.
    ring: VecDeque<K>,
}

/// The result of queueing a job.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Queued<J> {
    /// The job waits for its turn.
    Waits,
    /// The job waits for its turn; this one had to make room.
    InsteadOf(J),
    /// The lane is full, and no other flow has more jobs.
    Full,
}

impl<K: Copy + Eq + Hash, J> FlowRing<K, J> {
    fn new(capacity: usize) -> Self {
        Self { capacity, len: 0, flows: HashMap::new(), ring: VecDeque::new() }
    }

    fn jobs_of(&self, flow: K) -> usize {
        self.flows.get(&flow).map_or(0, VecDeque::len)
    }

    /// The longest flow, if it is longer than this one would be with one more job.
    fn longer_than(&self, flow: K) -> Option<K> {
        let own = self.jobs_of(flow) + 1;
        let longest = self.flows.iter().max_by_key(|(_, jobs)| jobs.len());
        longest.filter(|(_, jobs)| jobs.len() > own).map(|(key, _)| *key)
    }

    /// Jobs of this lane that run before a new job of `flow`.
    fn ahead_of(&self, flow: K) -> usize {
        let own = self.jobs_of(flow);
        let rounds =
            self.flows.iter().map(|(key, jobs)| if *key == flow { own } else { jobs.len().min(own + 1) });
        rounds.sum()
    }

    fn push(&mut self, flow: K, job: J) {
        let jobs = self.flows.entry(flow).or_default();
        if jobs.is_empty() {
            self.ring.push_back(flow);
        }
        jobs.push_back(job);
        self.len += 1;
    }

    /// Removes the newest job of a flow.
    fn give_up_newest(&mut self, flow: K) -> Option<J> {
        let jobs = self.flows.get_mut(&flow)?;
        let job = jobs.pop_back()?;
        if jobs.is_empty() {
            self.flows.remove(&flow);
            self.ring.retain(|key| *key != flow);
        }
        self.len -= 1;
        Some(job)
    }

    fn pop(&mut self) -> Option<J> {
        let flow = self.ring.pop_front()?;
        let jobs = self.flows.get_mut(&flow)?;
        let job = jobs.pop_front()?;
        if jobs.is_empty() {
            self.flows.remove(&flow);
        } else {
            self.ring.push_back(flow);
        }
        self.len -= 1;
        Some(job)
    }
}

impl<K: Copy + Eq + Hash, J> FairQueue<K, J> {
    /// A queue with lanes of these capacities.
    pub(crate) fn new(capacities: &[usize]) -> Self {
        Self { lanes: capacities.iter().map(|capacity| FlowRing::new(*capacity)).collect(), turn: 0 }
    }

    /// Whether a new job of `flow` finds room in its lane, and how many jobs run before it.
    pub(crate) fn ahead_of(&self, lane: usize, flow: K) -> Option<usize> {
        let own = self.lanes.get(lane)?;
        if own.len >= own.capacity && own.longer_than(flow).is_none() {
            return None;
        }
        let ahead = own.ahead_of(flow);
        let others = self.lanes.iter().enumerate().filter(|(number, _)| *number != lane);
        Some(ahead + others.map(|(_, other)| other.len.min(ahead + 1)).sum::<usize>())
    }

    /// Queues a job of `flow`.
    pub(crate) fn push(&mut self, lane: usize, flow: K, job: J) -> Queued<J> {
        let Some(own) = self.lanes.get_mut(lane) else { return Queued::Full };
        if own.len < own.capacity {
            own.push(flow, job);
            return Queued::Waits;
        }
        let Some(given_up) = own.longer_than(flow).and_then(|longest| own.give_up_newest(longest)) else {
            return Queued::Full;
        };
        own.push(flow, job);
        Queued::InsteadOf(given_up)
    }

    /// The next job: of the next lane that has one, of the flow whose turn it is.
    pub(crate) fn pop(&mut self) -> Option<J> {
        let count = self.lanes.len();
        for step in 0..count {
            let lane = (self.turn + step) % count;
            if let Some(job) = self.lanes.get_mut(lane).and_then(FlowRing::pop) {
                self.turn = (lane + 1) % count;
                return Some(job);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Jobs = FairQueue<char, String>;

    /// Queues `count` jobs of a flow, named by the flow and their number.
    fn push(queue: &mut Jobs, lane: usize, flow: char, count: usize) {
        for number in 1..=count {
            assert_eq!(queue.push(lane, flow, format!("{flow}{number}")), Queued::Waits);
        }
    }

    fn drain(queue: &mut Jobs) -> String {
        std::iter::from_fn(|| queue.pop()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn flows_take_turns_and_jobs_of_a_flow_keep_their_order() {
        let mut queue = Jobs::new(&[64]);
        push(&mut queue, 0, 'a', 4);
        push(&mut queue, 0, 'b', 1);
        push(&mut queue, 0, 'c', 2);
        assert_eq!(drain(&mut queue), "a1 b1 c1 a2 c2 a3 a4");
        push(&mut queue, 0, 'b', 1);
        assert_eq!(drain(&mut queue), "b1");
    }

    #[test]
    fn lanes_take_turns() {
        let mut queue = Jobs::new(&[64, 64, 64]);
        push(&mut queue, 0, 'a', 3);
        push(&mut queue, 1, 'r', 5);
        push(&mut queue, 2, 'u', 1);
        assert_eq!(drain(&mut queue), "a1 r1 u1 a2 r2 a3 r3 r4 r5");
    }

    #[test]
    fn a_full_lane_gives_up_the_newest_job_of_the_longest_flow() {
        let mut queue = Jobs::new(&[4, 1]);
        push(&mut queue, 0, 'a', 4);
        assert_eq!(queue.push(0, 'a', "a5".to_owned()), Queued::Full);
        assert_eq!(queue.push(0, 'b', "b1".to_owned()), Queued::InsteadOf("a4".to_owned()));
        assert_eq!(queue.push(0, 'b', "b2".to_owned()), Queued::InsteadOf("a3".to_owned()));
        assert_eq!(queue.push(0, 'b', "b3".to_owned()), Queued::Full, "both have two");
        assert!(matches!(queue.push(0, 'c', "c1".to_owned()), Queued::InsteadOf(_)), "a flow without a job");
        push(&mut queue, 1, 'r', 1);
        let order = drain(&mut queue);
        assert!(["a1 r1 b1 c1 a2", "a1 r1 b1 c1 b2"].contains(&order.as_str()), "{order}");
    }

    #[test]
    fn the_jobs_ahead_are_those_that_run_before() {
        for (lanes, lane, flow) in [
            (vec!["", ""], 0, 'b'),
            (vec!["aaaa", ""], 0, 'b'),
            (vec!["aaaa", ""], 0, 'a'),
            (vec!["aaaabbc", "rrr"], 0, 'b'),
            (vec!["aaaabbc", "rrr"], 0, 'd'),
            (vec!["aaaabbc", "rrr"], 1, 'a'),
            (vec!["abcdefgh", "rs"], 1, 'r'),
        ] {
            let mut queue = Jobs::new(&[64, 64]);
            for (number, flows) in lanes.iter().enumerate() {
                flows.chars().for_each(|flow| push(&mut queue, number, flow, 1));
            }
            let ahead = queue.ahead_of(lane, flow).unwrap();
            assert_eq!(queue.push(lane, flow, "new".to_owned()), Queued::Waits);
            let order = drain(&mut queue);
            let before = order.split(' ').take_while(|job| *job != "new").count();
            assert!(before <= ahead && ahead <= before + 1, "{lanes:?} {lane} {flow}: {ahead}, {order}");
        }
    }

    #[test]
    fn a_full_lane_has_room_for_a_shorter_flow_only() {
        let mut queue = Jobs::new(&[3, 3]);
        push(&mut queue, 0, 'a', 3);
        assert_eq!((queue.ahead_of(0, 'a'), queue.ahead_of(0, 'b')), (None, Some(1)));
        assert_eq!(queue.ahead_of(1, 'a'), Some(1), "lanes have room of their own");
    }
}
