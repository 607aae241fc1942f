//! The account state machine: active, disabled, erased; and the stages of an erasure.

/// The lifecycle state of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountState {
    /// The owner can log in.
    Active,
    /// The owner cannot log in until the account is enabled again. To others it looks as before.
    Disabled,
    /// Final. Others see a placeholder instead of its name.
    Erased,
}

impl AccountState {
    /// The state after disabling; `None` for an erased account.
    #[must_use]
    pub const fn disable(self) -> Option<Self> {
        match self {
            Self::Active | Self::Disabled => Some(Self::Disabled),
            Self::Erased => None,
        }
    }

    /// The state after enabling; `None` for an erased account.
    #[must_use]
    pub const fn enable(self) -> Option<Self> {
        match self {
            Self::Active | Self::Disabled => Some(Self::Active),
            Self::Erased => None,
        }
    }

    /// The state after an operator erases it; `None` for an erased account.
    #[must_use]
    pub const fn erase_by_operator(self) -> Option<Self> {
        match self {
            Self::Active | Self::Disabled => Some(Self::Erased),
            Self::Erased => None,
        }
    }

    /// The state after its owner erases it; `None` unless it is active, because only then can the owner be logged in.
    #[must_use]
    pub const fn erase(self) -> Option<Self> {
        match self {
            Self::Active => Some(Self::Erased),
            Self::Disabled | Self::Erased => None,
        }
    }
}

/// A stage of an erasure. Each stage walks all pairs of the account once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErasureStage {
    /// Friendships, requests, blocks, and the account's view of its conversations.
    Relations,
    /// The account's deletion marks, and whole conversations whose members are both erased.
    ///
    /// This stage is last: of two erased members, the one that reaches their pair later sees that the other is erased.
    Content,
}

impl ErasureStage {
    /// The first stage.
    pub const FIRST: Self = Self::Relations;

    /// The stage after this one; `None` after the last.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match self {
            Self::Relations => Some(Self::Content),
            Self::Content => None,
        }
    }
}
