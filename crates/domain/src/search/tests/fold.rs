use super::super::fold;
use super::super::fold::{CASELESS_FROM, CASELESS_TO, by_tables};

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
fn folding_is_idempotent_and_never_empties_a_character() {
    for character in all_characters() {
        let folded = fold(&character.to_string());
        assert_eq!(fold(&folded), folded, "{character}");
        assert!(!folded.is_empty(), "{character}");
    }
}

#[test]
fn the_fast_paths_agree_with_the_tables() {
    for character in ('\0'..='\x7f').chain(CASELESS_FROM..=CASELESS_TO) {
        assert_eq!(fold(&character.to_string()), by_tables(character).collect::<String>(), "{character}");
    }
}

#[test]
fn a_part_folds_as_it_does_within_the_whole() {
    // A rule that depends on neighbours, such as the one for a final sigma, would miss parts.
    let whole = "ΟΔΟΣ ὈΔΥΣΣΕΎΣ İstanbul STRASSE Straße";
    for (start, _) in whole.char_indices() {
        for (end, _) in whole.char_indices().filter(|(end, _)| *end > start) {
            let part = whole.get(start..end).unwrap();
            assert!(fold(whole).contains(&fold(part)), "{part}");
        }
    }
}
