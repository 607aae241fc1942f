//! The signing secret that is generated for an embedded cluster when none is configured.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

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
    let digits: String = halves.iter().flatten().map(|byte| format!("{byte:02x}")).collect();
    Ok(digits.into())
}

/// The end of an error message: a fresh secret to copy.
pub(crate) fn suggestion() -> anyhow::Result<String> {
    Ok(format!("; for example:\nHONGYAN_JWT_SECRET={}", generate()?.expose_secret()))
}

/// Loads the secret in `folder`, or creates it with mode 0600 at the first start.
pub(crate) fn load_or_create(folder: &Path) -> anyhow::Result<SecretString> {
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
    let (secret, draft) = (generate()?, folder.join("jwt_secret.new"));
    // It is renamed only when it is complete on the disk, so a crash leaves no partial secret.
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
    fn the_secret_is_generated_once_and_private() {
        let folder = std::env::temp_dir().join(format!("hongyan-secret-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let created = load_or_create(&folder).unwrap();
        assert_eq!(created.expose_secret().len(), 64);
        assert_eq!(load_or_create(&folder).unwrap().expose_secret(), created.expose_secret());
        let mode = fs::metadata(folder.join("jwt_secret")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(folder.join("jwt_secret"), "short").unwrap();
        assert!(load_or_create(&folder).unwrap_err().to_string().contains("32 bytes"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
