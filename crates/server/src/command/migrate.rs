//! Bringing the schema up to date, or looking whether it is.

use indicatif::ProgressBar;
use infra::migrations::{self, Progress, SchemaState};

use super::{Outcome, SCHEMA_DIFFERS, progress, say};
use crate::config::Settings;
use crate::database::{MigrationWatch, Visit};

struct Bar(ProgressBar);

impl MigrationWatch for Bar {
    fn comes_on(&mut self, progress: Progress) {
        self.0.set_length(progress.all as u64);
        self.0.set_position(progress.done as u64);
    }
}

pub(super) fn run(settings: &Settings) -> Outcome {
    let visit = Visit::pay_or_make(settings)?;
    let mut bar = Bar(progress::steps("migrating"));
    let applied = crate::database::migrate(visit.url(), settings.start, &mut bar);
    bar.0.finish_and_clear();
    let applied = applied?;
    for name in &applied {
        say(format_args!("applied {name}"));
    }
    say(format_args!("the schema is up to date; {} were applied", applied.len()));
    Ok(0)
}

pub(super) fn check(settings: &Settings) -> Outcome {
    let state = match Visit::pay(settings)? {
        Some(visit) => migrations::state(visit.url())?,
        None => migrations::compare(&std::collections::BTreeSet::new())?,
    };
    for name in &state.pending {
        say(format_args!("pending {name}"));
    }
    for version in &state.unknown {
        say(format_args!("unknown {version}: applied by a newer version of hongyan"));
    }
    let SchemaState { pending, unknown } = state;
    if pending.is_empty() && unknown.is_empty() {
        say("the schema is up to date");
        return Ok(0);
    }
    Ok(SCHEMA_DIFFERS)
}
