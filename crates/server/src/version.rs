//! Which version this is.

/// The version, with the commit that it was built from where that is known.
pub const FULL: &str = concat!(env!("CARGO_PKG_VERSION"), env!("HONGYAN_COMMIT_SUFFIX"));

/// The commit, or `unknown`.
pub const COMMIT: &str = env!("HONGYAN_COMMIT");
