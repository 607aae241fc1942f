//! The servers' current addresses and the requests that each left unanswered.

use std::time::Duration;

use parking_lot::{Mutex, RwLock};

/// Where one incarnation of a server instance listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerAddress {
    pub(crate) instance: usize,
    /// Number of earlier starts of this instance.
    pub(crate) incarnation: u64,
    /// Such as `http://127.0.0.1:12345`.
    pub(crate) base: String,
}

/// A request that was sent and got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct UnansweredRequest {
    instance: usize,
    incarnation: u64,
    begun: u64,
}

/// The servers as a load balancer sees them: a removed one gets no new requests.
#[derive(Debug, Default)]
pub(crate) struct Fleet {
    addresses: [RwLock<Option<ServerAddress>>; Self::SIZE],
    failures: Mutex<Vec<UnansweredRequest>>,
}

impl Fleet {
    pub(crate) const SIZE: usize = 2;

    pub(crate) fn add(&self, address: ServerAddress) {
        if let Some(slot) = self.addresses.get(address.instance) {
            *slot.write() = Some(address);
        }
    }

    pub(crate) fn remove(&self, instance: usize) {
        if let Some(slot) = self.addresses.get(instance) {
            *slot.write() = None;
        }
    }

    pub(crate) fn address(&self, instance: usize) -> Option<ServerAddress> {
        self.addresses.get(instance)?.read().clone()
    }

    /// The preferred instance, or else the next one available; blocks while there is none.
    pub(crate) fn choose(&self, wanted: usize) -> ServerAddress {
        loop {
            for step in 0..Self::SIZE {
                if let Some(address) = self.address((wanted + step) % Self::SIZE) {
                    return address;
                }
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn note_unanswered(&self, address: &ServerAddress, begun: u64) {
        let failure =
            UnansweredRequest { instance: address.instance, incarnation: address.incarnation, begun };
        self.failures.lock().push(failure);
    }

    /// Number of requests to this incarnation that began between the two times and got no response.
    pub(crate) fn unanswered(&self, address: &ServerAddress, from: u64, to: u64) -> usize {
        let failures = self.failures.lock();
        let same = failures
            .iter()
            .filter(|one| (one.instance, one.incarnation) == (address.instance, address.incarnation));
        same.filter(|one| (from..to).contains(&one.begun)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(instance: usize, incarnation: u64) -> ServerAddress {
        ServerAddress { instance, incarnation, base: String::new() }
    }

    #[test]
    fn a_removed_server_is_not_chosen() {
        let fleet = Fleet::default();
        fleet.add(address(0, 0));
        fleet.add(address(1, 0));
        assert_eq!(fleet.choose(1).instance, 1);
        fleet.remove(1);
        assert_eq!(fleet.choose(1).instance, 0);
    }

    #[test]
    fn unanswered_requests_are_counted_by_incarnation_and_time() {
        let fleet = Fleet::default();
        for begun in [10, 20, 30] {
            fleet.note_unanswered(&address(1, 4), begun);
        }
        assert_eq!(fleet.unanswered(&address(1, 4), 10, 30), 2);
        assert_eq!(fleet.unanswered(&address(1, 5), 10, 30), 0);
        assert_eq!(fleet.unanswered(&address(0, 4), 10, 30), 0);
    }
}
