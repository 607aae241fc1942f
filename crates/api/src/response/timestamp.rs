//! Timestamps in responses: RFC 3339 in UTC with exactly three decimals and `Z`.

use std::str::from_utf8;

use chrono::{DateTime, Datelike, SecondsFormat, Timelike, Utc};
use serde::Serializer;

/// The timestamp of a time.
pub(crate) fn timestamp(time: DateTime<Utc>) -> String {
    let digits = usual_form(time);
    let usual = digits.as_ref().and_then(|digits| from_utf8(digits).ok());
    usual.map_or_else(|| general_form(time), str::to_owned)
}

/// Serializes a time as its timestamp, for `serialize_with`.
///
/// # Errors
/// Those of the serializer.
pub(crate) fn serialize<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    let digits = usual_form(*time);
    match digits.as_ref().and_then(|digits| from_utf8(digits).ok()) {
        Some(usual) => serializer.serialize_str(usual),
        None => serializer.serialize_str(&general_form(*time)),
    }
}

/// Appends the timestamp of a time.
pub(crate) fn append_timestamp(out: &mut Vec<u8>, time: DateTime<Utc>) {
    match usual_form(time) {
        Some(digits) => out.extend_from_slice(&digits),
        None => out.extend_from_slice(general_form(time).as_bytes()),
    }
}

fn general_form(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The timestamp of a year of four digits, outside leap seconds, without the formatting machinery: a page has fifty.
fn usual_form(time: DateTime<Utc>) -> Option<[u8; 24]> {
    const fn digit(number: u32) -> u8 {
        b'0' + (number % 10) as u8
    }
    let year = u32::try_from(time.year()).ok().filter(|year| *year <= 9999)?;
    let millis = Some(time.nanosecond() / 1_000_000).filter(|millis| *millis < 1000)?;
    let (month, day) = (time.month(), time.day());
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    #[rustfmt::skip]
    let digits = [
        digit(year / 1000), digit(year / 100), digit(year / 10), digit(year), b'-',
        digit(month / 10), digit(month), b'-',
        digit(day / 10), digit(day), b'T',
        digit(hour / 10), digit(hour), b':',
        digit(minute / 10), digit(minute), b':',
        digit(second / 10), digit(second), b'.',
        digit(millis / 100), digit(millis / 10), digit(millis), b'Z',
    ];
    Some(digits)
}

#[cfg(test)]
mod tests {
    use chrono::{NaiveDate, NaiveTime, TimeDelta};

    use super::*;

    #[test]
    fn the_fast_form_of_a_timestamp_is_the_general_one() {
        let at = |year, month, day, hour, minute, second, nanos| {
            let day = NaiveDate::from_ymd_opt(year, month, day).unwrap();
            day.and_time(NaiveTime::from_hms_nano_opt(hour, minute, second, nanos).unwrap()).and_utc()
        };
        for time in [
            at(2026, 1, 2, 3, 4, 5, 6_999_999),
            at(1970, 1, 1, 0, 0, 0, 0),
            at(2024, 2, 29, 23, 59, 59, 999_999_999),
            // A leap second.
            at(2016, 12, 31, 23, 59, 59, 1_500_000_000),
            at(0, 1, 1, 0, 0, 0, 0),
            at(9999, 12, 31, 23, 59, 59, 999_000_000),
            at(10_000, 1, 1, 0, 0, 0, 0),
            at(-1, 12, 31, 23, 59, 59, 10_000_000),
        ] {
            assert_eq!(timestamp(time), general_form(time));
        }
        let mut time = DateTime::UNIX_EPOCH;
        // Every hour and second, some thousand days.
        for _ in 0..100_000 {
            time += TimeDelta::milliseconds(3_599_987);
            assert_eq!(timestamp(time), general_form(time));
        }
    }

    #[test]
    fn a_timestamp_is_appended_and_serialized_as_it_is_printed() {
        for time in [DateTime::UNIX_EPOCH, DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
            let mut json = serde_json::Serializer::new(Vec::new());
            serialize(&time, &mut json).unwrap();
            assert_eq!(String::from_utf8(json.into_inner()).unwrap(), format!("\"{}\"", timestamp(time)));
            let mut out = b"at ".to_vec();
            append_timestamp(&mut out, time);
            assert_eq!(String::from_utf8(out).unwrap(), format!("at {}", timestamp(time)));
        }
    }
}
