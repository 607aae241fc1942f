//! One rule for all settings and all sources, tried on every setting of the table.

use std::path::PathBuf;

use clap::CommandFactory;

use super::super::origin::Environment;
use super::super::{Cli, InvalidInvocation, Invocation, Origin};
use super::*;

const SECRET: &str = "0123456789-abcdefghij-0123456789-ab";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Flag,
    Variable,
    File,
    SecretFile,
}

/// A setting with a valid text.
struct Example {
    argument: Arg,
    variable: String,
    text: String,
}

fn settings() -> Vec<Example> {
    let command = Cli::command();
    let arguments = command.get_arguments().filter(|argument| argument.get_id() != "config");
    let settings = arguments.filter_map(|argument| {
        let text = Options::documented(argument.get_id().as_str())?.example;
        let text = if text.is_empty() { SECRET.to_owned() } else { text };
        Some(Example { argument: argument.clone(), variable: environment_name(argument)?, text })
    });
    let settings: Vec<_> = settings.collect();
    assert!(settings.len() > 20, "the table is read");
    settings
}

impl Example {
    fn sources(&self) -> Vec<Source> {
        let mut sources = vec![Source::Flag, Source::Variable, Source::File];
        sources.extend(self.argument.is_hide_env_values_set().then_some(Source::SecretFile));
        sources
    }

    /// Parses a command line with this text in one source. Returns the error's text.
    fn given(&self, source: Source, text: &str) -> Result<Invocation, String> {
        let file = TemporaryFile::new();
        let path = file.0.display();
        let (mut typed, mut variables) = (vec!["hongyan".into()], Environment::default());
        match source {
            Source::Flag => typed.push(as_flag(&self.argument, text).into()),
            Source::Variable => drop(variables.0.insert(self.variable.clone(), text.into())),
            Source::SecretFile => {
                std::fs::write(&file.0, text).unwrap();
                variables.0.insert(format!("{}_FILE", self.variable), format!("{path}\n").into());
            }
            Source::File => {
                let quoted = serde_json::to_string(text).unwrap();
                std::fs::write(&file.0, format!("\n{} = {quoted}\n", self.argument.get_id())).unwrap();
                variables.0.insert("HONGYAN_CONFIG".to_owned(), format!(" {path}\n").into());
            }
        }
        Invocation::parse_in(variables, typed).map_err(|invalid| match invalid {
            InvalidInvocation::Grammar(error) => error.to_string(),
            InvalidInvocation::Setting(error) => format!("{error:#}"),
        })
    }

