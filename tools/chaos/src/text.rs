//! What the messages say. A text can be written again from who sends it and which of the sender's sends it is, so that
//! whoever reads it can compare every byte without having kept any.

use crate::random::Random;

/// Scripts, directions, combining marks, signs that JSON escapes, several scalar values per character.
const WORDS: [&str; 16] = [
    "鸿雁",
    "传书",
    "你好",
    "🪿",
    "👩‍👩‍👧‍👦",
    "e\u{301}te\u{301}",
    "été",
    "שלום",
    "مرحبا",
    "\u{202e}rtl\u{202c}",
    "\"quoted\"",
    "back\\slash",
    "<b>&amp;</b>",
    "'; DROP TABLE messages; --",
    "tab\tand\nline",
    "𝔊𝔬𝔬𝔰𝔢",
];
/// A few texts are long, so that batches are not all alike.
const LONG: usize = 400;
const SHORT: usize = 12;

/// The text of a person's n-th send.
pub(crate) fn write(seed: u64, author: usize, number: usize) -> String {
    let stream = u64::try_from(author << 32 | number).unwrap_or_default();
    let mut random = Random::stream(seed ^ 0x7e57, stream);
    let words = if random.one_in(100) { random.below(LONG) } else { random.below(SHORT) };
    let mut text = format!("{author}/{number}");
    for _ in 0..words {
        text.push(' ');
        text.push_str(random.pick(&WORDS).copied().unwrap_or_default());
    }
    text
}

/// Whose send a text claims to be, and which.
pub(crate) fn claim(text: &str) -> Option<(usize, usize)> {
    let (author, number) = text.split(' ').next()?.split_once('/')?;
    Some((author.parse().ok()?, number.parse().ok()?))
}

/// 64 bits that stand for a text (FNV-1a): millions of message ids are remembered.
pub(crate) fn fingerprint(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_written_again_byte_for_byte_and_says_whose_it_is() {
        for number in 0..500 {
            let text = write(3, 17, number);
            assert_eq!(text, write(3, 17, number));
            assert_eq!(claim(&text), Some((17, number)));
            assert!(text.chars().count() <= 5000);
        }
        assert_ne!(write(3, 17, 4), write(4, 17, 4));
        assert_eq!(claim("鸿雁"), None);
    }
}
