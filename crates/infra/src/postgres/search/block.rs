//! Blocks: the texts of neighbouring messages side by side.

use domain::search::{SearchTerm, fold};

/// Messages in a block. More of them make fewer rows to read, and more to write when a conversation goes on.
pub(super) const BLOCK: i64 = 32;

/// Stands between two texts, and so in none.
const SEPARATOR: char = '\u{1f}';
/// What a separator within a text or a term is spelled as. Whoever looks for either finds both here; the message itself is
/// asked in the end.
const STAND_IN: &str = "\u{1e}";

/// The block of the message at `seq`.
pub(super) const fn block_of(seq: i64) -> i64 {
    (seq - 1).div_euclid(BLOCK)
}

/// The place before the first one of a block.
pub(super) const fn before(block: i64) -> i64 {
    block * BLOCK
}

/// The last place up to `seq` at which a block ends.
pub(super) const fn whole_blocks(seq: i64) -> i64 {
    seq.div_euclid(BLOCK) * BLOCK
}

/// The term, as it is found in blocks.
pub(super) fn spell_term(term: &SearchTerm) -> String {
    term.folded().replace(SEPARATOR, STAND_IN)
}

/// The texts of a block; none where a message has no text.
pub(super) fn join<'a>(texts: impl Iterator<Item = Option<&'a str>>) -> String {
    let mut joined = String::new();
    for (place, text) in texts.enumerate() {
        if place > 0 {
            joined.push(SEPARATOR);
        }
        joined.push_str(&fold(text.unwrap_or_default()).replace(SEPARATOR, STAND_IN));
    }
    joined
}

/// Which of a block's messages have the spelled term in them, counted from zero, in their order.
pub(super) fn places(folded: &str, spelled: &str) -> Vec<usize> {
    let (mut places, mut place, mut counted) = (Vec::new(), 0, 0);
    // The whole block is looked through once: to begin anew for each text would cost more than the looking.
    for (found, _) in folded.match_indices(spelled) {
        let between = folded.as_bytes().get(counted..found).unwrap_or_default();
        place += between.iter().filter(|byte| **byte == SEPARATOR as u8).count();
        counted = found;
        if places.last() != Some(&place) {
            places.push(place);
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(texts: &[Option<&str>], term: &str) -> Vec<usize> {
        let spelled = spell_term(&SearchTerm::parse(term).unwrap());
        places(&join(texts.iter().copied()), &spelled)
    }

    #[test]
    fn every_text_keeps_its_place() {
        let texts = [Some("Hello 你好"), None, Some("HELLO"), Some("")];
        assert_eq!(found(&texts, "hello"), [0, 2]);
        assert_eq!(found(&texts, "l"), [0, 2], "each is counted once");
        assert_eq!(found(&texts, "你"), [0]);
        assert_eq!(found(&texts, "世"), [0; 0]);
    }

    #[test]
    fn a_term_is_not_found_across_two_texts() {
        assert_eq!(found(&[Some("今天"), Some("好")], "天好"), [0; 0]);
        assert_eq!(found(&[Some("a"), Some("b")], "a\u{1f}b"), [0; 0]);
    }

    #[test]
    fn a_text_with_a_separator_keeps_all_texts_in_their_places() {
        assert_eq!(found(&[Some("a\u{1f}b"), Some("c")], "c"), [1]);
        assert_eq!(found(&[Some("a\u{1f}b"), Some("c")], "a\u{1f}b"), [0]);
    }

    #[test]
    fn places_are_counted_from_one_and_blocks_from_zero() {
        for (seq, block) in [(1, 0), (BLOCK, 0), (BLOCK + 1, 1), (2 * BLOCK, 1)] {
            assert_eq!(block_of(seq), block, "{seq}");
            assert!(before(block) < seq && seq <= before(block + 1), "{seq}");
        }
        assert_eq!((whole_blocks(0), whole_blocks(BLOCK - 1), whole_blocks(BLOCK)), (0, 0, BLOCK));
    }
}
