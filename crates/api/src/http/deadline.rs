//! Deadline of a request: it is shorter while the database stands still, whatever the request waits for.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServiceRequest;
use actix_web::rt::time::{Instant, timeout};
use actix_web::web::Data;

use crate::http::health::ReadinessProbe;

/// The path of long polls. They wait for changes and not for the database; each of their reads has limits of its own.
const LONG_POLL: &str = "/api/auth/sync";

/// The longest time that a request may take.
pub(crate) struct Deadline {
    probe: Option<Data<Arc<dyn ReadinessProbe>>>,
    waits: bool,
}

/// A request was not answered within this time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unanswered(pub(crate) Duration);

impl Deadline {
    /// For example when the database hangs and that is not noticed.
    const LONGEST: Duration = Duration::from_secs(20);
    /// While the database stands still. Otherwise a request could wait for another one of its account, and then for itself.
    const IN_STANDSTILL: Duration = Duration::from_millis(2900);
    /// How often a request that takes longer looks whether the database stands still.
    const LOOK: Duration = Duration::from_millis(100);

    pub(crate) fn of(request: &ServiceRequest) -> Self {
        let probe = request.app_data::<Data<Arc<dyn ReadinessProbe>>>().cloned();
        Self { probe, waits: request.path() == LONG_POLL }
    }

    /// Runs a request within its time. Its work may still complete later.
    ///
    /// # Errors
    /// When the time is over.
    pub(crate) async fn keep<F: Future>(&self, call: F) -> Result<F::Output, Unanswered> {
        let (begun, mut call) = (Instant::now(), pin!(call));
        let mut after = if self.waits { Self::LONGEST } else { Self::IN_STANDSTILL };
        loop {
            if let Ok(answer) = timeout(after.saturating_sub(begun.elapsed()), call.as_mut()).await {
                return Ok(answer);
            }
            let stands_still = || self.probe.as_ref().is_some_and(|probe| probe.stands_still());
            if after >= Self::LONGEST || stands_still() {
                return Err(Unanswered(after));
            }
            after += Self::LOOK;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use actix_web::test::TestRequest;

    use super::*;

    struct Database {
        stands_still: bool,
    }

    #[async_trait::async_trait]
    impl ReadinessProbe for Database {
        async fn is_ready(&self) -> bool {
            true
        }

        fn is_draining(&self) -> bool {
            false
        }

        fn stands_still(&self) -> bool {
            self.stands_still
        }
    }

    /// When a request ends that is never answered.
    async fn end(path: &str, stands_still: bool) -> Unanswered {
        let probe: Arc<dyn ReadinessProbe> = Arc::new(Database { stands_still });
        let request = TestRequest::with_uri(path).app_data(Data::new(probe)).to_srv_request();
        Deadline::of(&request).keep(pending::<()>()).await.unwrap_err()
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_ends_earlier_while_the_database_stands_still() {
        assert_eq!(end("/api/auth/me", true).await, Unanswered(Deadline::IN_STANDSTILL));
        assert_eq!(end("/api/auth/me", false).await, Unanswered(Deadline::LONGEST));
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_poll_waits_while_the_database_stands_still() {
        assert_eq!(end("/api/auth/sync", true).await, Unanswered(Deadline::LONGEST));
    }
}
