//! Clocks: this machine's, and the database's as this machine tracks it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use diesel::PgConnection;
use domain::clock::Clock;

use crate::db::{self, Db, DbError};

/// This machine's wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the only place that reads this machine's wall clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// The database's clock, without a query per reading: its last known time plus the time that has passed since on this machine's
/// monotonic clock.
///
/// All instances therefore agree, however wrong or unsteady the wall clocks of their machines are. Until the database first
/// answers, this is the machine's wall clock.
#[derive(Debug)]
pub struct DatabaseClock {
    started: Instant,
    /// The database's time at `started`, in microseconds since 1970.
    time_at_start: AtomicI64,
}

impl DatabaseClock {
    /// A slower answer is ignored: it leaves too much doubt about when it was true.
    const MAX_ROUND_TRIP: Duration = Duration::from_secs(1);

    /// Reads the database's time for the first time. If the database does not answer, the next refresh sets the clock: see
    /// [`crate::revoked_sessions::RevokedSessionCache`].
    #[must_use]
    pub fn start(db: &Db) -> Self {
        let wall_clock = SystemClock.now().timestamp_micros();
        let clock = Self { started: Instant::now(), time_at_start: AtomicI64::new(wall_clock) };
        if let Err(error) = db.connections().with(&|connection| clock.refresh(connection)) {
            tracing::warn!(%error, "cannot read the database's time yet; using this machine's clock");
        }
        clock
    }

    /// Reads the database's time.
    pub(crate) fn refresh(&self, connection: &mut PgConnection) -> Result<(), DbError> {
        let sent = self.started.elapsed();
        let time = db::now(connection)?;
        self.adjust(time, sent, self.started.elapsed());
        Ok(())
    }

    /// Sets the clock, assuming that `time` was right halfway between the query and its answer.
    fn adjust(&self, time: DateTime<Utc>, sent: Duration, received: Duration) {
        let round_trip = received.saturating_sub(sent);
        if round_trip <= Self::MAX_ROUND_TRIP {
            let since_start = micros(sent.saturating_add(round_trip / 2));
            self.time_at_start.store(time.timestamp_micros().saturating_sub(since_start), Ordering::Relaxed);
        }
    }
}

impl Clock for DatabaseClock {
    fn now(&self) -> DateTime<Utc> {
        let at_start = DateTime::from_timestamp_micros(self.time_at_start.load(Ordering::Relaxed));
        let passed = TimeDelta::microseconds(micros(self.started.elapsed()));
        at_start.and_then(|time| time.checked_add_signed(passed)).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn clock() -> DatabaseClock {
        DatabaseClock { started: Instant::now(), time_at_start: AtomicI64::new(0) }
    }

    fn time(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn an_answer_is_taken_as_true_halfway_through_its_round_trip() {
        let clock = clock();
        clock.adjust(time(1000), SECOND * 10, SECOND * 11);
        assert_eq!(clock.time_at_start.load(Ordering::Relaxed), 989_500_000);
        let (before, now, after) = (clock.started.elapsed(), clock.now(), clock.started.elapsed());
        let at = |passed| time(0) + TimeDelta::microseconds(989_500_000 + micros(passed));
        assert!(at(before) <= now && now <= at(after), "{now}");
    }

    #[test]
    fn a_slow_answer_is_ignored() {
        let clock = clock();
        clock.adjust(time(1000), SECOND, SECOND * 2 + Duration::from_nanos(1));
        assert_eq!(clock.time_at_start.load(Ordering::Relaxed), 0);
        clock.adjust(time(-5), SECOND, SECOND);
        assert_eq!(clock.time_at_start.load(Ordering::Relaxed), -6_000_000, "the clock may also go back");
    }
}
