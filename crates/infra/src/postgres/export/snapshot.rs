//! One moment of the database, and how far it was read.

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use domain::account::User;
use domain::error::PortError;
use domain::export::ExportPart;
use domain::id::UserId;

use super::conversations::Conversations;
use super::sections::{self, Section};
use crate::db::{Db, DbError, ErrorClass};
use crate::postgres::accounts::summary;

/// Nothing is written and nobody is waited for. A reader that takes nothing for a minute has gone away.
const BEGIN: &str =
    "SET idle_in_transaction_session_timeout = '60s'; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// A transaction that sees one moment, on a connection of its own. Dropping it ends both.
pub(super) struct Snapshot {
    connection: PgConnection,
    user: UserId,
    place: Place,
}

/// What comes next.
enum Place {
    /// The account, which was read to find out whether there is one.
    Account(Box<User>),
    /// The lists, as far as their keys say.
    Section(Section),
    /// The conversations with their messages.
    Conversations(Conversations),
}

fn fault(error: DbError) -> PortError {
    if error.class() == ErrorClass::Bug {
        PortError::internal(error)
    } else {
        PortError::unavailable(Db::RETRY_AFTER, error)
    }
}

impl Snapshot {
    /// Begins to read about an account; none when it is not active.
    pub(super) fn take(url: &str, user: UserId) -> Result<Option<Self>, PortError> {
        let mut connection = Db::connect(url)?;
        let begun = connection.batch_execute(BEGIN).map_err(DbError::from);
        let found = begun.and_then(|()| summary::find(&mut connection, user)).map_err(fault)?;
        Ok(found.map(|found| Self { connection, user, place: Place::Account(Box::new(found.user)) }))
    }

    /// The next part; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<ExportPart>, PortError> {
        self.read().map_err(fault)
    }

    fn read(&mut self) -> Result<Option<ExportPart>, DbError> {
        let (connection, user) = (&mut self.connection, self.user);
        match &mut self.place {
            Place::Account(account) => {
                let part = ExportPart::Account((**account).clone());
                self.place = Place::Section(Section::Sessions(None));
                Ok(Some(part))
            }
            Place::Section(section) => {
                let (part, next) = sections::read(connection, user, section)?;
                self.place =
                    next.map_or_else(|| Place::Conversations(Conversations::new(user)), Place::Section);
                Ok(Some(part))
            }
            Place::Conversations(conversations) => conversations.next(connection),
        }
    }
}
