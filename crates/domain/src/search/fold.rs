//! Text folding: the one rule by which texts that a reader takes for the same are equal in a search.

use unicode_normalization::UnicodeNormalization;

/// First and last character of the ranges that folding leaves alone: Chinese characters. Most texts begin in them.
pub(super) const UNCHANGED: [(char, char); 2] = [('\u{3400}', '\u{4dbf}'), ('\u{4e00}', '\u{9fff}')];

/// Folds a text: two texts that differ only in case, in width, in the way that accents are written, or in variation selectors fold
/// to the same text.
///
/// - NFKC: full-width `Ａ` is `A`, `ｶﾞ` is `ガ`, `é` in one character is `e` followed by an accent, `①` is `1`. Simplified and
///   traditional characters differ.
/// - Case: each character goes through lower, upper and lower case again, by Unicode's tables and independently of its
///   neighbours. So `Σ`, `σ` and the final `ς` are equal, and `ß` equals `ss`.
/// - Variation selectors, which choose a glyph, are left out: `❤️` is `❤`.
///
/// The search index stores folded texts, so it must be rebuilt when this rule changes.
#[must_use]
pub fn fold(text: &str) -> String {
    if text.chars().all(|character| character.is_ascii() || is_unchanged(character)) {
        return text.to_ascii_lowercase();
    }
    // Changing the case can take a character apart, which is composed again.
    let selected = text.chars().filter(|character| !is_variation_selector(*character));
    selected.nfkc().flat_map(by_tables).nfkc().collect()
}

fn is_unchanged(character: char) -> bool {
    UNCHANGED.iter().any(|(first, last)| (*first..=*last).contains(&character))
}

pub(super) const fn is_variation_selector(character: char) -> bool {
    matches!(character, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' | '\u{180b}'..='\u{180d}' | '\u{180f}')
}

/// Lower, upper and lower case again, because neither case alone unifies all variants of a character.
pub(super) fn by_tables(character: char) -> impl Iterator<Item = char> {
    character.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase)
}
