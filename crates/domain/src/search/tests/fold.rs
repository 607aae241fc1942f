use unicode_normalization::UnicodeNormalization;

use super::super::fold;
use super::super::fold::{UNCHANGED, by_tables, is_variation_selector};

/// Every character of the planes that Unicode uses, and samples of the empty planes 4 to 13 and of the private planes 15 and 16,
/// whose characters have one form.
fn all_characters() -> impl Iterator<Item = char> {
    let empty = ('\u{40000}'..='\u{dffff}').step_by(251);
    let private = ('\u{f0000}'..=char::MAX).step_by(251);
    ('\0'..='\u{3ffff}').chain('\u{e0000}'..='\u{effff}').chain(empty).chain(private)
}

/// Checks that another form of a character folds as the character does. Most characters are equal to all their forms, which proves
/// it without folding; a build without optimisation takes half a minute to fold them all.
fn assert_folds_alike(character: char, form: impl Iterator<Item = char> + Clone) {
    if !form.clone().eq([character]) {
        let form: String = form.collect();
        assert_eq!(fold(&form), fold(&character.to_string()), "{character} and {form}");
    }
}

#[test]
fn both_cases_of_every_character_fold_alike() {
    for character in all_characters() {
        // The capital ẞ and the dotted İ are upper case already.
        assert_folds_alike(character, character.to_lowercase());
        assert_folds_alike(character, character.to_uppercase());
    }
}

#[test]
fn all_forms_of_every_character_fold_alike() {
    for character in all_characters() {
        let text = [character];
        assert_folds_alike(character, text.into_iter().nfc());
        assert_folds_alike(character, text.into_iter().nfd());
        assert_folds_alike(character, text.into_iter().nfkc());
        assert_folds_alike(character, text.into_iter().nfkd());
    }
}

#[test]
fn folding_is_idempotent_and_empties_only_variation_selectors() {
    for character in all_characters() {
        let text = character.to_string();
        let folded = fold(&text);
        assert!(folded == text || fold(&folded) == folded, "{character}");
        assert_eq!(folded.is_empty(), is_variation_selector(character), "{character}");
    }
}

#[test]
fn the_fast_path_agrees_with_the_tables() {
    let ranges = UNCHANGED.into_iter().flat_map(|(first, last)| first..=last);
    for character in ('\0'..='\x7f').chain(ranges) {
        let text = character.to_string();
        let slow: String = text.nfkc().flat_map(by_tables).nfkc().collect();
        assert_eq!(fold(&text), slow, "{character}");
        // Neighbours that compose with what stands before them find nothing to compose with.
        let marked = format!("{text}\u{3099}");
        assert!(!('\u{3400}'..).contains(&character) || fold(&marked).starts_with(character), "{character}");
    }
}

#[test]
fn a_part_folds_as_it_does_within_the_whole() {
    // A rule that depends on neighbours, such as the one for a final sigma, would miss parts.
    let whole = "ΟΔΟΣ ὈΔΥΣΣΕΎΣ İstanbul STRASSE Straße ＡＢＣ，今天①❤ ガ";
    for (start, _) in whole.char_indices() {
        for (end, _) in whole.char_indices().filter(|(end, _)| *end > start) {
            let part = whole.get(start..end).unwrap();
            assert!(fold(whole).contains(&fold(part)), "{part}");
        }
    }
}
