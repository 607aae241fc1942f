//! Plain English: the words of docs/style.md that are not used here.

use anyhow::Result;
use regex::Regex;

use crate::findings::Findings;
use crate::source::{Repository, has_extension};

/// Words and phrases, written in parts so that this file is none of the findings.
const WORDS: [&str; 20] = [
    concat!("who", "ever"),
    concat!("who", "m"),
    concat!("who", "mever"),
    concat!("no", "body"),
    concat!("some", "body"),
    concat!("any", "body"),
    concat!("every", "body"),
    concat!("to", "ld"),
    concat!("sent ", "away"),
    concat!("comes? ", "again"),
    concat!("am", "id"),
    concat!("an", "ew"),
    concat!("one", "self"),
    concat!("for ", "ever"),
    concat!("what ", "came of"),
    concat!("none ", "when"),
    concat!("h", "e"),
    concat!("h", "im"),
    concat!("h", "is"),
    concat!("sh", "e"),
];

/// Files whose text people read. Lock files, data and quotations of the rules are not among them.
fn is_prose(path: &str) -> bool {
    let excluded = ["docs/adr/", "docs/style.md", "LICENSE"].iter().any(|start| path.starts_with(start));
    let endings = [
        ".rs", ".md", ".sql", ".toml", ".sh", ".ts", ".py", ".lua", ".yml", ".yaml", ".service", ".conf",
        ".example",
    ];
    let script = path.starts_with("scripts/") && !path.contains("requirements");
    let data = ["json", "txt", "lock"].iter().any(|extension| has_extension(path, extension));
    !excluded && !data && (script || endings.iter().any(|ending| path.ends_with(ending)))
}

/// Checks comments, texts, identifiers and documents.
pub(crate) fn check(repository: &Repository, findings: &mut Findings) -> Result<()> {
    let sentence = Regex::new(&format!(r"(?i)\b(?:{})\b", WORDS.join("|")))?;
    let identifier =
        Regex::new(&format!(r"\bfn (?:\w+_)?(?:{})(?:_\w+)?\b", WORDS.join("|").replace(' ', "_")))?;
    for path in repository.files.iter().filter(|path| is_prose(path)) {
        let Ok(text) = std::fs::read_to_string(path) else { continue };
        for (number, line) in (1..).zip(text.lines()) {
            if let Some(word) = sentence.find(line).or_else(|| identifier.find(line)) {
                findings.add(format!("{path}:{number}: docs/style.md rules out \"{}\"", word.as_str()));
            }
        }
    }
    Ok(())
}
