//! Clocks: this machine's, and the database's as this machine tracks it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use domain::clock::Clock;
use domain::error::PortError;
use domain::number::micros;

use crate::db::{self, Connections, Db};
use crate::metrics::Collectors;
use crate::runtime::watched_thread::StallLimits;
use crate::runtime::worker::{Worker, WorkerHandle};

/// This machine's wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the only place that reads this machine's wall clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// The database's clock, without a query per reading: its last known time plus the time that has passed since on this machine's
/// monotonic clock.
///
/// All instances therefore agree, however wrong or unsteady the wall clocks of their machines are. A background worker
/// refreshes the clock, so that it follows when the database's own clock is set. Until the database first answers, this is the
/// machine's wall clock.
pub struct DatabaseClock {
    reading: Arc<Reading>,
    worker: Worker,
    /// Stops the worker when it is dropped.
    _running: WorkerHandle,
}

impl DatabaseClock {
    /// Interval of the refreshes.
    const REFRESH_INTERVAL: Duration = Duration::from_secs(3);

    /// Reads the database's time and starts the worker, which takes a connection of `db` for one short query at a time.
    ///
    /// # Errors
    /// When the system cannot start another thread.
    pub fn start(db: &Db) -> std::io::Result<Self> {
        let reading = Reading::at(SystemClock.now());
        let known = reading.refresh(&db.connections()).inspect_err(|error| {
            tracing::warn!(%error, "cannot read the database's time; using this machine's clock until it answers");
        });
        Self::refreshing(reading, db, known.is_err())
    }

    fn refreshing(reading: Reading, db: &Db, failing: bool) -> std::io::Result<Self> {
        let worker = db.watched_worker("database-clock", StallLimits::REQUESTS)?;
        let reading = Arc::new(reading);
        let (refreshed, connections, failing) =
            (Arc::clone(&reading), db.connections(), AtomicBool::new(failing));
        let running = worker.repeat(Self::REFRESH_INTERVAL, move |stop| {
            let result = refreshed.refresh(&connections);
            let was_failing = failing.swap(result.is_err(), Ordering::Relaxed);
            if let Err(error) = &result
                && !was_failing
                && !stop.is_stopped()
            {
                tracing::warn!(%error, "cannot refresh the database's time");
            }
        })?;
        Ok(Self { reading, worker, _running: running })
    }

    /// Metrics of the worker.
    ///
    /// # Errors
    /// When a metric's name is invalid.
    pub fn collectors(&self) -> std::io::Result<Collectors> {
        self.worker.collectors()
    }
}

impl Clock for DatabaseClock {
    fn now(&self) -> DateTime<Utc> {
        self.reading.now()
    }
}

/// The last known time of the database.
struct Reading {
    started: Instant,
    /// The database's time at `started`, in microseconds since 1970.
    time_at_start: AtomicI64,
}

impl Reading {
    /// A slower answer is ignored: it leaves too much doubt about when it was true.
    const MAX_ROUND_TRIP: Duration = Duration::from_secs(1);

    /// A clock that shows `now`.
    fn at(now: DateTime<Utc>) -> Self {
        Self { started: Instant::now(), time_at_start: AtomicI64::new(now.timestamp_micros()) }
    }

    /// Reads the database's time.
    fn refresh(&self, connections: &Connections) -> Result<(), PortError> {
        connections.with(&|connection| {
            let sent = self.started.elapsed();
            let time = db::now(connection)?;
            self.adjust(time, sent, self.started.elapsed());
            Ok(())
        })
    }

    /// Sets the clock, assuming that `time` was right halfway between the query and its answer.
    fn adjust(&self, time: DateTime<Utc>, sent: Duration, received: Duration) {
        let round_trip = received.saturating_sub(sent);
        if round_trip <= Self::MAX_ROUND_TRIP {
            let since_start = micros(sent.saturating_add(round_trip / 2));
            self.time_at_start.store(time.timestamp_micros().saturating_sub(since_start), Ordering::Relaxed);
        }
    }

    fn now(&self) -> DateTime<Utc> {
        let at_start = DateTime::from_timestamp_micros(self.time_at_start.load(Ordering::Relaxed));
        let passed = TimeDelta::microseconds(micros(self.started.elapsed()));
        at_start.and_then(|time| time.checked_add_signed(passed)).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

#[cfg(test)]
mod tests {
    use test_db::{Template, TestDatabase};

    use super::*;
    use crate::db::DbSettings;

    const SECOND: Duration = Duration::from_secs(1);

    fn clock() -> Reading {
        Reading::at(DateTime::UNIX_EPOCH)
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

    #[test]
    fn the_worker_sets_a_wrong_clock_to_the_databases_time() {
        let database = TestDatabase::create(&Template { key: "bare".to_owned(), prepare: |_| () });
        let url = database.url().to_owned();
        let db = Db::new(&DbSettings {
            url,
            connections: 1,
            reserved: 1,
            queue: 1,
            patience: crate::db::Patience::SERVER,
        })
        .unwrap();
        let clock = DatabaseClock::refreshing(clock(), &db, false).unwrap();
        let deadline = Instant::now() + SECOND * 30;
        while (SystemClock.now() - clock.now()).abs() > TimeDelta::seconds(1) {
            assert!(Instant::now() < deadline, "the clock still shows {}", clock.now());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
