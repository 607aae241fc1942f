//! Spelling suggestions by edit distance, for names of settings that do not exist.

use super::reader::environment_name;

/// What the names of our environment variables begin with, except `DATABASE_URL`.
const PREFIX: &str = "HONGYAN_";
/// Names of settings that earlier releases had, with what replaces them.
const RETIRED: [(&str, &str); 0] = [];
/// Variables of the build and of the tests.
const OTHERS: [&str; 3] = ["HONGYAN_COMMIT", "HONGYAN_TEST_DEPTH", "HONGYAN_PEOPLE"];

/// The known name that is the nearest to an unknown one, unless all are far from it.
pub(super) fn nearest<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let bare = |name: &str| {
        let name = name.to_ascii_uppercase();
        name.strip_prefix(PREFIX).map_or_else(|| name.clone(), str::to_owned)
    };
    let wanted = bare(unknown);
    let limit = wanted.chars().count().div_ceil(2);
    let rated = known.map(|name| (strsim::osa_distance(&wanted, &bare(name)), name));
    rated
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= limit)
        .map(|(_, name)| name)
}

/// One warning for each environment variable that looks like a setting of ours and is none.
pub(super) fn unknown_variables<'a>(
    names: impl Iterator<Item = &'a str>,
    grammar: &clap::Command,
) -> Vec<String> {
    let mut known = Vec::new();
    for argument in grammar.get_arguments() {
        let name = environment_name(argument);
        known.extend(name.filter(|_| argument.is_hide_env_values_set()).map(|name| name + "_FILE"));
        known.extend(environment_name(argument));
    }
    let is_ours = |name: &str| name.to_ascii_uppercase().starts_with(PREFIX);
    let is_known = |name: &str| known.iter().any(|known| known == name) || OTHERS.contains(&name);
    let mut unknown: Vec<&str> = names.filter(|name| is_ours(name) && !is_known(name)).collect();
    unknown.sort_unstable();
    let known = || known.iter().map(String::as_str);
    unknown.into_iter().map(|name| warning(name, nearest(name, known()))).collect()
}

fn warning(name: &str, nearest: Option<&str>) -> String {
    if let Some((_, advice)) = RETIRED.iter().find(|(retired, _)| *retired == name) {
        return format!("{name} is no longer a setting and is ignored: {advice}");
    }
    match nearest {
        Some(nearest) => format!("{name} is not a setting and is ignored; did you mean {nearest}?"),
        None => format!("{name} is not a setting and is ignored; `hongyan config print` lists all settings"),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::super::Cli;
    use super::*;

    #[test]
    fn the_nearest_setting_is_suggested_for_any_typing_error() {
        let grammar = Cli::command();
        let names: Vec<String> = grammar.get_arguments().filter_map(environment_name).collect();
        assert!(names.len() > 20);
        for name in &names {
            assert!(unknown_variables([name.as_str()].into_iter(), &grammar).is_empty(), "{name} is known");
            let stem = name.trim_start_matches(PREFIX);
            let swapped: String = stem.chars().take(2).collect::<Vec<_>>().into_iter().rev().collect();
            for wrong in [
                format!("{PREFIX}{stem}X"),
                format!("{PREFIX}{}", stem.replacen('_', "", 1)),
                format!("{PREFIX}{swapped}{}", stem.chars().skip(2).collect::<String>()),
                format!("hongyan_{}", stem.to_ascii_lowercase()),
            ] {
                if names.contains(&wrong) {
                    continue;
                }
                let warnings = unknown_variables([wrong.as_str()].into_iter(), &grammar);
                let expected = format!("{wrong} is not a setting and is ignored; did you mean {name}?");
                assert_eq!(warnings, [expected]);
            }
        }
    }

    #[test]
    fn a_name_without_a_near_one_and_names_of_others_are_known() {
        let warnings = |name: &str| unknown_variables([name].into_iter(), &Cli::command());
        assert!(warnings("HONGYAN_WHATEVER_ELSE").iter().all(|text| text.contains("config print")));
        for name in ["PATH", "PGOPTIONS", "DATABASE_URL", "HONGYAN_JWT_SECRET_FILE", "HONGYAN_TEST_DEPTH"] {
            assert!(warnings(name).is_empty(), "{name}");
        }
    }

    #[test]
    fn no_retired_name_is_a_setting() {
        let grammar = Cli::command();
        let mut names = grammar.get_arguments().filter_map(environment_name);
        assert!(!names.any(|name| RETIRED.iter().any(|(retired, _)| *retired == name)));
    }
}
