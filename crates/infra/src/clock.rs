//! This machine's clock, and the database's as this machine knows it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use diesel::PgConnection;
use domain::clock::Clock;

use crate::db::{self, Db, DbError};

/// Tells the system's time.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the one home of the system's time")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// Tells the database's time without asking for it each time: what it said last, and how much has passed since by a clock
/// that nobody sets.
///
/// So all instances agree, however wrong the clocks of their machines are and however they jump. Until the first answer it
/// tells this machine's time.
#[derive(Debug)]
pub struct DatabaseClock {
    begun: Instant,
    /// What the database's clock showed at `begun`, in microseconds since 1970.
    at_begun: AtomicI64,
}

impl DatabaseClock {
    /// An answer that took longer says too little of when it was right.
    const PATIENCE: Duration = Duration::from_secs(1);

    /// Asks the database for the first time. If it does not answer, it is asked again by whoever is given this clock to
    /// keep it right: see [`crate::ended_sessions::EndedSessionsInMemory`].
    #[must_use]
    pub fn start(db: &Db) -> Self {
        let clock =
            Self { begun: Instant::now(), at_begun: AtomicI64::new(SystemClock.now().timestamp_micros()) };
        if let Err(error) = db.connections().with(&|connection| clock.ask(connection)) {
            tracing::warn!(%error, "the database's time is not known yet");
        }
        clock
    }

    /// Asks the database what time it is.
    pub(crate) fn ask(&self, connection: &mut PgConnection) -> Result<(), DbError> {
        let asked = self.begun.elapsed();
        let told = db::now(connection)?;
        self.learn(told, (asked, self.begun.elapsed()));
        Ok(())
    }

    /// Takes an answer for right at the middle of the time that it took.
    fn learn(&self, told: DateTime<Utc>, (asked, answered): (Duration, Duration)) {
        let took = answered.saturating_sub(asked);
        if took <= Self::PATIENCE {
            let since = micros(asked.saturating_add(took / 2));
            self.at_begun.store(told.timestamp_micros().saturating_sub(since), Ordering::Relaxed);
        }
    }
}

impl Clock for DatabaseClock {
    fn now(&self) -> DateTime<Utc> {
        let begun = DateTime::from_timestamp_micros(self.at_begun.load(Ordering::Relaxed));
        let passed = TimeDelta::microseconds(micros(self.begun.elapsed()));
        begun.and_then(|begun| begun.checked_add_signed(passed)).unwrap_or(DateTime::<Utc>::MAX_UTC)
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
        DatabaseClock { begun: Instant::now(), at_begun: AtomicI64::new(0) }
    }

    fn told(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn an_answer_is_right_at_the_middle_of_the_time_that_it_took() {
        let clock = clock();
        clock.learn(told(1000), (SECOND * 10, SECOND * 11));
        assert_eq!(clock.at_begun.load(Ordering::Relaxed), 989_500_000);
        let (before, now, after) = (clock.begun.elapsed(), clock.now(), clock.begun.elapsed());
        let at = |passed| told(0) + TimeDelta::microseconds(989_500_000 + micros(passed));
        assert!(at(before) <= now && now <= at(after), "{now}");
    }

    #[test]
    fn an_answer_that_took_long_is_not_believed() {
        let clock = clock();
        clock.learn(told(1000), (SECOND, SECOND * 2 + Duration::from_nanos(1)));
        assert_eq!(clock.at_begun.load(Ordering::Relaxed), 0);
        clock.learn(told(-5), (SECOND, SECOND));
        assert_eq!(clock.at_begun.load(Ordering::Relaxed), -6_000_000, "it may also go back");
    }
}
