//! Layout of the help: lines of at most 80 columns, and the settings only where a command's own page is not buried by them.

use std::ffi::OsString;

use super::table::width;

/// The width of a terminal that is taken for granted.
const WIDTH: usize = 80;
/// The heading of the settings in the help.
const SETTINGS: &str = "Settings:";

/// The help of the command in a command line, from the text that the parser made.
pub(super) fn laid_out(help: &str, typed: &[OsString]) -> String {
    let words = typed.iter().skip(1).filter_map(|word| word.to_str());
    let command = words.filter(|word| !word.starts_with('-')).find(|word| *word != "help");
    let with_settings = command.is_some_and(|command| ["serve", "config"].contains(&command));
    let mut in_settings = false;
    let mut text = String::new();
    for line in help.trim_end().lines() {
        in_settings = line == SETTINGS || (in_settings && !line.is_empty());
        if in_settings && !with_settings {
            if line == SETTINGS {
                text.push_str("Settings: see `hongyan serve --help`\n");
            }
            continue;
        }
        for piece in wrapped(line) {
            text.push_str(piece.trim_end());
            text.push('\n');
        }
    }
    text
}

/// Breaks a line between words. The further lines begin where the explanation of an option begins.
fn wrapped(line: &str) -> Vec<String> {
    let indent = explanation_column(line);
    let mut lines = Vec::new();
    let mut current = String::new();
    for word in line.split_inclusive(' ') {
        if width(&current) + width(word.trim_end()) > WIDTH && !current.trim().is_empty() {
            lines.push(std::mem::replace(&mut current, " ".repeat(indent)));
        }
        current.push_str(word);
    }
    lines.push(current);
    lines
}

/// The column after the last gap of two spaces or more.
fn explanation_column(line: &str) -> usize {
    let start = line.rfind("  ").map_or(0, |gap| gap + 2);
    let column = line.get(..start).map_or(0, width);
    if column > WIDTH / 2 { 0 } else { column }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{InvalidInvocation, Invocation};

    fn help_of(typed: &[&str]) -> String {
        let typed: Vec<OsString> = ["hongyan"].iter().chain(typed).map(OsString::from).collect();
        let Err(InvalidInvocation::Grammar(help)) = Invocation::parse(typed.clone()) else {
            panic!("no help")
        };
        laid_out(&help.to_string(), &typed)
    }

    #[test]
    fn the_help_of_every_command_fits_into_80_columns() {
        for typed in [
            &["--help"][..],
            &["serve", "--help"],
            &["help", "serve"],
            &["config", "--help"],
            &["config", "check", "--help"],
            &["migrate", "--help"],
            &["config", "print", "--help"],
            &["doctor", "--help"],
            &["user", "--help"],
            &["user", "create", "--help"],
            &["user", "list", "--help"],
            &["user", "show", "--help"],
            &["user", "erase", "--help"],
            &["completions", "--help"],
            &["invite", "create", "--help"],
            &["openapi", "--help"],
            &["help", "restore"],
            &["backup", "-h"],
        ] {
            let help = help_of(typed);
            for line in help.lines() {
                assert!(width(line) <= WIDTH, "{typed:?}: {line}");
            }
            let with_settings = typed.iter().any(|word| ["serve", "config"].contains(word));
            assert_eq!(help.contains("HONGYAN_BCRYPT_COST"), with_settings, "{typed:?}: {help}");
            assert!(help.contains("Usage:"), "{help}");
            assert_eq!(help.contains("the flag's name with '_' for '-'. Flags"), with_settings, "{help}");
        }
    }

    #[test]
    fn the_page_of_hongyan_itself_is_one_screen_with_the_exit_codes() {
        let help = help_of(&["--help"]);
        assert!(help.contains("  3  of `migrate --check`") && help.lines().count() <= 40, "{help}");
    }

    #[test]
    fn the_first_line_says_what_hongyan_is() {
        assert!(help_of(&["--help"]).starts_with("Hongyan 鸿雁, a one-to-one chat backend over REST\n"));
    }

    #[test]
    fn no_word_of_a_long_line_is_lost() {
        let line = format!("  --option <X>    {}", "word 鸿雁 ".repeat(40));
        let lines = wrapped(&line);
        assert!(lines.len() > 4 && lines.iter().skip(1).all(|line| line.starts_with(&" ".repeat(16))));
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&lines.join(" ")), words(&line));
    }
}