    /// The text that is read and its source.
    fn read(&self, source: Source, text: &str) -> (Option<String>, Origin) {
        let invocation = self.given(source, text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        let given = invocation.origins.0.into_iter().find(|given| given.name == self.variable).unwrap();
        (given.value, given.origin)
    }
}

/// A file that is removed on drop.
struct TemporaryFile(PathBuf);

impl TemporaryFile {
    fn new() -> Self {
        let name = crate::secret::random_name().unwrap();
        Self(std::env::temp_dir().join(format!("hongyan-reader-{name}")))
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn every_setting_is_trimmed_and_typed_alike_in_every_source() {
    for setting in settings() {
        let plain = setting.given(Source::Flag, &setting.text).unwrap().options;
        for source in setting.sources() {
            for text in
                [setting.text.clone(), format!("{}\n", setting.text), format!(" \t{}\r\n ", setting.text)]
            {
                let what = format!("{} {source:?} {text:?}", setting.variable);
                let (value, origin) = setting.read(source, &text);
                assert_eq!(value.as_deref(), Some(setting.text.as_str()), "{what}");
                assert_ne!(origin, Origin::Default, "{what}");
                let options = setting.given(source, &text).unwrap().options;
                assert_eq!(format!("{options:?}"), format!("{plain:?}"), "{what}");
            }
        }
    }
}

#[test]
fn an_empty_value_of_any_source_is_not_given() {
    for setting in settings() {
        for source in setting.sources() {
            for blank in ["", " ", "\n"] {
                if source == Source::SecretFile {
                    let error = setting.given(source, blank).unwrap_err();
                    assert!(error.contains(" is empty"), "a secret is never dropped silently: {error}");
                    continue;
                }
                let read = setting.read(source, blank);
                assert_eq!(read, (None, Origin::Default), "{} {source:?}", setting.variable);
            }
        }
    }
}

#[test]
fn every_list_is_read_alike_with_and_without_blanks() {
    let lists: Vec<_> = settings();
    let lists = lists.iter().filter_map(|setting| Some((setting, setting.argument.get_value_delimiter()?)));
    let mut count = 0;
    for (setting, delimiter) in lists {
        count += 1;
        let item = &setting.text;
        for source in setting.sources() {
            for text in [
                format!("{item}{delimiter}{item}"),
                format!(" {item} {delimiter} {item} "),
                format!("{delimiter}{item}{delimiter}{delimiter}\n{item}{delimiter}"),
            ] {
                let (value, _) = setting.read(source, &text);
                assert_eq!(value, Some(format!("{item}{delimiter}{item}")), "{source:?} {text:?}");
            }
        }
    }
    assert!(count >= 2);
}

/// The error of a text that no setting but a plain text accepts; `None` if it is accepted.
fn refusal(setting: &Example, source: Source, text: &str) -> Option<String> {
    let checked = setting.given(source, text);
    checked.and_then(|given| given.settings_for_tools().map_err(|error| format!("{error:#}"))).err()
}

#[test]
fn a_refused_value_is_reported_with_its_setting_origin_and_what_is_allowed() {
    let mut refused = 0;
    for setting in settings() {
        let secret = setting.argument.is_hide_env_values_set();
        for source in setting.sources() {
            // No number, address, origin, filter or URL, and too short for a secret.
            let Some(error) = refusal(&setting, source, "can=a=ry") else { continue };
            refused += 1;
            let key = setting.argument.get_id().as_str();
            assert!(error.contains(&setting.variable) || error.contains(key), "{error}");
            let origin = match source {
                Source::Flag => format!("--{}", setting.argument.get_long().unwrap()),
                Source::Variable => setting.variable.clone(),
                Source::File => ":2".to_owned(),
                Source::SecretFile => "file /".to_owned(),
            };
            assert!(error.contains(&origin), "{origin} is missing: {error}");
            let allowed = ["for example", "whole number in ", "possible values", "such as", "at least"];
            assert!(allowed.iter().any(|words| error.contains(words)), "what is allowed? {error}");
            assert!(!secret || !error.contains("can=a=ry"), "{error}");
        }
    }
    assert!(refused > 60, "{refused}");
}

#[test]
fn every_number_is_refused_alike_out_of_its_range() {
    let mut numbers = 0;
    for setting in settings().iter().filter(|setting| setting.text.parse::<u32>().is_ok()) {
        numbers += 1;
        for text in ["-1", "4294967296", "1.5", "1_000", "0x10", "1e3", "five"] {
            for source in setting.sources() {
                let error = refusal(setting, source, text).expect(text);
                assert!(error.contains(" in "), "the range is missing: {error}");
            }
        }
    }
    assert!(numbers > 10);
}

#[test]
fn a_secret_and_its_file_are_not_both_given() {
    let file = TemporaryFile::new();
    std::fs::write(&file.0, SECRET).unwrap();
    let mut variables = Environment::default();
    variables.0.insert("HONGYAN_JWT_SECRET".to_owned(), SECRET.into());
    variables.0.insert("HONGYAN_JWT_SECRET_FILE".to_owned(), file.0.clone().into());
    let Err(InvalidInvocation::Setting(error)) = Invocation::parse_in(variables, ["hongyan".into()]) else {
        panic!("both are taken")
    };
    assert!(error.to_string().contains("HONGYAN_JWT_SECRET and HONGYAN_JWT_SECRET_FILE"), "{error:#}");
}
