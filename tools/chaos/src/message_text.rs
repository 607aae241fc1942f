//! Deterministic message texts: a text is generated from its author and the number of the send, so that every byte can be
//! compared without storing the texts.

use crate::seeded_random::SeededRandom;

/// Several scripts and directions, combining marks, characters that JSON escapes, several code points per character.
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
/// A few texts are long, so that batches differ in size.
const LONG: usize = 400;
const SHORT: usize = 12;

/// The text of a user's n-th send.
pub(crate) fn write(seed: u64, author: usize, number: usize) -> String {
    let stream = u64::try_from(author << 32 | number).unwrap_or_default();
    let mut random = SeededRandom::stream(seed ^ 0x7e57, stream);
    let words = if random.one_in(100) { random.below(LONG) } else { random.below(SHORT) };
    let mut text = format!("{author}/{number}");
    for _ in 0..words {
        text.push(' ');
        text.push_str(random.pick(&WORDS).copied().unwrap_or_default());
    }
    text
}

/// Author and number of the send that a text claims to be.
pub(crate) fn claim(text: &str) -> Option<(usize, usize)> {
    let (author, number) = text.split(' ').next()?.split_once('/')?;
    Some((author.parse().ok()?, number.parse().ok()?))
}

/// A 64-bit FNV-1a hash that stands for a message id, because a run remembers millions of them.
pub(crate) fn fingerprint(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_reproducible_and_names_its_author() {
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
