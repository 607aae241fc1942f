//! Lists are read page by page, each continuing behind the last row of the one before.

use crate::error::{InvalidValue, Rule};

/// How many rows a page may have: 1 to `MAX`. The default is the maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimit<const MAX: i64>(i64);

impl<const MAX: i64> PageLimit<MAX> {
    /// Checks a limit that a caller sent.
    ///
    /// # Errors
    /// [`Rule::Range`] outside 1 to `MAX`.
    pub fn parse(limit: i64) -> Result<Self, InvalidValue> {
        if (1..=MAX).contains(&limit) {
            Ok(Self(limit))
        } else {
            Err(InvalidValue::new("limit", Rule::Range { min: 1, max: MAX }))
        }
    }

    /// The number of rows.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl<const MAX: i64> Default for PageLimit<MAX> {
    fn default() -> Self {
        Self(MAX)
    }
}

/// Which page of a list is wanted: at most `limit` rows behind `after`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest<K, const MAX: i64> {
    /// At most so many rows.
    pub limit: PageLimit<MAX>,
    /// The sort key of the last row that the caller has seen; none for the first page.
    pub after: Option<K>,
}

impl<K, const MAX: i64> Default for PageRequest<K, MAX> {
    fn default() -> Self {
        Self { limit: PageLimit::default(), after: None }
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, K> {
    /// The rows, in the list's order.
    pub items: Vec<T>,
    /// Where the next page begins; none at the end of the list.
    pub next: Option<K>,
}

impl<T, K> Page<T, K> {
    /// Makes a page of `rows`, which were read with one row more than `limit` to see whether another page follows.
    pub fn from_lookahead(mut rows: Vec<T>, limit: i64, key: impl Fn(&T) -> K) -> Self {
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > wanted;
        rows.truncate(wanted);
        let next = if more { rows.last().map(key) } else { None };
        Self { items: rows, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_between_one_and_the_maximum() {
        assert_eq!(PageLimit::<10>::parse(1).unwrap().get(), 1);
        assert_eq!(PageLimit::<10>::parse(10).unwrap().get(), 10);
        assert_eq!(PageLimit::<10>::default().get(), 10);
        for limit in [i64::MIN, -1, 0, 11, i64::MAX] {
            let error = PageLimit::<10>::parse(limit).unwrap_err();
            assert_eq!(error, InvalidValue::new("limit", Rule::Range { min: 1, max: 10 }));
        }
    }

    #[test]
    fn a_page_has_a_next_one_only_when_a_row_was_left_over() {
        let page = Page::from_lookahead(vec![1, 2, 3], 2, |row| *row);
        assert_eq!((page.items, page.next), (vec![1, 2], Some(2)));
        let page = Page::from_lookahead(vec![1, 2], 2, |row| *row);
        assert_eq!((page.items, page.next), (vec![1, 2], None));
        let page = Page::from_lookahead(Vec::<i32>::new(), 2, |row| *row);
        assert_eq!((page.items, page.next), (vec![], None));
    }
}
