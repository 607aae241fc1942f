//! Operator commands on PostgreSQL.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use domain::account::{PasswordHash, Uid};
use domain::admin::{
    Account, AccountCursor, AccountDetails, AccountPage, AccountPageRequest, AdminRepository,
};
use domain::auth::EndReason;
use domain::error::PortError;
use domain::id::UserId;
use domain::number::saturating;
use uuid::Uuid;

use super::session;
use super::user::lookup::with_uid;
use crate::db::{self, Db, DbError};
use crate::postgres::change::stamp;
use crate::postgres::row_values::{self, ERASED};
use crate::schema::{erasures, friendships, sessions, users};

/// [`AdminRepository`] on PostgreSQL.
#[derive(Clone)]
pub struct PgAdminRepository {
    db: Arc<Db>,
}

impl PgAdminRepository {
    /// Works on the accounts and sessions in `db`.
    #[must_use]
    pub const fn new(db: Arc<Db>) -> Self {
        Self { db }
    }
}

#[derive(Queryable)]
struct AccountRow {
    id: Uuid,
    uid: String,
    name: String,
    state: String,
    created_at: DateTime<Utc>,
    open_sessions: Option<i64>,
}

impl TryFrom<AccountRow> for Account {
    type Error = DbError;

    fn try_from(row: AccountRow) -> Result<Self, DbError> {
        let user_id = UserId::from_uuid(row.id);
        Ok(Self {
            user_id,
            uid: row_values::display_uid_from_row(user_id, &row.state, &row.uid)?,
            name: row_values::display_name_from_row(user_id, &row.state, &row.name)?,
            state: row_values::account_state(user_id, &row.state)?,
            open_sessions: row.open_sessions.unwrap_or_default(),
            created_at: row.created_at,
        })
    }
}

#[derive(Queryable)]
struct DetailsRow {
    account: AccountRow,
    has_phone_number: bool,
    erased_at: Option<DateTime<Utc>>,
    friends: Option<i64>,
    last_used_at: Option<DateTime<Utc>>,
    is_being_erased: bool,
}

/// The open sessions of the account of the outer query.
#[diesel::dsl::auto_type(no_type_alias)]
fn open_sessions() -> _ {
    let open = sessions::table.filter(sessions::user_id.eq(users::id)).filter(sessions::ended_at.is_null());
    open.count().single_value()
}

fn details(connection: &mut PgConnection, user: UserId) -> Result<Option<AccountDetails>, DbError> {
    let account = (users::id, users::uid, users::name, users::state, users::created_at, open_sessions());
    let friends = friendships::table.filter(friendships::owner_id.eq(users::id)).count().single_value();
    let used = sessions::table.filter(sessions::user_id.eq(users::id));
    let last_used = used.select(diesel::dsl::max(sessions::last_used_at)).single_value();
    let erasing = diesel::dsl::exists(erasures::table.filter(erasures::user_id.eq(users::id)));
    let row: Option<DetailsRow> = users::table
        .find(user.as_uuid())
        .select((account, users::phone_number.is_not_null(), users::erased_at, friends, last_used, erasing))
        .first(connection)
        .optional()?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(AccountDetails {
        account: row.account.try_into()?,
        has_phone_number: row.has_phone_number,
        friends: row.friends.unwrap_or_default(),
        last_used_at: row.last_used_at,
        erased_at: row.erased_at,
        is_being_erased: row.is_being_erased,
    }))
}

fn list(connection: &mut PgConnection, page: &AccountPageRequest) -> Result<AccountPage, DbError> {
    let rows: Vec<AccountRow> = users::table
        .filter(users::id.gt(page.after.map_or_else(Uuid::nil, |after| after.0.as_uuid())))
        .order(users::id)
        .limit(page.limit.get() + 1)
        .select((users::id, users::uid, users::name, users::state, users::created_at, open_sessions()))
        .load(connection)?;
    let accounts = rows.into_iter().map(Account::try_from).collect::<Result<Vec<_>, _>>()?;
    Ok(AccountPage::from_lookahead(accounts, page.limit, |account| AccountCursor(account.user_id)))
}

/// Ends the open sessions of one account, or of all accounts.
fn end(connection: &mut PgConnection, user: Option<UserId>, reason: EndReason) -> Result<u64, DbError> {
    let end = diesel::update(sessions::table).filter(sessions::ended_at.is_null()).set((
        sessions::ended_at.eq(db::clock_timestamp().nullable()),
        sessions::end_reason.eq(session::reason_as_db_str(reason)),
        sessions::changed_in.eq(stamp()),
    ));
    let ended = match user {
        Some(user) => end.filter(sessions::user_id.eq(user.as_uuid())).execute(connection)?,
        None => end.execute(connection)?,
    };
    Ok(saturating(ended))
}

/// The update locks the account's row before the sessions are ended. So a concurrent login with the old password either has
/// committed its session, which is ended here, or fails.
fn set_password(connection: &mut PgConnection, user: UserId, hash: &PasswordHash) -> Result<bool, DbError> {
    let updated = diesel::update(users::table.find(user.as_uuid()))
        .filter(users::state.ne(ERASED))
        .set(users::password_hash.eq(hash.expose()))
        .execute(connection)?;
    if updated == 0 {
        return Ok(false);
    }
    end(connection, Some(user), EndReason::PasswordReset)?;
    Ok(true)
}

#[async_trait]
impl AdminRepository for PgAdminRepository {
    async fn list(&self, page: &AccountPageRequest) -> Result<AccountPage, PortError> {
        let page = page.clone();
        self.db.transaction(move |connection| list(connection, &page)).await
    }

    async fn details(&self, user: UserId) -> Result<Option<AccountDetails>, PortError> {
        self.db.run(move |connection| details(connection, user)).await
    }

    async fn identify(&self, uid: &Uid) -> Result<Option<UserId>, PortError> {
        let uid = uid.clone();
        let find = move |connection: &mut PgConnection| {
            let found = with_uid(&uid).select(users::id).first(connection).optional()?;
            Ok(found.map(UserId::from_uuid))
        };
        self.db.run(find).await
    }

    async fn set_password(&self, user: UserId, hash: &PasswordHash) -> Result<bool, PortError> {
        let hash = hash.clone();
        self.db.transaction(move |connection| set_password(connection, user, &hash)).await
    }

    async fn end_sessions(&self, user: UserId) -> Result<u64, PortError> {
        self.db.transaction(move |connection| end(connection, Some(user), EndReason::EndedByOperator)).await
    }

    async fn end_all_sessions(&self) -> Result<u64, PortError> {
        self.db.transaction(|connection| end(connection, None, EndReason::EndedByOperator)).await
    }
}
