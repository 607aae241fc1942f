//! Case folding: the one rule by which texts that differ only in case are equal.

/// First character of a range without case (kana, bopomofo, Chinese characters), which skips the tables. Most texts are in it.
pub(super) const CASELESS_FROM: char = '\u{2e80}';
/// Last character of that range.
pub(super) const CASELESS_TO: char = '\u{a63f}';

/// Folds the case of a text: two texts that differ only in case fold to the same text.
///
/// Each character goes through lower, upper and lower case again, by Unicode's tables and independently of its neighbours. So
/// `Σ`, `σ` and the final `ς` are equal, `ß` equals `ss`, and a part of a text folds as it does within the whole. Nothing
/// else is unified: full-width letters stay full-width, and `é` differs from `e` followed by an accent.
///
/// The search index stores folded texts, so it must be rebuilt when this rule changes.
#[must_use]
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\0'..='\x7f' => folded.push(character.to_ascii_lowercase()),
            CASELESS_FROM..=CASELESS_TO => folded.push(character),
            other => folded.extend(by_tables(other)),
        }
    }
    folded
}

/// Lower, upper and lower case again, because neither case alone unifies all variants of a character.
pub(super) fn by_tables(character: char) -> impl Iterator<Item = char> {
    character.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase)
}
