//! The database that each test's database is cloned from, prepared once.

use std::path::Path;

/// The database that a test's database is cloned from.
pub struct Template {
    /// Identifies the template's content: different content needs a different key.
    pub key: String,
    /// Prepares the template at the given URL.
    pub prepare: fn(&str),
}

impl Template {
    /// A template on which `prepare` applies the migrations in `folder`; keyed by a hash of their content.
    ///
    /// # Panics
    /// When the folder cannot be read.
    #[must_use]
    pub fn of_migrations(folder: &Path, prepare: fn(&str)) -> Self {
        let mut files = Vec::new();
        let entries = std::fs::read_dir(folder).expect("the migrations can be listed").flatten();
        for migration in entries.filter(|entry| entry.path().is_dir()) {
            for name in ["up.sql", "down.sql"] {
                let path = migration.path().join(name);
                files.push((path.clone(), std::fs::read(&path).expect("the migration can be read")));
            }
        }
        files.sort();
        // 64-bit FNV-1a: stable across processes.
        let bytes =
            files.iter().flat_map(|(path, text)| path.as_os_str().as_encoded_bytes().iter().chain(text));
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self { key: format!("{hash:016x}"), prepare }
    }
}
