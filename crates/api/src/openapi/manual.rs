//! The descriptions of operations: the sections of docs/API.md, so that each is written once.

use utoipa::openapi::path::Operation;

const MANUAL: &str = include_str!("../../../../docs/API.md");

/// Gives an operation its description, and its summary the form of a title.
pub(super) fn describe(operation: &mut Operation, method: &str, path: &str) {
    operation.description = section(method, path);
    if let Some(summary) = &mut operation.summary {
        summary.truncate(summary.trim_end_matches('.').len());
    }
}

/// The text under the heading that has this method and path in backticks.
fn section(method: &str, path: &str) -> Option<String> {
    let operation = format!("`{method} {path}`");
    let chapters = MANUAL.split("\n## ");
    let sections = chapters.flat_map(|chapter| chapter.split("\n### ").skip(1));
    let mut parts = sections.filter_map(|section| section.split_once('\n'));
    let (_, text) = parts.find(|(heading, _)| heading.contains(&operation))?;
    Some(without_links(text.trim()))
}

/// Replaces each link by its text: its target is a place in another document.
fn without_links(markdown: &str) -> String {
    let mut text = String::with_capacity(markdown.len());
    let mut rest = markdown;
    while let Some((before, after)) = rest.split_once("](") {
        let Some((_, after)) = after.split_once(')') else { break };
        let (start, label) = before.rsplit_once('[').unwrap_or((before, ""));
        text.push_str(start);
        text.push_str(label);
        rest = after;
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_described_by_its_section_of_the_manual() {
        let text = section("POST", "/api/auth/refresh_token").unwrap();
        assert!(text.starts_with("Both paths do the same.") && !text.contains("]("), "{text}");
        assert_eq!(section("GET", "/nowhere"), None);
    }

    #[test]
    fn links_leave_their_text() {
        assert_eq!(
            without_links("see [Tokens](#tokens), [a](b) and `[x]` (y)"),
            "see Tokens, a and `[x]` (y)"
        );
    }
}
