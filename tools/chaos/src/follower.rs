//! Checks a client that polls with `?after=`: each message arrives exactly once, in order.

use std::collections::BTreeSet;

/// How far one member has polled a conversation.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Follower {
    reached: i64,
    /// The member has just cleared the conversation, so earlier messages may be missing.
    may_skip: bool,
}

impl Follower {
    pub(crate) const fn reached(self) -> i64 {
        self.reached
    }

    /// Notes that the member cleared the conversation, up to a `seq` that only the database knows.
    pub(crate) const fn cleared(&mut self) {
        self.may_skip = true;
    }

    /// Takes the `seq`s of the next page; `hidden` are those that the member has deleted.
    ///
    /// # Errors
    /// Describes the message that was skipped or repeated.
    pub(crate) fn take(&mut self, page: &[i64], hidden: &BTreeSet<i64>) -> Result<(), String> {
        for seq in page {
            if *seq <= self.reached {
                return Err(format!("{seq} was repeated or arrived too late, after {}", self.reached));
            }
            let missed = (self.reached + 1..*seq).find(|missed| !hidden.contains(missed));
            if let (Some(missed), false) = (missed, self.may_skip) {
                return Err(format!("{missed} was missed: {seq} came after {}", self.reached));
            }
            self.may_skip = false;
            self.reached = *seq;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_seq_arrives_once_and_in_order() {
        let none = BTreeSet::new();
        let mut follower = Follower::default();
        assert_eq!(follower.take(&[1, 2, 3], &none), Ok(()));
        assert_eq!(follower.take(&[], &none), Ok(()));
        assert!(follower.take(&[5], &none).unwrap_err().contains("4 was missed"));
        assert!(follower.take(&[3], &none).unwrap_err().contains("3 was repeated"));
        assert_eq!(follower.take(&[4], &none), Ok(()));
        assert_eq!(follower.reached(), 4);
    }

    #[test]
    fn a_deleted_message_may_be_missing() {
        let mut follower = Follower::default();
        assert_eq!(follower.take(&[1, 4], &BTreeSet::from([2, 3])), Ok(()));
        assert!(follower.take(&[7], &BTreeSet::from([5])).unwrap_err().contains("6 was missed"));
    }

    #[test]
    fn clearing_allows_one_gap() {
        let none = BTreeSet::new();
        let mut follower = Follower::default();
        follower.cleared();
        assert_eq!(follower.take(&[], &none), Ok(()));
        assert_eq!(follower.take(&[9, 10], &none), Ok(()));
        assert!(follower.take(&[12], &none).is_err());
    }
}
