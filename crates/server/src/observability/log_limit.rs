//! Rate limiter of the log: at most one line per kind and second, and the next one counts what was left out.
//!
//! Every warning and error passes it, those of libraries too, so a caller writes `tracing::warn!(…)` as ever. A kind is a
//! place in the source; a field `kind` tells several kinds of one place apart, such as
//! `tracing::warn!(kind = "quota", "request refused")`. An event of any level that has this field is limited. Not limited are
//! the targets [`COMPLETE`], whose lines are records of single events.
//!
//! Lines that are left out cost no formatting. Their number is the field `suppressed` of the kind's next line, or of a line
//! that [`report`] writes when none follows.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Targets with one line per event. A field `kind` limits a line of them too.
const COMPLETE: [&str; 2] = ["access", "audit"];
/// The crates and the targets whose errors are errors of this server. Those of libraries are warnings.
const OWN: [&str; 9] =
    ["access", "audit", "log_limit", "api", "domain", "infra", "local_postgres", "server", "hongyan"];
/// The target of the lines about lines that were left out.
const REPORT: &str = "log_limit";
/// How long a line keeps the others of its kind out.
const WINDOW: Duration = Duration::from_secs(1);
/// More values of `kind` than this share the limit of their place in the source.
const MAX_KINDS: usize = 1024;
/// Longest text that a report repeats.
const MAX_MESSAGE: usize = 200;

/// The limiter of this process.
static LIMITER: LogLimiter = LogLimiter(Mutex::new(BTreeMap::new()));

/// The kinds whose last line is recent, by hash.
struct LogLimiter(Mutex<BTreeMap<u64, Window>>);

/// The last line of a kind.
struct Window {
    written: Instant,
    suppressed: u64,
    message: String,
}

/// Lines of one kind that were left out and that no line has counted yet.
#[derive(Debug, PartialEq, Eq)]
struct Uncounted {
    message: String,
    suppressed: u64,
}

impl LogLimiter {
    /// Whether a line may be written, and how many lines of its kind were left out since the last one.
    fn admit(&self, line: &LineKind, now: Instant) -> Option<u64> {
        let mut windows = self.windows();
        let is_known = windows.contains_key(&line.key);
        let key = if is_known || windows.len() < MAX_KINDS { line.key } else { line.place };
        let Some(window) = windows.get_mut(&key) else {
            windows.insert(key, Window { written: now, suppressed: 0, message: line.message() });
            return Some(0);
        };
        if now.saturating_duration_since(window.written) < WINDOW {
            window.suppressed = window.suppressed.saturating_add(1);
            return None;
        }
        window.written = now;
        Some(std::mem::take(&mut window.suppressed))
    }

    /// Forgets the kinds whose window is over, and returns those with lines that were left out.
    fn close(&self, now: Instant) -> Vec<Uncounted> {
        let mut uncounted = Vec::new();
        self.windows().retain(|_, window| {
            let is_open = now.saturating_duration_since(window.written) < WINDOW;
            if !is_open && window.suppressed > 0 {
                let message = std::mem::take(&mut window.message);
                uncounted.push(Uncounted { message, suppressed: window.suppressed });
            }
            is_open
        });
        uncounted
    }

    fn windows(&self) -> MutexGuard<'_, BTreeMap<u64, Window>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes the numbers of lines that were left out and that no later line of their kind has counted. To be called about once a
/// second, and at the end.
pub(crate) fn report() {
    for Uncounted { message, suppressed } in LIMITER.close(Instant::now()) {
        tracing::warn!(target: REPORT, suppressed, message, "more lines of this kind");
    }
}

/// What decides the kind of an event.
#[derive(Default)]
struct LineKind {
    /// A hash of the place in the source.
    place: u64,
    /// A hash of the place and the field `kind`.
    key: u64,
    fields: Fields,
}

/// The fields that matter here.
#[derive(Default)]
struct Fields {
    kind: Option<String>,
    /// The module of an event of the crate `log`, whose events share one place.
    module: Option<String>,
    message: String,
}

impl LineKind {
    /// The kind of an event; `None` if its lines are not limited.
    fn of(event: &Event<'_>) -> Option<Self> {
        let metadata = event.metadata();
        if metadata.target() == REPORT {
            return None;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let is_record = *metadata.level() > Level::WARN || COMPLETE.contains(&metadata.target());
        if is_record && fields.kind.is_none() {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        (metadata.callsite(), &fields.module).hash(&mut hasher);
        let place = hasher.finish();
        fields.kind.hash(&mut hasher);
        Some(Self { place, key: hasher.finish(), fields })
    }

    fn message(&self) -> String {
        self.fields.message.chars().take(MAX_MESSAGE).collect()
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "kind" => self.kind = Some(format!("{value:?}")),
            "log.target" => self.module = Some(format!("{value:?}")),
            "message" => self.message = format!("{value:?}"),
            _ => {}
        }
    }
}

/// Whether an event is of a library that logs the passwords in its addresses: the client of NATS. What fails there is logged by
/// the transport that uses it.
fn tells_secrets(event: &Event<'_>) -> bool {
    event.metadata().target().starts_with("async_nats")
}

/// Whether a library reports an error. It cannot know what an error of this server is: for actix each client that speaks TLS to the
/// plain port is one.
fn is_error_of_library(event: &Event<'_>) -> bool {
    let metadata = event.metadata();
    let origin = metadata.target().split("::").next().unwrap_or_default();
    *metadata.level() == Level::ERROR && !OWN.contains(&origin)
}

/// Formats the events that the limiter admits, and adds the number of those that were left out.
pub(super) struct Limited<F> {
    pub(super) inner: F,
    pub(super) json: bool,
}

impl<S, N, F> FormatEvent<S, N> for Limited<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if tells_secrets(event) {
            return Ok(());
        }
        let admitted = LineKind::of(event).map_or(Some(0), |line| LIMITER.admit(&line, Instant::now()));
        // An empty text is not written.
        let Some(suppressed) = admitted else { return Ok(()) };
        let is_lowered = is_error_of_library(event);
        if suppressed == 0 && !is_lowered {
            return self.inner.format_event(context, writer, event);
        }
        let mut line = String::new();
        self.inner.format_event(context, Writer::new(&mut line), event)?;
        if is_lowered {
            // The first word of a line that follows its time is the level.
            line = line.replacen("ERROR", if self.json { "WARN" } else { " WARN" }, 1);
        }
        if suppressed == 0 {
            return writer.write_str(&line);
        }
        let line = line.trim_end();
        match line.strip_suffix('}').filter(|_| self.json) {
            Some(object) => writeln!(writer, "{object},\"suppressed\":{suppressed}}}"),
            None => writeln!(writer, "{line} suppressed={suppressed}"),
        }
    }
}

#[cfg(test)]
mod tests;
