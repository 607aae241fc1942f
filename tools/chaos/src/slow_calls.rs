//! Durations of slow calls, by what they ask for.

use std::time::Duration;

/// What a call asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallPurpose {
    /// A message is sent.
    Send,
    /// Something else is changed.
    Change,
    Read,
}

/// A call that took a while until its answer, whatever that was.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SlowCall {
    pub(crate) purpose: CallPurpose,
    /// By the run's clock.
    pub(crate) begun: u64,
    pub(crate) took: Duration,
}

impl SlowCall {
    /// Shorter calls are not kept.
    pub(crate) const AT_LEAST: Duration = Duration::from_millis(50);
}

/// The longest duration of the calls with this purpose that began before or from this time on.
pub(crate) fn longest(calls: &[SlowCall], purpose: CallPurpose, begun: impl Fn(u64) -> bool) -> Duration {
    let fitting = calls.iter().filter(|call| call.purpose == purpose && begun(call.begun));
    fitting.map(|call| call.took).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_call_is_of_the_purpose_and_the_time_that_are_asked_for() {
        let call = |purpose, begun, millis| SlowCall { purpose, begun, took: Duration::from_millis(millis) };
        let calls = [
            call(CallPurpose::Send, 1, 400),
            call(CallPurpose::Send, 5, 200),
            call(CallPurpose::Read, 5, 900),
        ];
        assert_eq!(longest(&calls, CallPurpose::Send, |_| true), Duration::from_millis(400));
        assert_eq!(longest(&calls, CallPurpose::Send, |begun| begun >= 5), Duration::from_millis(200));
        assert_eq!(longest(&calls, CallPurpose::Change, |_| true), Duration::ZERO);
    }
}
