//! What the tests have seen, for `tests/covered.rs`.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, OnceLock};

use super::Reply;

/// Notes an answer: method, path without its query, status and error name.
pub(super) fn note(method: &str, path: &str, reply: &Reply) {
    static NOTES: OnceLock<Mutex<File>> = OnceLock::new();
    let notes = NOTES.get_or_init(|| {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("seen.tsv");
        // Begun anew by each run, so that nothing counts that an earlier one has seen.
        Mutex::new(File::create(path).unwrap())
    });
    let path = path.split('?').next().unwrap();
    let error = reply.error();
    let line = format!("{method}\t{path}\t{}\t{error}\n", reply.status);
    notes.lock().unwrap().write_all(line.as_bytes()).unwrap();
}
