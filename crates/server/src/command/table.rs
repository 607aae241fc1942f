//! Columns of a terminal: texts are measured, padded and cut by their display width.

use std::borrow::Cow;

use unicode_width::UnicodeWidthStr;

/// Columns that a text takes: Chinese characters and emoji take two, combining marks none.
pub(super) fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// A text with blanks after it up to a width.
pub(super) fn left(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// A text with blanks before it up to a width.
pub(super) fn right(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(width(text))))
}

/// A text of at most this width. One that is cut ends with an ellipsis.
pub(super) fn cut(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let ends = text.char_indices().map(|(start, _)| start);
    let fitting = ends.filter_map(|end| text.get(..end)).rfind(|start| width(start) < columns);
    Cow::Owned(format!("{}…", fitting.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_any_script_fill_their_column() {
        for (text, columns) in [("bob", 3), ("鸿雁", 4), ("e\u{301}", 1), ("👩‍💻", 2), ("", 0)] {
            assert_eq!(width(text), columns, "{text}");
            assert_eq!((width(&left(text, 8)), width(&right(text, 8))), (8, 8), "{text}");
        }
        assert_eq!((left("鸿雁", 6), right("7", 3)), ("鸿雁  ".to_owned(), "  7".to_owned()));
        assert_eq!(left("longer", 3), "longer");
    }

    #[test]
    fn a_text_that_is_too_wide_is_cut_between_characters() {
        for (text, columns, expected) in [
            ("alice", 5, "alice"),
            ("alice", 4, "ali…"),
            ("鸿雁传书", 8, "鸿雁传书"),
            ("鸿雁传书", 7, "鸿雁传…"),
            ("鸿雁传书", 6, "鸿雁…"),
            ("雁", 1, "…"),
        ] {
            assert_eq!(cut(text, columns), expected);
            assert!(width(&cut(text, columns)) <= columns);
        }
    }
}
