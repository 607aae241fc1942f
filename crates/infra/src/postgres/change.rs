//! Change stamps: the one place where a transaction records what it changed of what clients show.
//!
//! A stamp is the id of the transaction, written into the row whose state changed. [`Changes`] stamps and notes the accounts that
//! are concerned; it is the only way to a [`Noted`] outcome with a change, which every port method that changes something returns.
//! Statements of hot paths carry the stamp themselves ([`STAMP`]) and are noted by [`Changes::stamped`].

use std::marker::PhantomData;

use diesel::PgConnection;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::BigInt;
use domain::conversation::Pair;
use domain::id::{ConversationId, UserId};
use uuid::Uuid;

use crate::db::{DbError, Noted};
use crate::schema::{conversation_members, conversations, users};

/// SQL expression: the id of the running transaction.
pub(in crate::postgres) const STAMP: &str = "pg_current_xact_id()::text::bigint";

/// [`STAMP`] for the query builder.
#[derive(Debug, Clone, Copy, QueryId, ValidGrouping)]
pub(in crate::postgres) struct Stamp(PhantomData<()>);

/// The id of the running transaction.
pub(in crate::postgres) const fn stamp() -> Stamp {
    Stamp(PhantomData)
}

impl Expression for Stamp {
    type SqlType = BigInt;
}

impl<Source> AppearsOnTable<Source> for Stamp {}
impl<Source> SelectableExpression<Source> for Stamp {}

impl QueryFragment<Pg> for Stamp {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(STAMP);
        Ok(())
    }
}

/// What a transaction has stamped, and the accounts that it concerns.
#[derive(Debug, Default)]
pub(in crate::postgres) struct Changes {
    concerned: Vec<UserId>,
}

impl Changes {
    /// The outcome of the transaction, with its notes.
    pub(in crate::postgres) fn with<T>(self, outcome: T) -> Noted<T> {
        Noted { outcome, concerned: self.concerned }
    }

    /// Notes a change whose statement carries the stamp itself.
    pub(in crate::postgres) fn stamped(&mut self, concerned: impl IntoIterator<Item = UserId>) {
        self.concerned.extend(concerned);
    }

    /// A request or the friendship between the two has changed. The caller holds the pair's lock.
    pub(in crate::postgres) fn relation(
        &mut self,
        connection: &mut PgConnection,
        pair: &Pair,
    ) -> Result<(), DbError> {
        self.relations(connection, &[pair.conversation_id().as_uuid()], [pair.lo(), pair.hi()])
    }

    /// As [`Self::relation`], for several pairs whose locks the caller holds.
    pub(in crate::postgres) fn relations(
        &mut self,
        connection: &mut PgConnection,
        pairs: &[Uuid],
        concerned: impl IntoIterator<Item = UserId>,
    ) -> Result<(), DbError> {
        diesel::update(conversations::table.filter(conversations::id.eq_any(pairs)))
            .set((conversations::changed_in.eq(stamp()), conversations::related_in.eq(stamp())))
            .execute(connection)?;
        self.stamped(concerned);
        Ok(())
    }

    /// The member's own entry has changed.
    pub(in crate::postgres) fn member(
        &mut self,
        connection: &mut PgConnection,
        conversation: ConversationId,
        member: UserId,
    ) -> Result<(), DbError> {
        let row = conversation_members::table.find((conversation.as_uuid(), member.as_uuid()));
        diesel::update(row).set(conversation_members::changed_in.eq(stamp())).execute(connection)?;
        self.stamped([member]);
        Ok(())
    }

    /// Something that only the account itself sees has changed. Locks the account's row.
    pub(in crate::postgres) fn own(
        &mut self,
        connection: &mut PgConnection,
        account: UserId,
    ) -> Result<(), DbError> {
        let row = users::table.find(account.as_uuid());
        diesel::update(row).set(users::changed_in.eq(stamp())).execute(connection)?;
        self.stamped([account]);
        Ok(())
    }

    /// What friends see of the account has changed. Locks the account's row. The friends are not noted: there may be thousands.
    pub(in crate::postgres) fn shown(
        &mut self,
        connection: &mut PgConnection,
        account: UserId,
    ) -> Result<(), DbError> {
        let row = users::table.find(account.as_uuid());
        diesel::update(row)
            .set((users::changed_in.eq(stamp()), users::shown_in.eq(stamp())))
            .execute(connection)?;
        self.stamped([account]);
        Ok(())
    }

    /// Whether the account shares how far it reads has changed, and with it the entries of both sides. Locks the account's row.
    pub(in crate::postgres) fn sharing(
        &mut self,
        connection: &mut PgConnection,
        account: UserId,
    ) -> Result<(), DbError> {
        let row = users::table.find(account.as_uuid());
        diesel::update(row).set(users::sharing_in.eq(stamp())).execute(connection)?;
        self.stamped([account]);
        Ok(())
    }
}
