//! Where the servers are right now, and which requests they left without an answer.

use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

/// One life of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) instance: usize,
    /// How often the instance had been started before.
    pub(crate) life: u64,
    /// Such as `http://127.0.0.1:12345`.
    pub(crate) base: String,
}

/// A request that was sent and got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Failure {
    instance: usize,
    life: u64,
    begun: u64,
}

/// The servers, as a load balancer sees them: one that is out gets no new requests.
#[derive(Debug, Default)]
pub(crate) struct Fleet {
    addresses: [RwLock<Option<Address>>; Self::SIZE],
    failures: Mutex<Vec<Failure>>,
}

impl Fleet {
    pub(crate) const SIZE: usize = 2;

    pub(crate) fn put_in(&self, address: Address) {
        if let Some(slot) = self.addresses.get(address.instance) {
            *slot.write().unwrap_or_else(PoisonError::into_inner) = Some(address);
        }
    }

    pub(crate) fn take_out(&self, instance: usize) {
        if let Some(slot) = self.addresses.get(instance) {
            *slot.write().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }

    pub(crate) fn address(&self, instance: usize) -> Option<Address> {
        self.addresses.get(instance)?.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The wanted instance, or the next that is in; waits while none is.
    pub(crate) fn choose(&self, wanted: usize) -> Address {
        loop {
            for step in 0..Self::SIZE {
                if let Some(address) = self.address((wanted + step) % Self::SIZE) {
                    return address;
                }
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn note_failure(&self, address: &Address, begun: u64) {
        let failure = Failure { instance: address.instance, life: address.life, begun };
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).push(failure);
    }

    /// How many requests to this life of a server got no answer that were begun between the two times.
    pub(crate) fn failures(&self, address: &Address, from: u64, to: u64) -> usize {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let same = failures.iter().filter(|one| (one.instance, one.life) == (address.instance, address.life));
        same.filter(|one| (from..to).contains(&one.begun)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(instance: usize, life: u64) -> Address {
        Address { instance, life, base: String::new() }
    }

    #[test]
    fn who_is_out_is_passed_over() {
        let fleet = Fleet::default();
        fleet.put_in(address(0, 0));
        fleet.put_in(address(1, 0));
        assert_eq!(fleet.choose(1).instance, 1);
        fleet.take_out(1);
        assert_eq!(fleet.choose(1).instance, 0);
    }

    #[test]
    fn failures_are_counted_by_life_and_time() {
        let fleet = Fleet::default();
        for begun in [10, 20, 30] {
            fleet.note_failure(&address(1, 4), begun);
        }
        assert_eq!(fleet.failures(&address(1, 4), 10, 30), 2);
        assert_eq!(fleet.failures(&address(1, 5), 10, 30), 0);
        assert_eq!(fleet.failures(&address(0, 4), 10, 30), 0);
    }
}
