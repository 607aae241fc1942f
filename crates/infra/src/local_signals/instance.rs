//! The signals of an instance behind the domain's ports.

use std::sync::Arc;

use domain::conversation::Directed;
use domain::id::UserId;
use domain::realtime::{ChangeListener, ChangeSignals, TypingSignals};

use super::LocalSignals;

/// [`ChangeSignals`] and [`TypingSignals`] of one instance.
#[derive(Clone)]
pub struct InstanceSignals(Arc<LocalSignals>);

impl InstanceSignals {
    /// The signals of the transactions that are committed through one database pool.
    #[must_use]
    pub const fn new(signals: Arc<LocalSignals>) -> Self {
        Self(signals)
    }
}

impl ChangeSignals for InstanceSignals {
    fn listen(&self, account: UserId) -> Box<dyn ChangeListener> {
        Box::new(self.0.listen_here(account))
    }

    fn follow(&self, account: UserId) -> Box<dyn ChangeListener> {
        Box::new(self.0.follow_here(account))
    }
}

impl TypingSignals for InstanceSignals {
    fn pass_on(&self, report: Directed) {
        self.0.pass_on(report);
    }
}
