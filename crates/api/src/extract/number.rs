//! Whole numbers in JSON.

use std::fmt;

use serde::Deserializer;
use serde::de::{Error, Unexpected, Visitor};

/// Deserialises a whole number that may be written `42.0`: JSON Schema, and so the OpenAPI document, counts that as an
/// integer.
pub(crate) fn whole_number<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    from.deserialize_any(WholeNumber)
}

struct WholeNumber;

impl Visitor<'_> for WholeNumber {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<i64, E> {
        Ok(number)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<i64, E> {
        number.try_into().map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    #[expect(clippy::cast_possible_truncation, reason = "the number is whole and within the bounds")]
    fn visit_f64<E: Error>(self, number: f64) -> Result<i64, E> {
        // 2⁶³, the first value that is too large. It is exact as a float; `i64::MAX` is not.
        const BOUND: f64 = 9_223_372_036_854_775_808.0;
        if number.fract() == 0.0 && (-BOUND..BOUND).contains(&number) {
            Ok(number as i64)
        } else {
            Err(E::invalid_value(Unexpected::Float(number), &self))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Body {
        #[serde(deserialize_with = "whole_number")]
        seq: i64,
    }

    fn read(number: &str) -> Option<i64> {
        let body = serde_json::from_str::<Body>(&format!("{{\"seq\":{number}}}"));
        body.ok().map(|body| body.seq)
    }

    #[test]
    fn a_whole_number_is_read_in_every_notation() {
        for (text, number) in [
            ("0", 0),
            ("-3", -3),
            ("42.0", 42),
            ("4.2e1", 42),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
            ("-9.223372036854775808e18", i64::MIN),
        ] {
            assert_eq!(read(text), Some(number), "{text}");
        }
        for text in
            ["1.5", "9223372036854775808", "9.223372036854775808e18", "1e300", "\"1\"", "null", "true", "[1]"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
