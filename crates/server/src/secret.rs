//! The signing secret that is generated for an embedded cluster when none is configured.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;
use domain::account::RandomSource;
use infra::crypto::random::SystemRandom;
use infra::crypto::token::JwtCodec;
use secrecy::{ExposeSecret, SecretString};

/// Minimum length of a secret.
pub(crate) const MIN_BYTES: usize = JwtCodec::MIN_SECRET_BYTES;

/// Generates a secret of 32 random bytes as 64 hexadecimal digits.
pub(crate) fn generate() -> anyhow::Result<SecretString> {
    let halves = [SystemRandom.bytes()?, SystemRandom.bytes()?];
    Ok(hex(halves.as_flattened()).into())
}

/// The bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut digits, byte| {
        // Writing to a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

/// The end of an error message: a fresh secret to copy.
pub(crate) fn suggestion() -> anyhow::Result<String> {
    Ok(format!("; for example:\nHONGYAN_JWT_SECRET={}", generate()?.expose_secret()))
}

/// Sixteen hexadecimal digits that cannot be foreseen, for the name of a file.
pub(crate) fn random_name() -> anyhow::Result<String> {
    Ok(hex(SystemRandom.bytes()?.get(..8).unwrap_or_default()))
}

/// The file of the generated secret.
pub(crate) fn path(folder: &Path) -> PathBuf {
    folder.join("jwt_secret")
}

/// Loads the secret in `folder`; `None` if there is none.
///
/// # Errors
/// When the file is a symbolic link, belongs to another user, is readable by others, or is too short.
pub(crate) fn load(folder: &Path) -> anyhow::Result<Option<SecretString>> {
    let path = path(folder);
    let shown = path.display();
    let mut file = match open_options().read(true).open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("{shown} cannot be opened as a file")),
    };
    let metadata = file.metadata().with_context(|| format!("{shown} cannot be read"))?;
    anyhow::ensure!(metadata.is_file(), "{shown} is not a file");
    let user = rustix::process::geteuid().as_raw();
    anyhow::ensure!(
        metadata.uid() == user,
        "{shown} belongs to another user: chown it to the user that runs the server"
    );
    anyhow::ensure!(metadata.mode() & 0o077 == 0, "{shown} can be read by other users: chmod 600 {shown}");
    let mut secret = String::new();
    file.read_to_string(&mut secret).with_context(|| format!("{shown} cannot be read"))?;
    let secret = secret.trim();
    anyhow::ensure!(secret.len() >= MIN_BYTES, "{shown} needs at least {MIN_BYTES} bytes");
    Ok(Some(secret.into()))
}

/// Generates a secret and stores it in `folder` with mode 0600.
pub(crate) fn create(folder: &Path) -> anyhow::Result<SecretString> {
    let secret = generate()?;
    let name = random_name()?;
    let (path, draft) = (path(folder), folder.join(format!("jwt_secret.{name}")));
    // It is renamed only when it is complete on the disk, so a crash leaves no partial secret. A file or link that was put
    // there beforehand is not used: the name is random, and the file must be new.
    let write = || -> std::io::Result<()> {
        let mut file = open_options().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        file.write_all(secret.expose_secret().as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, &path)
    };
    write().with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(secret)
}

/// A value to recognise a secret by, which does not reveal it: the first 16 hexadecimal digits of a hash.
pub(crate) fn fingerprint(secret: &SecretString) -> String {
    let hash = infra::crypto::fingerprint(secret.expose_secret().as_bytes());
    hex(hash.get(..8).unwrap_or_default())
}

/// Options that do not follow a symbolic link.
fn open_options() -> OpenOptions {
    let flags = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or_default();
    let mut options = OpenOptions::new();
    options.custom_flags(flags);
    options
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("hongyan-secret-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn the_secret_is_generated_once_and_private() {
        let folder = folder("once");
        assert!(load(&folder).unwrap().is_none());
        let created = create(&folder).unwrap();
        assert_eq!(created.expose_secret().len(), 64);
        assert_eq!(load(&folder).unwrap().unwrap().expose_secret(), created.expose_secret());
        let mode = fs::metadata(path(&folder)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "no draft is left");
        fs::write(path(&folder), "short").unwrap();
        assert!(load(&folder).unwrap_err().to_string().contains("32 bytes"));
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_secret_that_others_can_read_or_replace_is_refused() {
        let folder = folder("open");
        create(&folder).unwrap();
        for mode in [0o644, 0o640, 0o604, 0o620] {
            fs::set_permissions(path(&folder), fs::Permissions::from_mode(mode)).unwrap();
            let refusal = load(&folder).unwrap_err().to_string();
            assert!(refusal.contains("chmod 600"), "{mode:o}: {refusal}");
        }
        fs::set_permissions(path(&folder), fs::Permissions::from_mode(0o600)).unwrap();
        fs::rename(path(&folder), folder.join("elsewhere")).unwrap();
        symlink(folder.join("elsewhere"), path(&folder)).unwrap();
        assert!(load(&folder).is_err(), "a link is not followed");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_fingerprint_tells_secrets_apart_and_reveals_none() {
        let (one, other) = (generate().unwrap(), generate().unwrap());
        assert_eq!(fingerprint(&one), fingerprint(&one.clone()));
        assert_ne!(fingerprint(&one), fingerprint(&other));
        assert_eq!(fingerprint(&one).len(), 16);
        assert!(!one.expose_secret().contains(&fingerprint(&one)));
    }
}
