use super::super::fold;
use super::super::fold::{CASELESS_FROM, CASELESS_TO, by_tables};

fn all_characters() -> impl Iterator<Item = char> {
    '\0'..=char::MAX
}

#[test]
fn both_cases_of_every_character_are_spelled_alike() {
    for character in all_characters() {
        let spelled = fold(&character.to_string());
        let (lower, upper) = (character.to_lowercase().to_string(), character.to_uppercase().to_string());
        assert_eq!(fold(&lower), spelled, "{character} and {lower}");
        // The capital ẞ is upper case already, and the dotted İ is, too.
        assert_eq!(fold(&upper), spelled, "{character} and {upper}");
    }
}

#[test]
fn spelling_again_changes_nothing_and_never_leaves_nothing() {
    for character in all_characters() {
        let spelled = fold(&character.to_string());
        assert_eq!(fold(&spelled), spelled, "{character}");
        assert!(!spelled.is_empty(), "{character}");
    }
}

#[test]
fn the_short_ways_agree_with_the_tables() {
    for character in ('\0'..='\x7f').chain(CASELESS_FROM..=CASELESS_TO) {
        assert_eq!(fold(&character.to_string()), by_tables(character).collect::<String>(), "{character}");
    }
}

#[test]
fn a_part_is_spelled_as_it_is_within_the_whole() {
    // A rule that looks at neighbours, as the one for a sigma at a word's end, would lose parts.
    let whole = "ΟΔΟΣ ὈΔΥΣΣΕΎΣ İstanbul STRASSE Straße";
    for (start, _) in whole.char_indices() {
        for (end, _) in whole.char_indices().filter(|(end, _)| *end > start) {
            let part = whole.get(start..end).unwrap();
            assert!(fold(whole).contains(&fold(part)), "{part}");
        }
    }
}
