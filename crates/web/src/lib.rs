//! The web client as `scripts/web` builds it from `web`, embedded in the binary. A missing file is a compile error.

/// The page at `/`. It names each file by its path and, as `?v=`, a version that changes with the content.
pub const PAGE: &str = include_str!("../../../web/dist/index.html");

/// The files that the page loads.
pub const FILES: [EmbeddedFile; 4] = [
    EmbeddedFile {
        path: "/web/app.js",
        media_type: "text/javascript; charset=utf-8",
        content: include_bytes!("../../../web/dist/app.js"),
    },
    EmbeddedFile {
        path: "/web/app.css",
        media_type: "text/css; charset=utf-8",
        content: include_bytes!("../../../web/dist/app.css"),
    },
    ICON,
    EmbeddedFile {
        path: "/web/manifest.webmanifest",
        media_type: "application/manifest+json",
        content: include_bytes!("../../../web/dist/manifest.webmanifest"),
    },
];

/// The icon, which browsers also ask for at `/favicon.ico`.
pub const ICON: EmbeddedFile = EmbeddedFile {
    path: "/web/icon.svg",
    media_type: "image/svg+xml",
    content: include_bytes!("../../../web/dist/icon.svg"),
};

/// A file of the client.
#[derive(Debug, Clone, Copy)]
pub struct EmbeddedFile {
    /// Its path on the server.
    pub path: &'static str,
    /// Its media type.
    pub media_type: &'static str,
    /// Its bytes.
    pub content: &'static [u8],
}

impl EmbeddedFile {
    /// The version under which the page names the file; empty if it does not.
    #[must_use]
    pub fn version(&self) -> &'static str {
        let named = format!("\"{}?v=", self.path);
        let rest = PAGE.split_once(named.as_str()).map_or("", |(_, rest)| rest);
        rest.split_once('"').map_or("", |(version, _)| version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_each_file_with_its_version() {
        for file in FILES {
            assert_eq!(file.version().len(), 16, "{}", file.path);
            assert!(!file.content.is_empty());
        }
    }

    #[test]
    fn the_page_has_no_inline_script_or_style() {
        assert!(PAGE.contains("<script type=\"module\" src=\"/web/app.js?v="));
        assert_eq!(PAGE.matches("<script").count(), 1);
        assert!(!PAGE.contains("<style") && !PAGE.contains("style=") && !PAGE.contains("http"));
    }
}
