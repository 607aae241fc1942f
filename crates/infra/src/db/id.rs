//! Ids of new rows: UUIDv7 by the database's clock.

use chrono::{DateTime, Utc};
use domain::number::saturating;
use uuid::Uuid;

use super::DbError;

/// A new id for a row that is created at `now`, which must be the database's time.
///
/// The id starts with the milliseconds since 1970, followed by the fraction of the millisecond in 12 bits (RFC 9562, section 6.2,
/// method 3) and 62 random bits. So ids sort by creation time, on all instances alike. `Uuid::now_v7` would take the
/// time from this machine's clock instead, which may be wrong or jump.
pub(crate) fn new_id(now: DateTime<Utc>) -> Result<Uuid, DbError> {
    let mut rest = [0; 10];
    getrandom::fill(&mut rest).map_err(DbError::Random)?;
    let millis = saturating(now.timestamp_millis());
    // The version overwrites the upper four bits.
    let fraction = now.timestamp_subsec_micros() % 1000 * 4096 / 1000;
    let [_, _, high, low] = fraction.to_be_bytes();
    (rest[0], rest[1]) = (high, low);
    Ok(uuid::Builder::from_unix_timestamp_millis(millis, &rest).into_uuid())
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn at(micros: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::microseconds(micros)
    }

    #[test]
    fn an_id_carries_the_given_time_and_not_this_machines() {
        let id = new_id(at(1_234_567_890_123_456)).unwrap();
        assert_eq!(id.get_version_num(), 7);
        assert_eq!(id.as_u128() >> 80, 1_234_567_890_123);
    }

    #[test]
    fn ids_of_different_microseconds_sort_by_time() {
        let ids: Vec<Uuid> = (0..3000).map(|micros| new_id(at(1_000_000 + micros)).unwrap()).collect();
        assert!(ids.is_sorted());
    }

    #[test]
    fn ids_of_the_same_instant_differ() {
        assert_ne!(new_id(at(1)).unwrap(), new_id(at(1)).unwrap());
    }
}
