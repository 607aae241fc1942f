//! The one rule of what counts as the same text whatever its case.

/// From here to [`CASELESS_TO`] nothing has a case: kana, bopomofo, Chinese characters. Most texts are made of these.
pub(super) const CASELESS_FROM: char = '\u{2e80}';
/// See [`CASELESS_FROM`].
pub(super) const CASELESS_TO: char = '\u{a63f}';

/// Spells a text in such a way that two texts which differ in case only are spelled alike.
///
/// Each character is taken by itself, through lower, upper and lower case again, by Unicode's tables: so `Σ`, `σ` and the
/// `ς` at a word's end are one, `ß` is `ss`, and a part of a text is spelled as it is within the whole. Nothing else is
/// made alike: full-width letters stay full-width, and `é` is not `e` with an accent behind it.
///
/// What is kept for searching is spelled by this rule, so it must be built anew when the rule changes.
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

/// There and back, because neither case alone tells all that belong together.
pub(super) fn by_tables(character: char) -> impl Iterator<Item = char> {
    character.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase)
}
