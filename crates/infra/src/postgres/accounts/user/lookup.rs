//! Finding users by uid, phone number or id.

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::expression::{AppearsOnTable, Expression, ValidGrouping};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use domain::account::{Credentials, LoginIdentifier, PasswordHash, PhoneNumber, Uid, User};
use domain::id::UserId;
use uuid::Uuid;

use crate::db::{DbError, lower};
use crate::postgres::row_values::{self, ACTIVE};
use crate::schema::users;

#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
pub(super) struct UserRow {
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

/// The condition that an account is not erased, as a literal. With a parameter, the generic plan could not prove that
/// the partial index `users_uid_key` (which excludes erased accounts) covers the query.
#[derive(Debug, Clone, Copy, QueryId, ValidGrouping)]
pub(in crate::postgres::accounts) struct NotErased;

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

/// The rows of `users` with this uid, ignoring case, by the index `users_uid_key`. The column's C collation folds ASCII only;
/// `lower` of a parameter would follow the database's locale, in which `I` may become `ı`.
#[diesel::dsl::auto_type]
pub(in crate::postgres::accounts) fn with_uid(uid: &Uid) -> _ {
    let folded: String = uid.folded();
    users::table.filter(lower(users::uid).eq(folded)).filter(NotErased)
}

/// The account with this identifier, unless it is erased.
pub(in crate::postgres::accounts) fn id_of(
    connection: &mut PgConnection,
    identifier: &LoginIdentifier,
) -> Result<Option<UserId>, DbError> {
    let id: Option<Uuid> = match identifier {
        LoginIdentifier::Uid(uid) => with_uid(uid).select(users::id).first(connection).optional()?,
        LoginIdentifier::PhoneNumber(number) => users::table
            .filter(users::phone_number.eq(number.as_str()))
            .select(users::id)
            .first(connection)
            .optional()?,
        LoginIdentifier::Account(id) => Some(id.as_uuid()),
    };
    Ok(id.map(UserId::from_uuid))
}

pub(super) fn credentials(
    connection: &mut PgConnection,
    identifier: &LoginIdentifier,
) -> Result<Option<Credentials>, DbError> {
    let row: Option<CredentialsRow> = match identifier {
        LoginIdentifier::Uid(uid) => with_uid(uid)
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

/// Compare-and-set of a password hash: of concurrent changes of the password and logins that raise its cost, the first wins.
pub(super) fn replace_hash(
    connection: &mut PgConnection,
    user: UserId,
    verified: &PasswordHash,
    new: &PasswordHash,
) -> Result<bool, DbError> {
    let unchanged = users::table.find(user.as_uuid()).filter(users::password_hash.eq(verified.expose()));
    let updated = diesel::update(unchanged).set(users::password_hash.eq(new.expose())).execute(connection)?;
    Ok(updated == 1)
}
