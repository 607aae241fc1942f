use std::sync::Arc;
use std::time::Duration;

use super::{
    Answer, AnswerOutcome, AskOutcome, Direction, FriendshipRequestError, FriendshipRequestRepository,
    NewRequest, RequestPage, RequestPageRequest, RequestStatus, VerificationMessage,
};
use crate::conversation::Pair;
use crate::id::{RequestId, UserId};

/// The use-cases on friendship requests.
pub struct FriendshipRequestService {
    requests: Arc<dyn FriendshipRequestRepository>,
    time_to_live: Duration,
}

impl FriendshipRequestService {
    /// Wires the use-cases; a request may be answered for `time_to_live`.
    #[must_use]
    pub fn new(requests: Arc<dyn FriendshipRequestRepository>, time_to_live: Duration) -> Self {
        Self { requests, time_to_live }
    }

    /// Asks `receiver` for friendship; if the receiver has asked already, the two are friends.
    ///
    /// # Errors
    /// [`FriendshipRequestError::Oneself`], [`FriendshipRequestError::UnknownUser`],
    /// [`FriendshipRequestError::AlreadyFriends`], [`FriendshipRequestError::AlreadyPending`],
    /// [`FriendshipRequestError::Blocked`].
    pub async fn ask(
        &self,
        caller: UserId,
        receiver: UserId,
        message: VerificationMessage,
    ) -> Result<(RequestId, RequestStatus), FriendshipRequestError> {
        let pair = Pair::new(caller, receiver).ok_or(FriendshipRequestError::Oneself)?;
        let request = NewRequest { pair, sender: caller, message, time_to_live: self.time_to_live };
        match self.requests.ask(&request).await? {
            AskOutcome::Created(id) => Ok((id, RequestStatus::Pending)),
            AskOutcome::Accepted(id) => Ok((id, RequestStatus::Accepted)),
            AskOutcome::UnknownUser => Err(FriendshipRequestError::UnknownUser),
            AskOutcome::Refused(refusal) => Err(refusal.into()),
        }
    }

    /// Accepts or rejects a request that the caller received.
    ///
    /// # Errors
    /// [`FriendshipRequestError::UnknownRequest`], [`FriendshipRequestError::AlreadyAnswered`],
    /// [`FriendshipRequestError::Expired`].
    pub async fn answer(
        &self,
        caller: UserId,
        request: RequestId,
        answer: Answer,
    ) -> Result<(), FriendshipRequestError> {
        settle(self.requests.answer(request, caller, answer).await?)
    }

    /// Withdraws a request that the caller sent.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub async fn withdraw(&self, caller: UserId, request: RequestId) -> Result<(), FriendshipRequestError> {
        settle(self.requests.withdraw(request, caller).await?)
    }

    /// The requests that the caller received or sent, newest first.
    ///
    /// # Errors
    /// Below the port.
    pub async fn list(
        &self,
        caller: UserId,
        direction: Direction,
        page: &RequestPageRequest,
    ) -> Result<RequestPage, FriendshipRequestError> {
        Ok(self.requests.list(caller, direction, page).await?)
    }
}

fn settle(outcome: AnswerOutcome) -> Result<(), FriendshipRequestError> {
    match outcome {
        AnswerOutcome::Done => Ok(()),
        AnswerOutcome::Unknown => Err(FriendshipRequestError::UnknownRequest),
        AnswerOutcome::Refused(refusal) => Err(refusal.into()),
    }
}
