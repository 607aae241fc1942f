//! What is done to the servers while people live there.

use crate::history::Record;
use crate::stage::Stage;

/// What is done to the servers.
pub(crate) trait Trouble {
    /// Makes trouble to the end, or until something is wrong for good.
    ///
    /// # Errors
    /// When it cannot be made.
    fn make(&mut self) -> anyhow::Result<()>;

    /// Hands everything back, once nobody else asks anything.
    ///
    /// # Errors
    /// When the API answers what it cannot.
    fn retire(self: Box<Self>) -> anyhow::Result<Aftermath>;
}

/// What trouble leaves behind.
pub(crate) struct Aftermath {
    pub(crate) stage: Stage,
    /// What was done, as rows of the table at the end.
    pub(crate) deeds: Vec<(String, String)>,
    /// What the two at the end of the list of people did, who are nobody's friends but each other's.
    pub(crate) probes: [Record; 2],
}
