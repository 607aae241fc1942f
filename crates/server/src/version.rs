//! The version of this binary.

/// The version, followed by the commit it was built from where that is known.
pub const FULL: &str = concat!(env!("CARGO_PKG_VERSION"), env!("HONGYAN_COMMIT_SUFFIX"));

/// The commit, or `unknown`.
pub const COMMIT: &str = env!("HONGYAN_COMMIT");
