use chrono::{DateTime, Utc};

use crate::account::{AccountState, DisplayName, Uid};
use crate::id::UserId;
use crate::page::{Page, PageRequest};

/// An account, as an operator sees it: nothing that its owner would not want to be shown around.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The account's id.
    pub user_id: UserId,
    /// 微信号; none once the account is erased.
    pub uid: Option<Uid>,
    /// What it is called.
    pub name: DisplayName,
    /// Whether it can be used.
    pub state: AccountState,
    /// How many of its sessions were not ended.
    pub open_sessions: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// One page of the list of accounts, oldest first.
pub type AccountPage = Page<Account, UserId>;
/// Which page of the list of accounts.
pub type AccountPageRequest = PageRequest<UserId, 1000>;
