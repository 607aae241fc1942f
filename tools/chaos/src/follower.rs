//! Whoever asks `?after=` for what is new must get each message once and none too late.

use std::collections::BTreeSet;

/// How far one member has followed a conversation.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Follower {
    reached: i64,
    /// The member has just cleared its side: what was there before may be gone.
    leapable: bool,
}

impl Follower {
    pub(crate) const fn reached(self) -> i64 {
        self.reached
    }

    /// Notes that the member's side was cleared, up to a place that only the database knows.
    pub(crate) const fn cleared(&mut self) {
        self.leapable = true;
    }

    /// Takes the places of the next page in; `hidden` are those that the member has deleted.
    ///
    /// # Errors
    /// Says what was missed or repeated.
    pub(crate) fn take(&mut self, page: &[i64], hidden: &BTreeSet<i64>) -> Result<(), String> {
        for seq in page {
            if *seq <= self.reached {
                return Err(format!("{seq} came again or too late, after {}", self.reached));
            }
            let missed = (self.reached + 1..*seq).find(|missed| !hidden.contains(missed));
            if let (Some(missed), false) = (missed, self.leapable) {
                return Err(format!("{missed} was missed: {seq} came after {}", self.reached));
            }
            self.leapable = false;
            self.reached = *seq;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_comes_once_and_in_turn() {
        let none = BTreeSet::new();
        let mut follower = Follower::default();
        assert_eq!(follower.take(&[1, 2, 3], &none), Ok(()));
        assert_eq!(follower.take(&[], &none), Ok(()));
        assert!(follower.take(&[5], &none).unwrap_err().contains("4 was missed"));
        assert!(follower.take(&[3], &none).unwrap_err().contains("3 came again"));
        assert_eq!(follower.take(&[4], &none), Ok(()));
        assert_eq!(follower.reached(), 4);
    }

    #[test]
    fn what_was_deleted_is_not_missed() {
        let mut follower = Follower::default();
        assert_eq!(follower.take(&[1, 4], &BTreeSet::from([2, 3])), Ok(()));
        assert!(follower.take(&[7], &BTreeSet::from([5])).unwrap_err().contains("6 was missed"));
    }

    #[test]
    fn clearing_allows_one_leap() {
        let none = BTreeSet::new();
        let mut follower = Follower::default();
        follower.cleared();
        assert_eq!(follower.take(&[], &none), Ok(()));
        assert_eq!(follower.take(&[9, 10], &none), Ok(()));
        assert!(follower.take(&[12], &none).is_err());
    }
}
