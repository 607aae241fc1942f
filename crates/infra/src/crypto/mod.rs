//! Cryptographic adapters: password hashing, signed tokens, and random bytes.

pub mod password;
pub mod password_upgrade;
pub mod random;
pub mod token;

use sha2::{Digest, Sha256};

/// Recognises a random secret without revealing it: its SHA-256 under a fixed prefix.
#[must_use]
pub fn fingerprint(secret: &[u8]) -> [u8; 32] {
    // The prefix keeps these values apart from other hashes of the secret.
    Sha256::new().chain_update("hongyan fingerprint ").chain_update(secret).finalize().into()
}
