//! `backup`: dumps the whole database into a file.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use indicatif::ProgressBar;

use super::report::{CommandResult, print};
use super::{programs, progress};
use crate::config::{DatabaseUrl, Settings};
use crate::database::DatabaseAccess;
use crate::secret;

/// Interval between two updates of the progress bar.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

pub(super) fn run(settings: &Settings, file: &Path) -> CommandResult {
    let database = DatabaseAccess::open(settings)?.context("there is no database yet: nothing to back up")?;
    let length = write(database.url(), file)?;
    print(format_args!("backup written to {} ({length} bytes)", file.display()));
    print("protect it like the database: it contains every message and every password hash");
    Ok(0)
}

/// The file gets its name only when it is complete and on the disk.
fn write(url: &DatabaseUrl, file: &Path) -> anyhow::Result<u64> {
    ensure!(!file.exists(), "{} already exists; a backup never overwrites a file", file.display());
    let mut draft = file.as_os_str().to_owned();
    draft.push(format!(".{}.part", secret::random_name()?));
    let draft = PathBuf::from(draft);
    let written = dump(url, &draft).and_then(|length| {
        // A hard link fails if the name exists by now; a rename would overwrite that file.
        std::fs::hard_link(&draft, file).with_context(|| format!("{} cannot be created", file.display()))?;
        Ok(length)
    });
    // A failed draft is useless; a successful one has its final name by now.
    let _ = std::fs::remove_file(&draft);
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let length = written?;
    File::open(folder).and_then(|folder| folder.sync_all()).context("the folder cannot be synced to disk")?;
    Ok(length)
}

fn dump(url: &DatabaseUrl, draft: &Path) -> anyhow::Result<u64> {
    let cannot = || format!("{} cannot be written", draft.display());
    // It contains every message and every password hash: only the owner may read it. A file or a link that is there already is
    // not used: others may be able to read it.
    let open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft);
    let output = open.with_context(cannot)?;
    let mut pg_dump = programs::program_for("pg_dump", url)?;
    let stdout = output.try_clone().with_context(cannot)?;
    pg_dump.command.args(["--format=custom", "--encoding=UTF8"]).stdin(Stdio::null()).stdout(stdout);
    let status = watch(programs::start(&mut pg_dump.command)?, draft, &progress::counter("backing up"))?;
    ensure!(status.success(), "pg_dump failed ({status}); see its output above");
    output.sync_all().with_context(cannot)?;
    // A dump whose contents cannot be listed is unusable.
    let mut list = programs::program("pg_restore");
    list.arg("--list").arg(draft).stdin(Stdio::null()).stdout(Stdio::null());
    let status = programs::start(&mut list)?.wait()?;
    ensure!(status.success(), "pg_restore cannot read the file that pg_dump wrote");
    Ok(output.metadata().with_context(cannot)?.len())
}

/// Waits for a program and shows the size of the file that it writes.
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
        std::thread::sleep(PROGRESS_INTERVAL);
    }
}
