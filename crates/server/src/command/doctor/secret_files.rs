//! File permission audit: files of settings that hold a secret. With the signing secret anyone can make tokens of every account.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::finding::{Finding, Severity};

/// Files of variables that scripts, containers and the units in `deploy` read.
const VARIABLES: [&str; 2] = [".env", "/etc/hongyan/environment"];
/// Variables whose values are secret. A database's URL may hold a password.
const SECRETS: [&str; 4] =
    ["HONGYAN_JWT_SECRET", "HONGYAN_JWT_PREVIOUS_SECRET", "DATABASE_URL", "PGPASSWORD"];
const SUBJECT: &str = "secrets";

/// Examines the given files, which hold secrets, and well-known files of variables if they do.
pub(super) fn examine(given: &[PathBuf]) -> Vec<Finding> {
    let well_known = VARIABLES.iter().map(PathBuf::from).filter(|path| has_secret(path));
    let mut files: Vec<PathBuf> = given.iter().cloned().chain(well_known).collect();
    files.sort();
    files.dedup();
    files.iter().filter_map(|file| readability(file)).collect()
}

/// Whether a file of variables sets one that is secret. A file that cannot be read is none of ours.
fn has_secret(path: &Path) -> bool {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().any(|line| {
        let line = line.trim_start();
        let assignment = line.strip_prefix("export ").unwrap_or(line).split_once('=');
        assignment.is_some_and(|(name, value)| SECRETS.contains(&name.trim()) && !value.trim().is_empty())
    })
}

fn readability(file: &Path) -> Option<Finding> {
    let mode = file.metadata().ok()?.mode() & 0o777;
    let shown = file.display();
    Some(if mode & 0o077 == 0 {
        Finding::new(Severity::Ok, SUBJECT, format!("only its owner can read {shown}"))
    } else if mode & 0o007 == 0 {
        // A group may be made for it, such as that of a service.
        Finding::new(Severity::Note, SUBJECT, format!("its group can read the secret in {shown} ({mode:o})"))
    } else {
        let text = format!("others can read the secret in {shown}: chmod 600 {shown}");
        Finding::new(Severity::Fail, SUBJECT, text)
    })
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A file that is removed with the value.
    struct Written(PathBuf);

    impl Written {
        fn new(text: &str, mode: u32) -> Self {
            let name = format!("hongyan-secrets-{}", crate::secret::random_name().unwrap());
            let path = std::env::temp_dir().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            Self(path)
        }
    }

    impl Drop for Written {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    #[test]
    fn a_file_with_a_secret_that_others_can_read_fails() {
        for (mode, expected) in [
            (0o600, Severity::Ok),
            (0o400, Severity::Ok),
            (0o640, Severity::Note),
            (0o644, Severity::Fail),
            (0o604, Severity::Fail),
        ] {
            let file = Written::new("", mode);
            let findings = examine(&[file.0.clone(), file.0.clone()]);
            assert_eq!(findings.iter().map(|finding| finding.severity).collect::<Vec<_>>(), [expected]);
        }
        assert!(examine(&["/nowhere/hongyan.toml".into()]).is_empty());
    }

    #[test]
    fn only_variables_that_are_set_and_secret_count() {
        for (text, expected) in [
            ("HONGYAN_JWT_SECRET=x", true),
            ("HONGYAN_BIND=1\n  export DATABASE_URL = 'postgres://a:b@c/d'", true),
            ("#HONGYAN_JWT_SECRET=x", false),
            ("HONGYAN_JWT_SECRET=\nHONGYAN_JWT_SECRET_FILE=/run/secret", false),
            ("", false),
        ] {
            assert_eq!(has_secret(&Written::new(text, 0o600).0), expected, "{text}");
        }
    }
}
