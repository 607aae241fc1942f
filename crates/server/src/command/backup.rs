//! Writing the whole database into a file.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use indicatif::ProgressBar;

use super::{Outcome, programs, progress, say};
use crate::config::Settings;
use crate::database::Visit;

/// How often the size of a growing file is looked at.
const LOOK: Duration = Duration::from_millis(100);

pub(super) fn run(settings: &Settings, file: &Path) -> Outcome {
    let visit =
        Visit::pay(settings)?.context("there is no database yet, so that nothing can be backed up")?;
    let length = write(visit.url(), file)?;
    say(format_args!(
        "{} holds the whole database ({length} bytes); keep it as secret as the database itself",
        file.display()
    ));
    Ok(0)
}

/// The file appears under its name only when it is whole and on the disk.
fn write(url: &str, file: &Path) -> anyhow::Result<u64> {
    ensure!(!file.exists(), "{} is there already; a backup is never overwritten", file.display());
    let mut draft = file.as_os_str().to_owned();
    draft.push(".part");
    let draft = PathBuf::from(draft);
    let written = dump(url, &draft).and_then(|length| {
        // A hard link fails where the name was taken meanwhile, which renaming would overwrite.
        std::fs::hard_link(&draft, file).with_context(|| format!("{} cannot be made", file.display()))?;
        Ok(length)
    });
    // What is left of a backup that failed is worth nothing; one that succeeded has its own name by now.
    let _ = std::fs::remove_file(&draft);
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let length = written?;
    File::open(folder).and_then(|folder| folder.sync_all()).context("the folder cannot be written out")?;
    Ok(length)
}

fn dump(url: &str, draft: &Path) -> anyhow::Result<u64> {
    let cannot = || format!("{} cannot be written", draft.display());
    // It holds every message and every password's hash: it is nobody else's to read.
    let open = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(draft);
    let output = open.with_context(cannot)?;
    let mut pg_dump = programs::program_for("pg_dump", url);
    pg_dump.arg("--format=custom").stdin(Stdio::null()).stdout(output.try_clone().with_context(cannot)?);
    let status = watch(programs::start(&mut pg_dump)?, draft, &progress::counter("backing up"))?;
    ensure!(status.success(), "pg_dump failed ({status}); what it said is above");
    output.sync_all().with_context(cannot)?;
    // A file that cannot even be listed is no backup.
    let mut list = programs::program("pg_restore");
    list.arg("--list").arg(draft).stdin(Stdio::null()).stdout(Stdio::null());
    let status = programs::start(&mut list)?.wait()?;
    ensure!(status.success(), "pg_restore cannot read what pg_dump wrote");
    Ok(output.metadata().with_context(cannot)?.len())
}

/// Waits for a program that writes a file.
fn watch(mut child: Child, file: &Path, bar: &ProgressBar) -> anyhow::Result<ExitStatus> {
    if bar.is_hidden() {
        return Ok(child.wait()?);
    }
    loop {
        if let Some(status) = child.try_wait()? {
            bar.finish_and_clear();
            return Ok(status);
        }
        bar.set_position(file.metadata().map_or(0, |metadata| metadata.len()));
        std::thread::sleep(LOOK);
    }
}
