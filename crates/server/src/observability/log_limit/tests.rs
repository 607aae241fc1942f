use std::io;
use std::sync::Arc;

use tracing_subscriber::fmt::MakeWriter;

use super::*;

/// What a subscriber wrote.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Written {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Written {
    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

/// Runs events and returns the lines that they leave in a log. The events are given that log.
fn lines_of(json: bool, events: impl Fn(&Written)) -> Vec<String> {
    let written = Written::default();
    let builder = tracing_subscriber::fmt().with_writer(written.clone()).with_ansi(false);
    if json {
        let subscriber = builder.json().flatten_event(true).map_event_format(|inner| Limited { inner, json });
        tracing::subscriber::with_default(subscriber.finish(), || events(&written));
    } else {
        let subscriber = builder.map_event_format(|inner| Limited { inner, json });
        tracing::subscriber::with_default(subscriber.finish(), || events(&written));
    }
    written.lines()
}

fn line(place: u64, kind: u64) -> LineKind {
    LineKind { place, key: place ^ kind, ..LineKind::default() }
}

#[test]
fn a_kind_has_one_line_per_second_and_the_next_one_counts() {
    let limiter = LogLimiter(Mutex::default());
    let start = Instant::now();
    let at = |milliseconds| start + Duration::from_millis(milliseconds);
    let admit = |place, milliseconds| limiter.admit(&line(place, 0), at(milliseconds));
    assert_eq!([admit(1, 0), admit(1, 1), admit(2, 1), admit(1, 999)], [Some(0), None, Some(0), None]);
    assert_eq!([admit(1, 1000), admit(1, 1001), admit(1, 2000)], [Some(2), None, Some(1)]);
}

#[test]
fn lines_that_no_later_line_counts_are_reported_once() {
    let limiter = LogLimiter(Mutex::default());
    let start = Instant::now();
    let kind =
        || LineKind { fields: Fields { message: "refused".to_owned(), ..Fields::default() }, ..line(1, 0) };
    for _ in 0..100 {
        limiter.admit(&kind(), start);
    }
    assert!(limiter.close(start).is_empty(), "its window is open");
    let over = start + WINDOW;
    let expected = Uncounted { message: "refused".to_owned(), suppressed: 99 };
    assert_eq!((limiter.close(over), limiter.close(over)), (vec![expected], vec![]));
    assert!(limiter.windows().is_empty());
}

#[test]
fn kinds_without_end_take_no_memory_without_end() {
    let limiter = LogLimiter(Mutex::default());
    let now = Instant::now();
    let admitted = (0..5000).filter(|kind| limiter.admit(&line(1 << 40, *kind), now).is_some()).count();
    assert!(limiter.windows().len() <= MAX_KINDS + 1);
    assert!(admitted <= MAX_KINDS + 1, "{admitted}");
}

#[test]
fn a_hundred_equal_warnings_are_one_line_in_text_and_json() {
    for json in [false, true] {
        let events = |_: &Written| {
            for _ in 0..100 {
                tracing::warn!(kind = json, origin = "https://a.example", "refused");
            }
        };
        let lines = lines_of(json, events);
        assert_eq!(lines.len(), 1, "{lines:?}");
    }
}

#[test]
fn the_next_line_of_a_kind_counts_those_left_out() {
    for json in [false, true] {
        let lines = lines_of(json, |written| {
            for number in 1.. {
                tracing::error!(kind = json, number, "failed");
                if written.lines().len() == 2 {
                    break;
                }
            }
        });
        let (_, numbers) = lines[1].split_once("number").unwrap();
        let digits = |text: &str| {
            let numbers =
                text.split(|other: char| !other.is_ascii_digit()).filter(|digits| !digits.is_empty());
            numbers.map(|digits| digits.parse::<u64>().unwrap()).collect::<Vec<_>>()
        };
        let [number, suppressed] = digits(numbers)[..] else { panic!("{lines:?}") };
        assert!(suppressed > 0 && number == suppressed + 2, "{lines:?}");
        assert!(!json || serde_json::from_str::<serde_json::Value>(&lines[1]).is_ok(), "{lines:?}");
    }
}

#[test]
fn records_of_single_events_are_complete() {
    let lines = lines_of(false, |_| {
        for number in 0..10 {
            tracing::error!(target: "access", number, "request failed");
            tracing::warn!(target: "audit", number, "login refused");
            tracing::info!(number, "account erased");
        }
    });
    assert_eq!(lines.len(), 30, "{lines:?}");
}

#[test]
fn a_field_limits_events_of_any_level_and_target_by_its_value() {
    let lines = lines_of(false, |_| {
        for number in 0..10 {
            tracing::info!(kind = "a", number, "of any level");
            tracing::error!(target: "access", kind = "a", number, "of any target");
            tracing::warn!(kind = number % 2, number, "two kinds");
        }
    });
    let count = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
    assert_eq!((count("of any level"), count("of any target"), count("two kinds")), (1, 1, 2));
}
