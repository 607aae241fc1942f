//! Users on PostgreSQL: registration, credentials, profiles and uid changes.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::expression::{AppearsOnTable, Expression, ValidGrouping};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use domain::account::{
    AccountSummary, Credentials, LoginIdentifier, NewUser, Nickname, PasswordHash, PhoneNumber, Profile,
    RegisterOutcome, Relation, Uid, UidChange, UidChangeOutcome, User, UserRepository, decide_uid_change,
};
use domain::auth::DeviceName;
use domain::conversation::Pair;
use domain::error::PortError;
use domain::id::UserId;
use uuid::Uuid;

use crate::db::{self, Db, DbError, lower};
use crate::postgres::account_summary;
use crate::postgres::row_values::{self, ACTIVE};
use crate::schema::{friendship_requests, friendships, users};

/// Accounts on PostgreSQL.
#[derive(Clone)]
pub struct PgUserRepository {
    db: Arc<Db>,
}

impl PgUserRepository {
    /// Creates the repository on `db`.
    #[must_use]
    pub const fn new(db: Arc<Db>) -> Self {
        Self { db }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
struct UserRow {
    id: Uuid,
    uid: String,
    name: String,
    phone_number: Option<String>,
    created_at: DateTime<Utc>,
}

impl TryFrom<UserRow> for User {
    type Error = DbError;

    fn try_from(row: UserRow) -> Result<Self, DbError> {
        let id = UserId::from_uuid(row.id);
        let phone_number = row.phone_number.as_deref().map(PhoneNumber::parse).transpose();
        Ok(Self {
            id,
            uid: row_values::uid(id, &row.uid)?,
            name: row_values::nickname(id, &row.name)?,
            phone_number: phone_number.map_err(DbError::stored("users", "phone_number", id))?,
            created_at: row.created_at,
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
struct CredentialsRow {
    #[diesel(embed)]
    user: UserRow,
    password_hash: String,
}

impl TryFrom<CredentialsRow> for Credentials {
    type Error = DbError;

    fn try_from(row: CredentialsRow) -> Result<Self, DbError> {
        Ok(Self { user: row.user.try_into()?, password_hash: PasswordHash::new(row.password_hash) })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
struct ProfileRow {
    id: Uuid,
    uid: String,
    name: String,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
struct CurrentUid {
    uid: String,
    uid_changed_at: Option<DateTime<Utc>>,
}

/// The condition that an account is not erased, as a literal. With a parameter, the generic plan could not prove that
/// the partial index `users_uid_key` (which excludes erased accounts) covers the query.
#[derive(Debug, Clone, Copy, QueryId, ValidGrouping)]
struct NotErased;

impl Expression for NotErased {
    type SqlType = diesel::sql_types::Bool;
}

impl AppearsOnTable<users::table> for NotErased {}

impl QueryFragment<Pg> for NotErased {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("users.state <> 'erased'");
        Ok(())
    }
}

/// The rows of `users` with this uid, ignoring case, by the index `users_uid_key`.
#[diesel::dsl::auto_type]
fn with_uid<'a>(uid: &'a str) -> _ {
    users::table.filter(lower(users::uid).eq(lower(uid))).filter(NotErased)
}

fn register(
    connection: &mut PgConnection,
    user: &NewUser,
    device: &DeviceName,
) -> Result<RegisterOutcome, DbError> {
    let now = db::now(connection)?;
    let inserted = diesel::insert_into(users::table)
        .values((
            users::id.eq(db::new_id(now)?),
            users::uid.eq(user.uid.as_str()),
            users::name.eq(user.name.as_str()),
            users::phone_number.eq(user.phone_number.as_ref().map(PhoneNumber::as_str)),
            users::password_hash.eq(user.password_hash.expose()),
        ))
        .on_conflict_do_nothing()
        .returning(UserRow::as_returning())
        .get_result(connection)
        .optional()?;
    if let Some(row) = inserted {
        let user = User::try_from(row)?;
        let session = super::session::insert(connection, user.id, device, now)?;
        return Ok(RegisterOutcome::Registered(user, session));
    }
    let uid_taken =
        diesel::select(diesel::dsl::exists(with_uid(user.uid.as_str()))).get_result(connection)?;
    Ok(if uid_taken { RegisterOutcome::UidTaken } else { RegisterOutcome::PhoneNumberTaken })
}

fn credentials(
    connection: &mut PgConnection,
    identifier: &LoginIdentifier,
) -> Result<Option<Credentials>, DbError> {
    let row: Option<CredentialsRow> = match identifier {
        LoginIdentifier::Uid(uid) => with_uid(uid.as_str())
            .filter(users::state.eq(ACTIVE))
            .select(CredentialsRow::as_select())
            .first(connection)
            .optional()?,
        LoginIdentifier::PhoneNumber(number) => users::table
            .filter(users::phone_number.eq(number.as_str()))
            .filter(users::state.eq(ACTIVE))
            .select(CredentialsRow::as_select())
            .first(connection)
            .optional()?,
        LoginIdentifier::Account(id) => users::table
            .find(id.as_uuid())
            .filter(users::state.eq(ACTIVE))
            .select(CredentialsRow::as_select())
            .first(connection)
            .optional()?,
    };
    row.map(Credentials::try_from).transpose()
}

/// The relation of `other` to `viewer`.
fn relation(connection: &mut PgConnection, viewer: UserId, other: UserId) -> Result<Relation, DbError> {
    let Some(pair) = Pair::new(viewer, other) else { return Ok(Relation::Own) };
    let friendship = friendships::table.find((viewer.as_uuid(), other.as_uuid()));
    if diesel::select(diesel::dsl::exists(friendship)).get_result(connection)? {
        return Ok(Relation::Friend);
    }
    let sender: Option<Uuid> = friendship_requests::table
        .filter(friendship_requests::conversation_id.eq(pair.conversation_id().as_uuid()))
        .filter(friendship_requests::status.eq("pending"))
        .filter(friendship_requests::expires_at.gt(db::clock_timestamp()))
        .select(friendship_requests::sender_id)
        .first(connection)
        .optional()?;
    Ok(match sender {
        None => Relation::None,
        Some(sender) if sender == viewer.as_uuid() => Relation::RequestSent,
        Some(_) => Relation::RequestReceived,
    })
}

fn profile(connection: &mut PgConnection, viewer: UserId, uid: &Uid) -> Result<Option<Profile>, DbError> {
    let found: Option<ProfileRow> =
        with_uid(uid.as_str()).select(ProfileRow::as_select()).first(connection).optional()?;
    let Some(row) = found else { return Ok(None) };
    let user_id = UserId::from_uuid(row.id);
    Ok(Some(Profile {
        user_id,
        uid: row_values::uid(user_id, &row.uid)?,
        name: row_values::nickname(user_id, &row.name)?,
        relation: relation(connection, viewer, user_id)?,
    }))
}

fn change_uid(
    connection: &mut PgConnection,
    id: UserId,
    wanted: &Uid,
    interval: Duration,
) -> Result<UidChangeOutcome, DbError> {
    let locked: Option<CurrentUid> = users::table
        .find(id.as_uuid())
        .filter(users::state.eq(ACTIVE))
        .select(CurrentUid::as_select())
        .for_no_key_update()
        .first(connection)
        .optional()?;
    let Some(locked) = locked else { return Ok(UidChangeOutcome::UnknownUser) };
    let (current, now) = (row_values::uid(id, &locked.uid)?, db::now(connection)?);
    let change = UidChange { current: &current, wanted, changed_at: locked.uid_changed_at, now, interval };
    if let Err(refusal) = decide_uid_change(&change) {
        return Ok(UidChangeOutcome::Refused(refusal));
    }
    // In a savepoint, because a taken uid shows as a unique violation, which aborts the transaction.
    let updated = connection.transaction(|connection| {
        diesel::update(users::table.find(id.as_uuid()))
            .set((users::uid.eq(wanted.as_str()), users::uid_changed_at.eq(now)))
            .execute(connection)
    });
    match updated {
        Ok(_) => Ok(UidChangeOutcome::Changed),
        Err(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => Ok(UidChangeOutcome::Taken),
        Err(error) => Err(error.into()),
    }
}

#[async_trait]
impl UserRepository for PgUserRepository {
    async fn register(&self, user: &NewUser, device: &DeviceName) -> Result<RegisterOutcome, PortError> {
        let (user, device) = (user.clone(), device.clone());
        self.db.transaction(move |connection| register(connection, &user, &device)).await
    }

    async fn credentials(&self, identifier: &LoginIdentifier) -> Result<Option<Credentials>, PortError> {
        let identifier = identifier.clone();
        self.db.run(move |connection| credentials(connection, &identifier)).await
    }

    async fn overview(&self, id: UserId) -> Result<Option<AccountSummary>, PortError> {
        self.db.run(move |connection| account_summary::find(connection, id)).await
    }

    async fn rename(&self, id: UserId, name: &Nickname) -> Result<Option<AccountSummary>, PortError> {
        let name = name.clone();
        self.db.transaction(move |connection| account_summary::rename(connection, id, &name)).await
    }

    async fn find_by_uid(&self, viewer: UserId, uid: &Uid) -> Result<Option<Profile>, PortError> {
        let uid = uid.clone();
        self.db.run(move |connection| profile(connection, viewer, &uid)).await
    }

    async fn change_uid(
        &self,
        id: UserId,
        wanted: &Uid,
        interval: Duration,
    ) -> Result<UidChangeOutcome, PortError> {
        let wanted = wanted.clone();
        self.db.transaction(move |connection| change_uid(connection, id, &wanted, interval)).await
    }
}
