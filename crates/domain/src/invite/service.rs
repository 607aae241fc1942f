//! Use-cases of invites, all of them operators' commands.

use std::sync::Arc;

use super::{Invite, InviteCode, InviteError, InviteRepository, InviteTerms};
use crate::account::RandomSource;
use crate::error::PortError;

/// Creates, lists and revokes invites.
pub struct InviteService {
    invites: Arc<dyn InviteRepository>,
    random: Arc<dyn RandomSource>,
}

impl InviteService {
    /// Attempts to generate a free id; two random ids collide with probability 2⁻²⁵.
    const ID_ATTEMPTS: usize = 5;

    /// Uses the given ports.
    #[must_use]
    pub fn new(invites: Arc<dyn InviteRepository>, random: Arc<dyn RandomSource>) -> Self {
        Self { invites, random }
    }

    /// Creates an invite. Its code is returned only here.
    ///
    /// # Errors
    /// Any port error.
    pub async fn create(&self, terms: InviteTerms) -> Result<(InviteCode, Invite), InviteError> {
        for _ in 0..Self::ID_ATTEMPTS {
            let code = InviteCode::from_random([self.random.bytes()?, self.random.bytes()?]);
            if let Some(invite) = self.invites.create(&code, terms).await? {
                return Ok((code, invite));
            }
        }
        Err(PortError::internal("no free id for an invite was found").into())
    }

    /// All invites, oldest first.
    ///
    /// # Errors
    /// Any port error.
    pub async fn list(&self) -> Result<Vec<Invite>, InviteError> {
        Ok(self.invites.list().await?)
    }

    /// Revokes an invite by its id or by its whole code.
    ///
    /// # Errors
    /// [`InviteError::Unknown`], or any port error.
    pub async fn revoke(&self, typed: &str) -> Result<(), InviteError> {
        let code = InviteCode::parse(typed);
        let id = code.as_ref().map_or(typed, InviteCode::id);
        if self.invites.revoke(id).await? { Ok(()) } else { Err(InviteError::Unknown) }
    }
}
