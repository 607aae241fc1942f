//! The claim of a uid: an advisory lock that serialises those who want the same uid.
//!
//! The unique index decides who gets a uid. An `UPDATE` that loses raises an error, which PostgreSQL writes to its log with the
//! uid. So registrations and changes take the claim first and look; no other transaction can take the uid before this one ends.

use diesel::PgConnection;
use diesel::prelude::*;
use domain::account::Uid;

use crate::db::DbError;

diesel::define_sql_function! {
    /// Takes a lock that is held until the transaction ends.
    fn pg_advisory_xact_lock(space: diesel::sql_types::Integer, key: diesel::sql_types::Integer);
}

/// The key space of claims: "uid" in ASCII.
const SPACE: i32 = 0x0075_6964;

/// Waits for the claim of a uid. Two uids may share a key; they wait for each other then.
pub(super) fn claim(connection: &mut PgConnection, uid: &Uid) -> Result<(), DbError> {
    diesel::select(pg_advisory_xact_lock(SPACE, key(uid))).execute(connection)?;
    Ok(())
}

/// 32-bit FNV-1a of the folded uid, the same on every instance.
fn key(uid: &Uid) -> i32 {
    let hash = uid
        .folded()
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash.cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uids_that_differ_in_case_share_a_claim() {
        let key = |text: &str| key(&Uid::parse(text).unwrap());
        assert_eq!(key("LILI_01"), key("lili_01"));
        assert_ne!(key("lili_01"), key("lili_02"));
    }
}
