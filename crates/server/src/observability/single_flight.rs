//! Single flight with a short cache: of many callers at once one asks, and its answer serves all for a moment.
//!
//! Probes come as often as their callers like. If each of them asked the database, a few fast ones would fill the probe's
//! queue, and a load balancer would take a healthy instance out.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// The last answer and when it was given.
#[derive(Debug, Default)]
pub(crate) struct SingleFlight(Mutex<Option<(Instant, bool)>>);

impl SingleFlight {
    /// How long an answer serves.
    const FRESH: Duration = Duration::from_millis(250);

    /// The last answer while it is fresh, otherwise that of `ask`. Callers wait while one of them asks.
    pub(crate) async fn get(&self, ask: impl AsyncFnOnce() -> bool) -> bool {
        let mut last = self.0.lock().await;
        if let Some((_, answer)) = last.filter(|(at, _)| at.elapsed() < Self::FRESH) {
            return answer;
        }
        let answer = ask().await;
        *last = Some((Instant::now(), answer));
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_callers_ask_once_and_again_when_the_answer_is_old() {
        let (flight, asked) = (SingleFlight::default(), Cell::new(0));
        let ask = async || {
            asked.set(asked.get() + 1);
            tokio::time::sleep(Duration::from_millis(100)).await;
            asked.get() != 2
        };
        let answers = futures_util::future::join_all((0..50).map(|_| flight.get(ask))).await;
        assert!(answers.iter().all(|answer| *answer));
        assert_eq!(asked.get(), 1);
        tokio::time::advance(SingleFlight::FRESH).await;
        assert!(!flight.get(ask).await, "a new answer counts");
        assert!(!flight.get(ask).await);
        assert_eq!(asked.get(), 2);
    }
}
