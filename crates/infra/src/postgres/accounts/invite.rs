//! Invites on PostgreSQL.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use domain::error::PortError;
use domain::invite::{Invite, InviteCode, InviteRepository, InviteTerms};
use domain::number::saturating;
use sha2::{Digest, Sha256};

use crate::db::{self, Db, DbError};
use crate::schema::invites;

/// Invites on PostgreSQL.
#[derive(Clone)]
pub struct PgInviteRepository {
    db: Arc<Db>,
}

impl PgInviteRepository {
    /// Stores invites in `db`.
    #[must_use]
    pub const fn new(db: Arc<Db>) -> Self {
        Self { db }
    }
}

/// A code has 100 random bits, so that a plain hash cannot be reversed.
fn hash(code: &InviteCode) -> Vec<u8> {
    Sha256::digest(code.expose()).to_vec()
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = invites)]
struct InviteRow {
    id: String,
    uses: i32,
    used: i32,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

impl InviteRow {
    fn into_domain(self, now: DateTime<Utc>) -> Invite {
        let Self { id, uses, used, created_at, expires_at } = self;
        Invite { id, uses, used, created_at, expires_at, is_open: used < uses && now < expires_at }
    }
}

fn create(
    connection: &mut PgConnection,
    code: &InviteCode,
    terms: InviteTerms,
) -> Result<Option<Invite>, DbError> {
    let now = db::now(connection)?;
    let lifetime = TimeDelta::from_std(terms.lifetime).unwrap_or(TimeDelta::MAX);
    let row = diesel::insert_into(invites::table)
        .values((
            invites::id.eq(code.id()),
            invites::code_hash.eq(hash(code)),
            invites::uses.eq(saturating::<i32, _>(terms.uses.get())),
            invites::created_at.eq(now),
            invites::expires_at.eq(now.checked_add_signed(lifetime).unwrap_or(now)),
        ))
        .on_conflict_do_nothing()
        .returning(InviteRow::as_returning())
        .get_result(connection)
        .optional()?;
    Ok(row.map(|row| row.into_domain(now)))
}

fn list(connection: &mut PgConnection) -> Result<Vec<Invite>, DbError> {
    let now = db::now(connection)?;
    let rows = invites::table
        .order((invites::created_at, invites::id))
        .select(InviteRow::as_select())
        .load(connection)?;
    Ok(rows.into_iter().map(|row| row.into_domain(now)).collect())
}

/// The condition that an invite has this code, is not used up and has not expired.
#[diesel::dsl::auto_type]
fn is_open(id: String, code_hash: Vec<u8>) -> _ {
    invites::id
        .eq(id)
        .and(invites::code_hash.eq(code_hash))
        .and(invites::used.lt(invites::uses))
        .and(invites::expires_at.gt(db::clock_timestamp()))
}

fn exists(connection: &mut PgConnection, code: &InviteCode) -> Result<bool, DbError> {
    let open = invites::table.filter(is_open(code.id().to_owned(), hash(code)));
    Ok(diesel::select(diesel::dsl::exists(open)).get_result(connection)?)
}

/// Uses an invite once, until the transaction ends in a rollback. Returns false if it is not open. Of two registrations with the
/// last use one waits here for the other.
pub(super) fn redeem(connection: &mut PgConnection, code: &InviteCode) -> Result<bool, DbError> {
    let used = diesel::update(invites::table.filter(is_open(code.id().to_owned(), hash(code))))
        .set(invites::used.eq(invites::used + 1))
        .execute(connection)?;
    Ok(used == 1)
}

#[async_trait]
impl InviteRepository for PgInviteRepository {
    async fn create(&self, code: &InviteCode, terms: InviteTerms) -> Result<Option<Invite>, PortError> {
        let code = code.clone();
        self.db.transaction(move |connection| create(connection, &code, terms)).await
    }

    async fn list(&self) -> Result<Vec<Invite>, PortError> {
        self.db.run(list).await
    }

    async fn revoke(&self, id: &str) -> Result<bool, PortError> {
        let id = id.to_owned();
        let delete = move |connection: &mut PgConnection| {
            Ok(diesel::delete(invites::table.find(id.as_str())).execute(connection)? == 1)
        };
        self.db.write(delete).await
    }

    async fn is_open(&self, code: &InviteCode) -> Result<bool, PortError> {
        let code = code.clone();
        self.db.run(move |connection| exists(connection, &code)).await
    }
}
