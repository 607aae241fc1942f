//! Output escaping: characters that would forge a line, steer a terminal or turn the order of letters around.

use std::borrow::Cow;
use std::fmt::Write as _;

/// How an unprintable character is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notation {
    /// As in Rust's strings: `\x1b`, `\u{202e}`.
    Text,
    /// As in a string of JSON: `\u001b`.
    Json,
}

/// Whether a character must not reach a log or a terminal: C0 and C1 controls, separators of lines and paragraphs, and
/// characters that control the direction of text ("Trojan Source").
pub(crate) fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
        )
}

/// Escapes the characters of a value that stands in one line.
pub(crate) fn escaped(text: &str) -> Cow<'_, str> {
    escaped_except(text, Notation::Text, |_| false)
}

/// Escapes the unprintable characters besides those to keep. The condition gets the text from the character on.
pub(crate) fn escaped_except(text: &str, notation: Notation, is_kept: impl Fn(&str) -> bool) -> Cow<'_, str> {
    if !text.contains(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for (at, character) in text.char_indices() {
        if !is_unprintable(character) || text.get(at..).is_some_and(&is_kept) {
            escaped.push(character);
            continue;
        }
        match (notation, u8::try_from(character)) {
            (Notation::Json, _) => {
                // Writing to a string cannot fail.
                let _ = write!(escaped, "\\u{:04x}", u32::from(character));
            }
            (Notation::Text, Ok(byte)) if byte.is_ascii() => {
                escaped.extend(byte.escape_ascii().map(char::from));
            }
            (Notation::Text, _) => escaped.extend(character.escape_unicode()),
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_and_direction_marks_are_escaped_in_both_notations() {
        for (text, shown, json) in [
            ("雁 👩‍💻 é", "雁 👩‍💻 é", "雁 👩‍💻 é"),
            ("a\u{1b}[31m", "a\\x1b[31m", "a\\u001b[31m"),
            ("a\u{9b}31m", "a\\u{9b}31m", "a\\u009b31m"),
            ("a\u{85}b\u{2028}c\u{2029}", "a\\u{85}b\\u{2028}c\\u{2029}", "a\\u0085b\\u2028c\\u2029"),
            ("a\u{202e}b\u{2066}\u{200f}", "a\\u{202e}b\\u{2066}\\u{200f}", "a\\u202eb\\u2066\\u200f"),
            ("\r\n\t\0\u{7f}", "\\r\\n\\t\\x00\\x7f", "\\u000d\\u000a\\u0009\\u0000\\u007f"),
        ] {
            assert_eq!(escaped(text), shown);
            assert_eq!(escaped_except(text, Notation::Json, |_| false), json);
        }
    }

    #[test]
    fn no_character_that_is_escaped_survives() {
        for character in (0..=0x10_ffff).filter_map(char::from_u32).filter(|it| is_unprintable(*it)) {
            let text = format!("a{character}b");
            assert!(!escaped(&text).contains(is_unprintable), "{character:?}");
        }
    }
}
