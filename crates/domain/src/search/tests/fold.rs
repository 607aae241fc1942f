use unicode_normalization::UnicodeNormalization;

use super::super::fold;
use super::super::fold::{UNCHANGED, by_tables, is_variation_selector};

fn all_characters() -> impl Iterator<Item = char> {
    '\0'..=char::MAX
}

#[test]
fn both_cases_of_every_character_fold_alike() {
    for character in all_characters() {
        let folded = fold(&character.to_string());
        let (lower, upper) = (character.to_lowercase().to_string(), character.to_uppercase().to_string());
        assert_eq!(fold(&lower), folded, "{character} and {lower}");
        // The capital ẞ and the dotted İ are upper case already.
        assert_eq!(fold(&upper), folded, "{character} and {upper}");
    }
}

#[test]
fn all_forms_of_every_character_fold_alike() {
    for character in all_characters() {
        let (text, folded) = (character.to_string(), fold(&character.to_string()));
        for form in [
            text.nfc().collect::<String>(),
            text.nfd().collect(),
            text.nfkc().collect(),
            text.nfkd().collect(),
        ] {
            assert_eq!(fold(&form), folded, "{character} and {form}");
        }
    }
}

#[test]
fn folding_is_idempotent_and_empties_only_variation_selectors() {
    for character in all_characters() {
        let folded = fold(&character.to_string());
        assert_eq!(fold(&folded), folded, "{character}");
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
