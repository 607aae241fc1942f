//! Cryptographic adapters: password hashing, signed tokens, and random bytes.

pub mod password;
pub mod random;
pub mod token;
