/// Whether an account can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountState {
    /// Its owner can log in.
    Active,
    /// Its owner cannot log in until it is enabled again. To others it looks as before.
    Disabled,
    /// It is gone for ever. Others see in its place that it was erased.
    Erased,
}

impl AccountState {
    /// The state after disabling. None for an account that is no more.
    #[must_use]
    pub const fn disable(self) -> Option<Self> {
        match self {
            Self::Active | Self::Disabled => Some(Self::Disabled),
            Self::Erased => None,
        }
    }

    /// The state after enabling. None for an account that is no more.
    #[must_use]
    pub const fn enable(self) -> Option<Self> {
        match self {
            Self::Active | Self::Disabled => Some(Self::Active),
            Self::Erased => None,
        }
    }

    /// The state after its owner erases it. None unless it is active: nobody else can be logged in.
    #[must_use]
    pub const fn erase(self) -> Option<Self> {
        match self {
            Self::Active => Some(Self::Erased),
            Self::Disabled | Self::Erased => None,
        }
    }
}

/// What is being removed of an erased account. In each stage all its pairs are walked once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErasureStage {
    /// Friendships, requests, blocks, and how the erased one saw its conversations.
    Relations,
    /// What the erased one had deleted for itself, and whole conversations of which both sides are erased.
    ///
    /// It comes last: whoever of two erased ones walks a pair later in this stage finds the other one erased.
    Content,
}

impl ErasureStage {
    /// What an erasure begins with.
    pub const FIRST: Self = Self::Relations;

    /// The stage after this one; none after the last.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match self {
            Self::Relations => Some(Self::Content),
            Self::Content => None,
        }
    }
}
