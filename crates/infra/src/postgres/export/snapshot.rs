//! A consistent snapshot of one account's data, read part by part in a repeatable-read transaction.

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use domain::account::User;
use domain::error::PortError;
use domain::export::ExportPart;
use domain::id::UserId;

use super::conversations::ConversationReader;
use super::sections::{self, Section};
use crate::db::{Db, DbError, ErrorClass};
use crate::postgres::accounts::summary;

/// The transaction writes nothing and takes no row locks. If its reader stalls for a minute, the server ends it.
const BEGIN: &str = "SET idle_in_transaction_session_timeout = '60s'; SET statement_timeout = '5s'; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// An open transaction on a connection of its own. Dropping it ends both.
pub(super) struct Snapshot {
    connection: PgConnection,
    user: UserId,
    position: Position,
}

/// The part to read next.
enum Position {
    /// The account, already read to check that it is active.
    Account(Box<User>),
    /// A page of a list.
    Section(Section),
    /// The conversations with their messages.
    Conversations(ConversationReader),
}

fn fault(error: DbError) -> PortError {
    if error.class() == ErrorClass::Bug {
        PortError::internal(error)
    } else {
        PortError::unavailable(Db::RETRY_AFTER, error)
    }
}

impl Snapshot {
    /// Opens a snapshot for an account; `None` if it is not active.
    pub(super) fn open(url: &str, user: UserId) -> Result<Option<Self>, PortError> {
        let mut connection = Db::connect(url)?;
        let begun = connection.batch_execute(BEGIN).map_err(DbError::from);
        let found = begun.and_then(|()| summary::find(&mut connection, user)).map_err(fault)?;
        Ok(found.map(|found| Self { connection, user, position: Position::Account(Box::new(found.user)) }))
    }

    /// The next part; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<ExportPart>, PortError> {
        self.read().map_err(fault)
    }

    fn read(&mut self) -> Result<Option<ExportPart>, DbError> {
        let (connection, user) = (&mut self.connection, self.user);
        match &mut self.position {
            Position::Account(account) => {
                let part = ExportPart::Account((**account).clone());
                self.position = Position::Section(Section::Sessions(None));
                Ok(Some(part))
            }
            Position::Section(section) => {
                let (part, next) = sections::read(connection, user, section)?;
                self.position = next.map_or_else(
                    || Position::Conversations(ConversationReader::new(user)),
                    Position::Section,
                );
                Ok(Some(part))
            }
            Position::Conversations(conversations) => conversations.next(connection),
        }
    }
}
