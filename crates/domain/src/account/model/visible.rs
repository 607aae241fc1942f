//! Which characters of a name can be seen, and the folding under which look-alikes of a reserved name are found.

use icu_properties::CodePointSetData;
use icu_properties::props::{BidiControl, DefaultIgnorableCodePoint};
use unicode_normalization::UnicodeNormalization;

/// Characters that show nothing although Unicode does not count them as white space or as ignorable: the empty Braille pattern, the
/// empty note head, the blanks of hieroglyphs, and the marks of annotations.
const BLANKS: [char; 7] =
    ['\u{2800}', '\u{1D159}', '\u{13441}', '\u{13442}', '\u{FFF9}', '\u{FFFA}', '\u{FFFB}'];

/// Whether a character shows nothing: white space, a blank, or one that Unicode allows to ignore (zero-width and Hangul fillers,
/// soft hyphen, variation selectors, tags).
fn is_invisible(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || BLANKS.contains(&character)
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character)
}

/// Whether a text contains anything to see.
pub(super) fn is_visible(text: &str) -> bool {
    !text.chars().all(is_invisible)
}

/// Whether a character can change what is shown around it: a control character, a line separator, or a control of direction.
pub(super) fn is_disruptive(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}')
        || CodePointSetData::new::<BidiControl>().contains(character)
}

/// The text in NFKC and lower case, without anything invisible: two texts that look the same are mostly equal then.
pub(super) fn folded(text: &str) -> String {
    let composed = text.nfkc().flat_map(char::to_lowercase).nfkc();
    composed.filter(|character| !is_invisible(*character)).collect()
}
