//! Keyset pagination: a page is read after the sort key of the last row of the page before.

use crate::answer_size::{AnswerItem, fitting};
use crate::error::{InvalidValue, Rule};
use crate::number::saturating;

/// The sort key of a list.
pub trait PageKey {
    /// The maximum number of rows of one page, which is also the default.
    const MAX_ROWS: i64;
}

/// The maximum number of rows of a page or of messages of a window, at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimit(i64);

impl PageLimit {
    /// A limit that is known to be valid.
    pub(crate) const fn new(rows: i64) -> Self {
        Self(rows)
    }

    /// Checks a limit that a client sent.
    ///
    /// # Errors
    /// [`Rule::Range`] outside 1 to `max`.
    pub(crate) fn parse(rows: i64, max: i64) -> Result<Self, InvalidValue> {
        if (1..=max).contains(&rows) {
            Ok(Self(rows))
        } else {
            Err(InvalidValue::new(Rule::Range { min: 1, max }))
        }
    }

    /// The number of rows.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

/// A request for one page of a list: at most `limit` rows after `after`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest<K> {
    /// The maximum number of rows.
    pub limit: PageLimit,
    /// The sort key of the last row that the caller has seen; `None` for the first page.
    pub after: Option<K>,
}

impl<K: PageKey> PageRequest<K> {
    /// Checks the limit that a client sent, if any.
    ///
    /// # Errors
    /// [`Rule::Range`] outside 1 to [`PageKey::MAX_ROWS`].
    pub fn parse(limit: Option<i64>, after: Option<K>) -> Result<Self, InvalidValue> {
        let limit = limit.map_or(Ok(Self::default().limit), |rows| PageLimit::parse(rows, K::MAX_ROWS))?;
        Ok(Self { limit, after })
    }
}

impl<K: PageKey> Default for PageRequest<K> {
    fn default() -> Self {
        Self { limit: PageLimit(K::MAX_ROWS), after: None }
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, K> {
    /// The rows, in the order of the list.
    pub items: Vec<T>,
    /// The sort key to read the next page after; `None` at the end of the list.
    pub next: Option<K>,
}

impl<T: AnswerItem, K> Page<T, K> {
    /// Builds a page from up to `limit + 1` rows. The extra row, if present, shows that another page follows. A page that would
    /// become too large for an answer ends earlier.
    pub fn from_lookahead(mut rows: Vec<T>, limit: PageLimit, key: impl Fn(&T) -> K) -> Self {
        let limit: usize = saturating(limit.get());
        let kept = fitting(rows.iter().take(limit));
        let more = rows.len() > kept;
        rows.truncate(kept);
        let next = if more { rows.last().map(key) } else { None };
        Self { items: rows, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl PageKey for i32 {
        const MAX_ROWS: i64 = 10;
    }

    impl AnswerItem for i32 {
        const OTHER_BYTES: usize = 300_000;

        fn visit_texts(&self, _visit: &mut dyn FnMut(&str)) {}
    }

    #[test]
    fn a_limit_is_between_one_and_the_maximum() {
        let limit = |rows| PageRequest::<i32>::parse(Some(rows), None).map(|request| request.limit.get());
        assert_eq!(limit(1), Ok(1));
        assert_eq!(limit(10), Ok(10));
        for rows in [i64::MIN, -1, 0, 11, i64::MAX] {
            assert_eq!(limit(rows), Err(InvalidValue::new(Rule::Range { min: 1, max: 10 })));
        }
    }

    #[test]
    fn the_default_limit_is_the_maximum() {
        assert_eq!(PageRequest::<i32>::default().limit.get(), 10);
        assert_eq!(
            PageRequest::parse(None, Some(3)),
            Ok(PageRequest { after: Some(3), ..PageRequest::default() })
        );
    }

    #[test]
    fn a_page_has_a_next_key_only_if_a_row_is_left_over() {
        let page = |rows| Page::from_lookahead(rows, PageLimit::new(2), |row: &i32| *row);
        assert_eq!(page(vec![1, 2, 3]), Page { items: vec![1, 2], next: Some(2) });
        assert_eq!(page(vec![1, 2]), Page { items: vec![1, 2], next: None });
        assert_eq!(page(vec![]), Page { items: vec![], next: None });
    }

    #[test]
    fn a_page_that_is_too_large_for_an_answer_ends_earlier() {
        let page = Page::from_lookahead((0..8).collect(), PageLimit::new(9), |row: &i32| *row);
        assert_eq!(page, Page { items: vec![0, 1, 2], next: Some(2) });
    }
}
