//! Admission control: bulkheads by requester, so that the work of one account or address does not delay that of others.
//!
//! A request is admitted before its work begins. [`Bulkheads`] knows who asks (the account, else the network address), how much of
//! it is in flight and what waits. See docs/fairness.md and ADR 14.

mod export_pass;
mod keyed_limit;
mod requester;
mod tarpit;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::id::UserId;
use tokio::sync::watch;

use crate::response::error::ApiError;
use export_pass::ExportHistory;
pub(crate) use export_pass::ExportPass;
use keyed_limit::{Bounds, KeyedLimit, LaneFull};
pub(crate) use requester::Requester;
pub use tarpit::RefusalRates;
use tarpit::Tarpit;
pub(crate) use tarpit::{HOLD, HeldAnswer};

/// The right of one request to be in flight; it is held until the work is done.
pub(crate) type RequestPermit = keyed_limit::Permit<Requester>;
/// What becomes of a request on arrival.
pub(crate) type RequestArrival = keyed_limit::Arrival<Requester>;

/// How much of one requester is admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdmissionSettings {
    /// Requests of one requester in flight. Less than the database's threads, so that no requester has all of them.
    pub in_flight: usize,
    /// Longest time that a request waits for its turn among the requests of its requester.
    pub patience: Duration,
    /// Exports of one account per hour; `None` for no limit.
    pub exports_per_hour: Option<NonZeroU32>,
    /// Refusals that are answered at once; `None` for no limit.
    pub refusals: Option<RefusalRates>,
}

impl Default for AdmissionSettings {
    fn default() -> Self {
        Self {
            in_flight: Self::MOST_IN_FLIGHT,
            patience: Duration::from_secs(5),
            exports_per_hour: None,
            refusals: None,
        }
    }
}

impl AdmissionSettings {
    /// Requests of one requester in flight, however many threads there are.
    const MOST_IN_FLIGHT: usize = 4;

    /// A quarter of the database's threads, at most four. An account and an address together leave at least half.
    #[must_use]
    pub fn in_flight_of(database_threads: usize) -> usize {
        (database_threads / 4).clamp(1, Self::MOST_IN_FLIGHT)
    }
}

/// The bulkheads of an instance.
pub struct Bulkheads {
    /// Everything with a token that has no limit of its own.
    requests: Arc<KeyedLimit<Requester>>,
    /// Everything without a token that does lasting work. It does not rest: many people can have one address.
    anonymous: Arc<KeyedLimit<Requester>>,
    searches: Arc<KeyedLimit<UserId>>,
    exports: Arc<KeyedLimit<UserId>>,
    export_history: Arc<ExportHistory>,
    tarpit: Arc<Tarpit>,
    waits: Arc<KeyedLimit<UserId>>,
    drain: watch::Sender<bool>,
}

impl Default for Bulkheads {
    fn default() -> Self {
        Self::new(AdmissionSettings::default())
    }
}

/// The `Retry-After` of a request that finds too many of its requester.
const RETRY_AFTER: Duration = Duration::from_secs(1);

impl Bulkheads {
    /// Requests of one requester that wait for their turn.
    const WAITING: usize = 64;
    /// Requests of one account that wait for changes: one for each device.
    const WAITS: usize = 16;

    /// Empty bulkheads.
    #[must_use]
    pub fn new(settings: AdmissionSettings) -> Self {
        let AdmissionSettings { in_flight, patience, exports_per_hour, refusals } = settings;
        Self {
            requests: KeyedLimit::new(Bounds { in_flight, waiting: Self::WAITING, patience, rest: 1 }),
            anonymous: KeyedLimit::new(Bounds { in_flight, waiting: Self::WAITING, patience, rest: 0 }),
            searches: KeyedLimit::new(Bounds { in_flight: 1, waiting: 1, patience, rest: 12 }),
            exports: KeyedLimit::new(Bounds { in_flight: 1, waiting: 0, patience, rest: 0 }),
            export_history: Arc::new(ExportHistory::new(exports_per_hour)),
            tarpit: Tarpit::new(refusals),
            waits: KeyedLimit::new(Bounds { in_flight: Self::WAITS, waiting: 0, patience, rest: 0 }),
            drain: watch::channel(false).0,
        }
    }

    /// Admits, queues or refuses a request that has no limit of its own.
    pub(crate) fn request(&self, requester: Requester) -> RequestArrival {
        match requester {
            Requester::Account(_) => self.requests.arrive(requester),
            Requester::Address(_) => self.anonymous.arrive(requester),
        }
    }

    /// Counts a refused request; returns a place if its answer is to be held back.
    pub(crate) fn refused(&self, requester: Requester) -> Option<HeldAnswer> {
        self.tarpit.refuse(requester, Instant::now())
    }

    /// Waits for the account's turn to search: one search runs, one waits.
    ///
    /// # Errors
    /// `too_many_searches` when two are there already.
    pub(crate) async fn search(&self, account: UserId) -> Result<keyed_limit::Permit<UserId>, ApiError> {
        let refused = |LaneFull| ApiError::throttled("too_many_searches", RETRY_AFTER);
        self.searches.arrive(account).permit().await.map_err(refused)
    }

    /// Admits a request that waits for changes. It holds this permit while it waits, and one of [`Self::request`] while it reads.
    ///
    /// # Errors
    /// `too_many_requests` when the account has 16 of them.
    pub(crate) async fn wait(&self, account: UserId) -> Result<keyed_limit::Permit<UserId>, ApiError> {
        Ok(self.waits.arrive(account).permit().await?)
    }

    /// Ends all waits for changes from now on, because the instance stops.
    pub fn end_waits(&self) {
        self.drain.send_replace(true);
    }

    /// Whether the instance stops.
    pub(crate) fn is_ending(&self) -> bool {
        *self.drain.borrow()
    }

    /// Ends when [`Self::end_waits`] was called.
    pub(crate) async fn waits_end(&self) {
        // The sender lives as long as these bulkheads.
        let _ = self.drain.subscribe().wait_for(|ends| *ends).await;
    }

    /// Admits an export: one of an account at a time, and so many per hour. Its permit is held until its last byte is taken.
    ///
    /// # Errors
    /// `export_in_progress` or `export_quota_used_up`.
    pub(crate) async fn export(&self, account: UserId) -> Result<ExportPass, ApiError> {
        let in_progress = |LaneFull| ApiError::throttled("export_in_progress", export_pass::RETRY_AFTER);
        let permit = self.exports.arrive(account).permit().await.map_err(in_progress)?;
        self.export_history.begin(account, permit, Instant::now())
    }
}

impl From<LaneFull> for ApiError {
    fn from(LaneFull: LaneFull) -> Self {
        Self::throttled("too_many_requests", RETRY_AFTER)
    }
}
