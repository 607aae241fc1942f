//! Query parameters of a conversation's history: keyset pagination by `seq`.

use domain::conversation::{WindowAnchor, WindowRequest};
use domain::message::Seq;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::openapi::schemas;
use crate::response::error::not_a_number;
use crate::response::invalid_field::{AtField, FieldRule, InvalidField};

/// The part of the history to return.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct WindowParams {
    /// Only messages before this `seq`; cannot be combined with `after`.
    #[param(value_type = Option<schemas::Seq>)]
    before: Option<String>,
    /// Only messages after this `seq`, the oldest of them first; cannot be combined with `before`.
    #[param(value_type = Option<schemas::Seq>)]
    after: Option<String>,
    /// The maximum number of messages.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<String>,
}

impl WindowParams {
    /// The requested window.
    pub(crate) fn parse(&self) -> Result<WindowRequest, InvalidField> {
        // A limit that is not a number is rejected like 0.
        let limit = self.limit.as_ref().map(|limit| limit.parse().unwrap_or(0));
        WindowRequest::parse(self.anchor()?, limit).field("limit")
    }

    fn anchor(&self) -> Result<WindowAnchor, InvalidField> {
        let number = |field, text: &Option<String>| match text {
            Some(text) => text.parse().map(Some).map_err(|_| not_a_number(field, 0, Seq::MAX.get())),
            None => Ok(None),
        };
        match (number("before", &self.before)?, number("after", &self.after)?) {
            (Some(_), Some(_)) => Err(InvalidField::new("before", FieldRule::Exclusive("after"))),
            (Some(before), None) => Ok(WindowAnchor::Before(Seq::parse(before).field("before")?)),
            (None, Some(after)) => Ok(WindowAnchor::After(Seq::parse(after).field("after")?)),
            (None, None) => Ok(WindowAnchor::Newest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anchor(before: Option<i64>, after: Option<i64>) -> Result<WindowAnchor, InvalidField> {
        let text = |number: Option<i64>| number.map(|number| number.to_string());
        let query = WindowParams { before: text(before), after: text(after), limit: None };
        query.parse().map(|request| request.anchor)
    }

    #[test]
    fn a_window_starts_at_the_given_seq() {
        assert_eq!(anchor(None, None), Ok(WindowAnchor::Newest));
        assert_eq!(anchor(Some(0), None), Ok(WindowAnchor::Before(Seq::NONE)));
        assert_eq!(anchor(Some(7), None), Ok(WindowAnchor::Before(Seq::new(7))));
        assert_eq!(anchor(None, Some(0)), Ok(WindowAnchor::After(Seq::NONE)));
        assert_eq!(anchor(None, Some(Seq::MAX.get())), Ok(WindowAnchor::After(Seq::MAX)));
    }

    #[test]
    fn a_window_cannot_start_at_two_positions() {
        let refused = Err(InvalidField::new("before", FieldRule::Exclusive("after")));
        assert_eq!(anchor(Some(1), Some(1)), refused);
        assert_eq!(anchor(Some(-1), Some(-1)), refused);
    }

    #[test]
    fn a_window_starts_within_the_range_of_positions() {
        for seq in [-1, Seq::MAX.get() + 1, i64::MAX] {
            assert_eq!(anchor(Some(seq), None), Err(not_a_number("before", 0, Seq::MAX.get())));
            assert_eq!(anchor(None, Some(seq)), Err(not_a_number("after", 0, Seq::MAX.get())));
        }
    }

    #[test]
    fn a_place_or_limit_that_is_not_a_number_is_refused_by_name() {
        let query = |before: &str, limit: &str| {
            let query =
                WindowParams { before: Some(before.to_owned()), limit: Some(limit.to_owned()), after: None };
            query.parse().map_err(|invalid| invalid.field)
        };
        assert_eq!(query("x", "1"), Err("before"));
        for limit in ["", "x", "0", "-1", "201", "1.5"] {
            assert_eq!(query("1", limit), Err("limit"), "{limit}");
        }
    }
}
