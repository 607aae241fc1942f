//! Rate limit of exports by account: a complete export counts for its whole interval, a broken one for a minute.
//!
//! Times are kept in memory, so an account has the quota on each instance, and a restart forgets it.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::id::UserId;
use parking_lot::Mutex;

use super::keyed_limit::Permit;
use crate::response::error::ApiError;

/// The `Retry-After` of an export while another one runs, and the time after which a broken export can be repeated.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// When each account may export again. Only accounts that may not export now are kept.
pub(super) struct ExportHistory {
    /// The least time from the beginning of a complete export to that of the next one.
    interval: Option<Duration>,
    not_before: Mutex<HashMap<UserId, Instant>>,
}

/// The admission of an export. Dropping it ends the export.
pub(crate) struct ExportPass {
    account: UserId,
    begun: Instant,
    complete: bool,
    history: Arc<ExportHistory>,
    _permit: Permit<UserId>,
}

impl ExportHistory {
    pub(super) fn new(per_hour: Option<NonZeroU32>) -> Self {
        Self { interval: per_hour.map(|exports| HOUR / exports.get()), not_before: Mutex::default() }
    }

    /// Begins an export.
    ///
    /// # Errors
    /// `export_quota_used_up` while the last export counts.
    pub(super) fn begin(
        self: &Arc<Self>,
        account: UserId,
        permit: Permit<UserId>,
        now: Instant,
    ) -> Result<ExportPass, ApiError> {
        let mut not_before = self.not_before.lock();
        if let Some(wait) = not_before.get(&account).map(|at| at.saturating_duration_since(now))
            && !wait.is_zero()
        {
            return Err(ApiError::throttled("export_quota_used_up", wait));
        }
        not_before.retain(|_, at| *at > now);
        drop(not_before);
        Ok(ExportPass { account, begun: now, complete: false, history: Arc::clone(self), _permit: permit })
    }

    /// Counts an export that has ended.
    fn end(&self, pass: &ExportPass, now: Instant) {
        let Some(interval) = self.interval else { return };
        let counts_for = if pass.complete { interval } else { interval.min(now - pass.begun + RETRY_AFTER) };
        self.not_before.lock().insert(pass.account, pass.begun + counts_for);
    }
}

impl ExportPass {
    /// Notes that the whole account was read.
    pub(crate) const fn complete(&mut self) {
        self.complete = true;
    }
}

impl Drop for ExportPass {
    fn drop(&mut self) {
        self.history.end(self, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use actix_web::ResponseError;
    use domain::testing::user;

    use super::super::keyed_limit::{Arrival, Bounds, KeyedLimit};
    use super::*;

    fn begin(history: &Arc<ExportHistory>, account: UserId, now: Instant) -> Result<ExportPass, ApiError> {
        let bounds = Bounds { in_flight: 1, waiting: 0, patience: Duration::ZERO, rest: 0 };
        let Arrival::Admitted(permit) = KeyedLimit::new(bounds).arrive(account) else { unreachable!() };
        history.begin(account, permit, now)
    }

    fn refusal(history: &Arc<ExportHistory>, account: UserId, now: Instant) -> String {
        let response = begin(history, account, now).err().unwrap().error_response();
        response.headers().get("retry-after").unwrap().to_str().unwrap().to_owned()
    }

    #[test]
    fn a_complete_export_counts_for_an_hour_and_a_broken_one_for_a_minute() {
        let history = Arc::new(ExportHistory::new(NonZeroU32::new(1)));
        let now = Instant::now();
        let mut complete = begin(&history, user(1), now).unwrap();
        complete.complete();
        drop(complete);
        drop(begin(&history, user(2), now).unwrap());
        let later = now + Duration::from_secs(30);
        assert_eq!(refusal(&history, user(1), later), "3570");
        assert!(refusal(&history, user(2), later).parse::<u64>().unwrap() <= 31);
        begin(&history, user(3), later).unwrap();
        let later = now + Duration::from_secs(70);
        begin(&history, user(2), later).unwrap();
        assert_eq!(refusal(&history, user(1), later), "3530");
        begin(&history, user(1), now + HOUR).unwrap();
    }

    #[test]
    fn accounts_that_may_export_take_no_memory() {
        let history = Arc::new(ExportHistory::new(NonZeroU32::new(1)));
        let now = Instant::now();
        for number in 0..1000 {
            drop(begin(&history, user(number), now).unwrap());
        }
        let later = begin(&history, user(1000), now + 2 * HOUR);
        assert!(later.is_ok() && history.not_before.lock().is_empty());
    }

    #[test]
    fn without_a_quota_nothing_is_counted() {
        let history = Arc::new(ExportHistory::new(None));
        for _ in 0..3 {
            begin(&history, user(1), Instant::now()).unwrap().complete();
        }
    }
}
