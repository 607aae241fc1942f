//! The size limit of answers: a page or a window ends early when its items would make a large JSON document.
//!
//! Limits on the number of items do not bound an answer, because a text can have 20,000 bytes, and more once it is escaped. The size
//! is estimated from the texts: exact sizes depend on the adapter that writes the answer.

/// An answer ends before it has more bytes than this, but has at least one item.
const MAX_BYTES: usize = 1_000_000;

/// Most bytes that one byte of a text takes in JSON: a control character is written as `\u0001`.
const LONGEST_ESCAPE: usize = 6;

/// An item of a list or of a history.
pub trait AnswerItem {
    /// The bytes of its other fields and of all names, about.
    const OTHER_BYTES: usize;

    /// Calls `visit` with each text of unbounded or large size.
    fn visit_texts(&self, visit: &mut dyn FnMut(&str));
}

/// How many of the items fit one answer, from the first one on; at least one if there is one.
#[must_use]
pub fn fitting<'a, T: AnswerItem + 'a>(items: impl Iterator<Item = &'a T> + Clone) -> usize {
    // Nearly every answer is far smaller, and its texts need not be searched for characters to escape.
    let bound: usize = items.clone().map(|item| bytes_of(item, |text| text.len() * LONGEST_ESCAPE)).sum();
    if bound <= MAX_BYTES {
        return items.count();
    }
    let mut total = 0;
    let fits = |item: &&T| {
        total += bytes_of(*item, escaped_length);
        total <= MAX_BYTES
    };
    let first = items.clone().take(1).count();
    items.take_while(fits).count().max(first)
}

fn bytes_of<T: AnswerItem>(item: &T, length: impl Fn(&str) -> usize) -> usize {
    let mut bytes = T::OTHER_BYTES;
    item.visit_texts(&mut |text| bytes += length(text));
    bytes
}

/// The length of a text in JSON.
fn escaped_length(text: &str) -> usize {
    let length = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => LONGEST_ESCAPE,
        _ => 1,
    };
    text.bytes().map(length).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    impl AnswerItem for String {
        const OTHER_BYTES: usize = 100;

        fn visit_texts(&self, visit: &mut dyn FnMut(&str)) {
            visit(self);
        }
    }

    #[test]
    fn as_many_items_fit_as_their_escaped_texts_leave_room_for() {
        for (text, count, fit) in [
            ("x".repeat(100), 1000, 1000),
            ("x".repeat(900), 1000, 1000),
            ("x".repeat(901), 1000, 999),
            ("\u{1}".repeat(150), 2000, 1000),
            ("\"\n".repeat(225), 2000, 1000),
            ("雁".repeat(300), 2000, 1000),
            ("x".repeat(2_000_000), 3, 1),
            (String::new(), 0, 0),
        ] {
            let items = vec![text; count];
            assert_eq!(fitting(items.iter()), fit, "{count}");
        }
    }

    #[test]
    fn the_escaped_length_is_that_of_json() {
        for (text, length) in
            [("a\u{7f}é雁👋", 11), ("\"\\\n\r\t\u{8}\u{c}", 14), ("\u{1}\u{1f}", 12), ("", 0)]
        {
            assert_eq!(escaped_length(text), length, "{text:?}");
        }
    }
}
