//! Search blocks: the folded texts of [`BLOCK`] consecutive messages in one row, the unit of the search index.

use domain::search::{SearchTerm, fold};

/// Messages in a block. More of them mean fewer rows to read, but more to rewrite as a conversation grows.
pub(super) const BLOCK: i64 = 32;

/// Separates two texts; it occurs in none of them.
const SEPARATOR: char = '\u{1f}';
/// Replaces a separator inside a text or a term. A search for either character matches both in the block; the final check on
/// the message itself tells them apart.
const SUBSTITUTE: &str = "\u{1e}";

/// The number of the block that contains `seq`. Blocks count from zero, `seq` from one.
pub(super) const fn block_of(seq: i64) -> i64 {
    (seq - 1).div_euclid(BLOCK)
}

/// The `seq` before the first message of a block.
pub(super) const fn before(block: i64) -> i64 {
    block * BLOCK
}

/// The greatest `seq` up to the given one that ends a block.
pub(super) const fn whole_blocks(seq: i64) -> i64 {
    seq.div_euclid(BLOCK) * BLOCK
}

/// The term as it occurs in blocks.
pub(super) fn encode_term(term: &SearchTerm) -> String {
    term.folded().replace(SEPARATOR, SUBSTITUTE)
}

/// Joins the texts of a block; `None` for a message without a text.
pub(super) fn join_texts<'a>(texts: impl Iterator<Item = Option<&'a str>>) -> String {
    let mut joined = String::new();
    for (position, text) in texts.enumerate() {
        if position > 0 {
            joined.push(SEPARATOR);
        }
        joined.push_str(&fold(text.unwrap_or_default()).replace(SEPARATOR, SUBSTITUTE));
    }
    joined
}

/// Positions in the block, from zero and ascending, of the messages that contain the encoded term.
pub(super) fn matching_positions(folded: &str, term: &str) -> Vec<usize> {
    let (mut positions, mut position, mut counted) = (Vec::new(), 0, 0);
    // One search over the whole block: starting a search for each text costs more than the search itself.
    for (found, _) in folded.match_indices(term) {
        let between = folded.as_bytes().get(counted..found).unwrap_or_default();
        // One separator stands between two parts.
        position += between.split(|byte| *byte == SEPARATOR as u8).count() - 1;
        counted = found;
        if positions.last() != Some(&position) {
            positions.push(position);
        }
    }
    positions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(texts: &[Option<&str>], term: &str) -> Vec<usize> {
        let term = encode_term(&SearchTerm::parse(term).unwrap());
        matching_positions(&join_texts(texts.iter().copied()), &term)
    }

    #[test]
    fn matches_are_reported_by_position() {
        let texts = [Some("Hello 你好"), None, Some("HELLO"), Some("")];
        assert_eq!(found(&texts, "hello"), [0, 2]);
        assert_eq!(found(&texts, "l"), [0, 2], "each text counts once");
        assert_eq!(found(&texts, "你"), [0]);
        assert_eq!(found(&texts, "世"), [0; 0]);
    }

    #[test]
    fn a_term_does_not_match_across_two_texts() {
        assert_eq!(found(&[Some("今天"), Some("好")], "天好"), [0; 0]);
        assert_eq!(found(&[Some("a"), Some("b")], "a\u{1f}b"), [0; 0]);
    }

    #[test]
    fn a_separator_inside_a_text_shifts_no_positions() {
        assert_eq!(found(&[Some("a\u{1f}b"), Some("c")], "c"), [1]);
        assert_eq!(found(&[Some("a\u{1f}b"), Some("c")], "a\u{1f}b"), [0]);
    }

    #[test]
    fn seqs_count_from_one_and_blocks_from_zero() {
        for (seq, block) in [(1, 0), (BLOCK, 0), (BLOCK + 1, 1), (2 * BLOCK, 1)] {
            assert_eq!(block_of(seq), block, "{seq}");
            assert!(before(block) < seq && seq <= before(block + 1), "{seq}");
        }
        assert_eq!((whole_blocks(0), whole_blocks(BLOCK - 1), whole_blocks(BLOCK)), (0, 0, BLOCK));
    }
}
