//! Negative control of [`super::Disaster::StandbyLost`]: messages that only the restarted primary had.
//!
//! A primary that restarts while COMMITs wait for a dead standby shows them as committed, though no standby has them. A server that
//! looked there and believed it would acknowledge what the fail-over then loses. So a run proves something only if the primary showed
//! such messages.

use std::collections::BTreeSet;

use local_postgres::Cluster;

use crate::scenario::FinalDatabase;
use crate::test_bed::DATABASE;

/// The newest messages of a primary before it was lost: place and time.
pub(super) struct ShownMessages(BTreeSet<String>);

const PLACES: &str = "SELECT conversation_id, seq, created_at FROM messages";

impl ShownMessages {
    pub(super) fn of(primary: &Cluster) -> anyhow::Result<Self> {
        let newest = format!("{PLACES} ORDER BY created_at DESC LIMIT 1000");
        Ok(Self(lines(&primary.execute_sql(DATABASE, &newest)?)))
    }

    /// Whether some of them are not in the database that took over.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn have_vanished(&self, successor: &dyn FinalDatabase) -> anyhow::Result<bool> {
        let kept = lines(&successor.execute(PLACES)?);
        Ok(self.0.difference(&kept).next().is_some())
    }
}

fn lines(output: &str) -> BTreeSet<String> {
    output.lines().map(ToOwned::to_owned).collect()
}
