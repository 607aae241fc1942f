//! The signing secret that is made when none is given.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use domain::account::RandomSource;
use infra::crypto::random::SystemRandom;
use infra::crypto::token::JwtCodec;
use secrecy::{ExposeSecret, SecretString};

/// The shortest secret that is accepted.
pub(crate) const MIN_BYTES: usize = JwtCodec::MIN_SECRET_BYTES;

/// A new secret: 32 bytes as 64 hexadecimal digits.
pub(crate) fn make() -> anyhow::Result<SecretString> {
    let halves = [SystemRandom.bytes()?, SystemRandom.bytes()?];
    let digits: String = halves.iter().flatten().map(|byte| format!("{byte:02x}")).collect();
    Ok(digits.into())
}

/// A ready secret to copy, for an error message.
pub(crate) fn offer() -> anyhow::Result<String> {
    Ok(format!("; here is a ready one:\nHONGYAN_JWT_SECRET={}", make()?.expose_secret()))
}

/// The secret kept in `folder`, made at the first start and readable by its owner only.
pub(crate) fn load_or_make(folder: &Path) -> anyhow::Result<SecretString> {
    let path = folder.join("jwt_secret");
    match fs::read_to_string(&path) {
        Ok(secret) => {
            let secret = secret.trim();
            anyhow::ensure!(secret.len() >= MIN_BYTES, "{} needs at least {MIN_BYTES} bytes", path.display());
            return Ok(secret.into());
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
    let (secret, draft) = (make()?, folder.join("jwt_secret.new"));
    // Renamed into place only when it is whole on the disk, so that a crash leaves no half of it.
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        file.write_all(secret.expose_secret().as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, &path)
    };
    write().with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_secret_is_made_once_and_private() {
        let folder = std::env::temp_dir().join(format!("hongyan-secret-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let made = load_or_make(&folder).unwrap();
        assert_eq!(made.expose_secret().len(), 64);
        assert_eq!(load_or_make(&folder).unwrap().expose_secret(), made.expose_secret());
        let mode = fs::metadata(folder.join("jwt_secret")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(folder.join("jwt_secret"), "short").unwrap();
        assert!(load_or_make(&folder).unwrap_err().to_string().contains("32 bytes"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
