//! Notes every response that the tests see, for `cargo xtask coverage`.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, OnceLock};

use super::Reply;

/// Notes a response: method, path without query, status, error name, and whether an error has the envelope. Each test process has a file of its own, so that it
/// does not matter which runs first, or how many run at the same time.
pub(super) fn note(method: &str, path: &str, reply: &Reply) {
    static NOTES: OnceLock<Mutex<File>> = OnceLock::new();
    let notes = NOTES.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("api-responses");
        std::fs::create_dir_all(&folder).unwrap();
        Mutex::new(File::create(folder.join(format!("{}.tsv", std::process::id()))).unwrap())
    });
    let path = path.split('?').next().unwrap();
    let error = reply.error();
    // A HEAD has no body, and no other method changes what an error looks like.
    let is_bare = reply.status >= 400 && method != "HEAD" && !reply.is_enveloped_error();
    let form = if is_bare { "bare" } else { "enveloped" };
    let line = format!("{method}\t{path}\t{}\t{error}\t{form}\n", reply.status);
    notes.lock().unwrap().write_all(line.as_bytes()).unwrap();
}
