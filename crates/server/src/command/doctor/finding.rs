//! One line of `doctor`.

use std::fmt;

use serde_json::{Value, json};

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// As it should be.
    Ok,
    /// To know; it may be intended.
    Note,
    /// To repair soon.
    Warn,
    /// To repair now.
    Fail,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warn => "warn",
            Self::Fail => "fail",
        })
    }
}

/// The result of one check. Its text fits with the rest into 80 columns, unless it quotes a path or an error.
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    subject: &'static str,
    text: String,
}

impl Finding {
    pub(crate) fn new(severity: Severity, subject: &'static str, text: impl Into<String>) -> Self {
        Self { severity, subject, text: text.into() }
    }

    pub(crate) fn as_json(&self) -> Value {
        json!({"severity": self.severity.to_string(), "subject": self.subject, "text": self.in_one_line()})
    }

    /// Some errors of libpq span several lines.
    fn in_one_line(&self) -> String {
        self.text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<5} {:<11} {}", self.severity, self.subject, self.in_one_line())
    }
}
