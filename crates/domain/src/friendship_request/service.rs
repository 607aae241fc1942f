//! Use-cases of friendship requests: ask, list, answer, withdraw.

use std::sync::Arc;

use super::{
    Answer, AnswerOutcome, AskOutcome, Direction, FriendshipRequestError, FriendshipRequestRepository,
    NewRequest, RequestPage, RequestPageRequest, RequestRules, RequestStatus, VerificationMessage,
};
use crate::conversation::Directed;
use crate::id::{ConversationId, RequestId, UserId};

/// The use-cases on friendship requests.
pub struct FriendshipRequestService {
    requests: Arc<dyn FriendshipRequestRepository>,
    rules: RequestRules,
}

impl FriendshipRequestService {
    /// Uses the given port and the configured rules.
    #[must_use]
    pub fn new(requests: Arc<dyn FriendshipRequestRepository>, rules: RequestRules) -> Self {
        Self { requests, rules }
    }

    /// Sends a request to `receiver`, or accepts the pending request that `receiver` sent to the caller.
    ///
    /// # Errors
    /// [`FriendshipRequestError::SelfTarget`], [`FriendshipRequestError::UnknownUser`],
    /// [`FriendshipRequestError::AlreadyFriends`], [`FriendshipRequestError::AlreadyPending`],
    /// [`FriendshipRequestError::Blocked`], [`FriendshipRequestError::TooManyPending`],
    /// [`FriendshipRequestError::QuotaUsedUp`], [`FriendshipRequestError::TooManyFriends`],
    /// [`FriendshipRequestError::OtherHasTooManyFriends`].
    pub async fn ask(
        &self,
        caller: UserId,
        receiver: UserId,
        message: VerificationMessage,
    ) -> Result<(RequestId, RequestStatus), FriendshipRequestError> {
        let from = Directed::new(caller, receiver).ok_or(FriendshipRequestError::SelfTarget)?;
        let request = NewRequest { from, message, rules: self.rules };
        match self.requests.ask(&request).await? {
            AskOutcome::Created(id) => Ok((id, RequestStatus::Pending)),
            AskOutcome::Accepted(id) => Ok((id, RequestStatus::Accepted)),
            AskOutcome::UnknownUser => Err(FriendshipRequestError::UnknownUser),
            AskOutcome::Refused(refusal) => Err(refusal.into()),
        }
    }

    /// Accepts or rejects a request that the caller received. Returns the conversation of the two if they are friends now.
    ///
    /// # Errors
    /// [`FriendshipRequestError::UnknownRequest`], [`FriendshipRequestError::AlreadyAnswered`],
    /// [`FriendshipRequestError::Expired`], [`FriendshipRequestError::TooManyFriends`],
    /// [`FriendshipRequestError::OtherHasTooManyFriends`].
    pub async fn answer(
        &self,
        caller: UserId,
        request: RequestId,
        answer: Answer,
    ) -> Result<Option<ConversationId>, FriendshipRequestError> {
        into_result(self.requests.answer(request, caller, answer).await?)
    }

    /// Withdraws a request that the caller sent.
    ///
    /// # Errors
    /// [`FriendshipRequestError::UnknownRequest`], [`FriendshipRequestError::AlreadyAnswered`],
    /// [`FriendshipRequestError::Expired`].
    pub async fn withdraw(&self, caller: UserId, request: RequestId) -> Result<(), FriendshipRequestError> {
        into_result(self.requests.withdraw(request, caller).await?).map(drop)
    }

    /// The requests that the caller received or sent, newest first.
    ///
    /// # Errors
    /// Any port error.
    pub async fn list(
        &self,
        caller: UserId,
        direction: Direction,
        page: &RequestPageRequest,
    ) -> Result<RequestPage, FriendshipRequestError> {
        Ok(self.requests.list(caller, direction, page).await?)
    }
}

fn into_result(outcome: AnswerOutcome) -> Result<Option<ConversationId>, FriendshipRequestError> {
    match outcome {
        AnswerOutcome::Accepted(conversation) => Ok(Some(conversation)),
        AnswerOutcome::Done => Ok(None),
        AnswerOutcome::Unknown => Err(FriendshipRequestError::UnknownRequest),
        AnswerOutcome::Refused(refusal) => Err(refusal.into()),
    }
}
