//! `migrate`: applies pending migrations, or reports them.

use indicatif::ProgressBar;
use infra::migrations::{self, Progress, SchemaState};
use serde_json::json;

use super::progress;
use super::report::{CommandResult, SCHEMA_DIFFERS, print, print_json};
use crate::config::Settings;
use crate::database::{DatabaseAccess, MigrationWatch};

struct Bar(ProgressBar);

impl MigrationWatch for Bar {
    fn progress(&mut self, progress: Progress) {
        self.0.set_length(progress.all as u64);
        self.0.set_position(progress.done as u64);
    }
}

pub(super) fn run(settings: &Settings) -> CommandResult {
    let database = DatabaseAccess::open_or_create(settings)?;
    let mut bar = Bar(progress::steps("migrating"));
    let applied = crate::database::migrate(database.url().expose(), settings.start, &mut bar);
    bar.0.finish_and_clear();
    let applied = applied?;
    for name in &applied {
        print(format_args!("applied {name}"));
    }
    print(format_args!("the schema is up to date; migrations applied: {}", applied.len()));
    Ok(0)
}

pub(super) fn check(settings: &Settings, as_json: bool) -> CommandResult {
    let state = match DatabaseAccess::open(settings)? {
        Some(database) => migrations::state(database.url().expose())?,
        None => migrations::compare(&std::collections::BTreeSet::new())?,
    };
    if as_json {
        print_json(&json!({"pending": state.pending, "unknown": state.unknown}));
    } else {
        report(&state);
    }
    let SchemaState { pending, unknown } = state;
    Ok(if pending.is_empty() && unknown.is_empty() { 0 } else { SCHEMA_DIFFERS })
}

fn report(state: &SchemaState) {
    for name in &state.pending {
        print(format_args!("pending {name}"));
    }
    for version in &state.unknown {
        print(format_args!("unknown {version}: applied by a newer version of hongyan"));
    }
    if state.pending.is_empty() && state.unknown.is_empty() {
        print("the schema is up to date");
    }
}
