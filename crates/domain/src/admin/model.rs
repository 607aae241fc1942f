//! An account as operators list it, and the keyset cursor of that list.

use chrono::{DateTime, Utc};

use crate::account::{AccountState, DisplayName, Uid};
use crate::answer_size::AnswerItem;
use crate::id::UserId;
use crate::page::{Page, PageKey, PageRequest};

/// An account as shown to an operator. It contains no phone number and no content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The account's id.
    pub user_id: UserId,
    /// 微信号; `None` once the account is erased.
    pub uid: Option<Uid>,
    /// The account's name.
    pub name: DisplayName,
    /// Whether it is active, disabled or erased.
    pub state: AccountState,
    /// The number of sessions that have not been ended.
    pub open_sessions: i64,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
}

/// An account with what an operator asks about one: also without its phone number and without content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountDetails {
    /// The account.
    pub account: Account,
    /// Whether it has a phone number to log in with.
    pub has_phone_number: bool,
    /// The number of its friends.
    pub friends: i64,
    /// When one of its sessions was last opened or refreshed; `None` if it has no session any more.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was erased.
    pub erased_at: Option<DateTime<Utc>>,
    /// Whether it is erased and a part of its data still waits for a server to delete it.
    pub is_being_erased: bool,
}

impl AnswerItem for Account {
    const OTHER_BYTES: usize = 200;

    fn visit_texts(&self, visit: &mut dyn FnMut(&str)) {
        self.name.visit_text(visit);
    }
}

/// The sort key of the list of accounts. Ids are ordered by time of creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountCursor(pub UserId);

impl PageKey for AccountCursor {
    const MAX_ROWS: i64 = 1000;
}

/// One page of the list of accounts, oldest first.
pub type AccountPage = Page<Account, AccountCursor>;
/// A request for one page of the list of accounts.
pub type AccountPageRequest = PageRequest<AccountCursor>;
