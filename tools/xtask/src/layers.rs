//! Layering: which crate may reach which, directly or indirectly.

use anyhow::Result;
use regex::Regex;

use crate::findings::Findings;
use crate::source::{Repository, output};

/// A crate and what it must not reach.
const FORBIDDEN: [(&str, &[&str]); 6] = [
    ("domain", &["diesel", "actix-[a-z]+", "tokio", "serde", "serde_core"]),
    ("api", &["diesel", "infra"]),
    ("infra", &["actix-[a-z]+", "api"]),
    // What serves tests only is no part of the product.
    ("server", &["chaos", "load", "socket-proxy", "test-db", "xtask"]),
    // The harnesses see the product from outside.
    ("chaos", &["domain", "infra", "api", "server"]),
    ("load", &["domain", "infra", "api", "server"]),
];

/// Checks the crate graph as Cargo resolves it.
pub(crate) fn check(_: &Repository, findings: &mut Findings) -> Result<()> {
    for (package, forbidden) in FORBIDDEN {
        let edges =
            ["tree", "--locked", "-p", package, "-e", "normal,build", "--prefix", "none", "--format", "{p}"];
        let tree = output("cargo", &edges)?;
        for name in forbidden {
            let pattern = Regex::new(&format!("(?m)^{name} v"))?;
            if pattern.is_match(&tree) {
                findings.add(format!("layers: crate {package} must not reach {name}"));
            }
        }
    }
    Ok(())
}
