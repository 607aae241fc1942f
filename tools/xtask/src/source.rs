//! The repository's files, read once and parsed with `syn`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// A parsed Rust file.
pub(crate) struct RustFile {
    /// Relative to the repository's root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) syntax: syn::File,
}

impl RustFile {
    /// Whether the whole file is test code. `#[cfg(test)]` modules in other files are recognised by [`is_test_only`].
    pub(crate) fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        self.path.contains("/tests/")
            || name == "tests.rs"
            || name.ends_with("_tests.rs")
            || name == "testing.rs"
    }

    /// The crate's folder, such as `crates/api`.
    pub(crate) fn package(&self) -> &str {
        self.path.match_indices('/').nth(1).map_or("", |(end, _)| self.path.get(..end).unwrap_or_default())
    }
}

/// Every file that git tracks or would track, with the Rust files parsed.
pub(crate) struct Repository {
    pub(crate) root: PathBuf,
    pub(crate) files: Vec<String>,
    pub(crate) rust: Vec<RustFile>,
}

impl Repository {
    /// Reads the repository that contains the working directory.
    pub(crate) fn open() -> Result<Self> {
        let root = PathBuf::from(output("git", &["rev-parse", "--show-toplevel"])?.trim_end());
        std::env::set_current_dir(&root).context("the repository's root")?;
        let listed = output("git", &["ls-files", "--cached", "--others", "--exclude-standard"])?;
        let mut files: Vec<String> =
            listed.lines().filter(|path| root.join(path).is_file()).map(ToOwned::to_owned).collect();
        files.sort();
        files.dedup();
        let rust = files
            .iter()
            .filter(|path| has_extension(path, "rs"))
            .map(|path| parse(path))
            .collect::<Result<_>>()?;
        Ok(Self { root, files, rust })
    }

    /// The text of a file, which must be there.
    pub(crate) fn read(&self, path: &str) -> Result<String> {
        std::fs::read_to_string(self.root.join(path)).with_context(|| path.to_owned())
    }

    /// Cargo's target folder.
    pub(crate) fn target(&self) -> PathBuf {
        self.root.join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
    }

    /// Whether a file or a folder is there.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    /// The Markdown files under `docs/` and the root, decisions excepted: they are history.
    pub(crate) fn documents(&self) -> impl Iterator<Item = &String> {
        self.files.iter().filter(|path| has_extension(path, "md") && !path.starts_with("docs/adr/"))
    }
}

fn parse(path: &str) -> Result<RustFile> {
    let text = std::fs::read_to_string(path).with_context(|| path.to_owned())?;
    let syntax = syn::parse_file(&text).with_context(|| path.to_owned())?;
    Ok(RustFile { path: path.to_owned(), text, syntax })
}

/// What a command prints, when it succeeds.
pub(crate) fn output(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).output().with_context(|| program.to_owned())?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} {}: {error}", arguments.join(" "));
    Ok(String::from_utf8(output.stdout)?)
}

/// Whether an item is compiled for tests only.
pub(crate) fn is_test_only(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::Path(path) => path.segments.last().is_some_and(|segment| segment.ident == "test"),
        syn::Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string().starts_with("test"),
        syn::Meta::NameValue(_) => false,
    })
}

/// Whether a path has this extension.
pub(crate) fn has_extension(path: &str, extension: &str) -> bool {
    std::path::Path::new(path).extension().is_some_and(|found| found == extension)
}
