//! Prometheus metrics of the adapters. Each adapter returns its collectors, and the wiring registers them.

use std::io;

use domain::number::saturating;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts};

/// Collectors to register, each once.
pub type Collectors = Vec<Box<dyn Collector>>;

/// Histogram buckets for waiting times, in seconds.
const WAITS: &[f64] =
    &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0];
/// Histogram buckets for batch sizes.
pub(crate) const SIZES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

/// A histogram with an optional constant label.
pub(crate) fn histogram(
    name: &str,
    help: &str,
    label: Option<(&str, &str)>,
    buckets: &[f64],
) -> io::Result<Histogram> {
    let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
    let options =
        label.map_or_else(|| options.clone(), |(name, value)| options.clone().const_label(name, value));
    Histogram::with_opts(options).map_err(io::Error::other)
}

/// The waiting times in a queue. All queues share the metric, so its text must be the same everywhere.
pub(crate) fn queue_wait(queue: &str) -> io::Result<Histogram> {
    let help = "Time jobs waited for a thread.";
    histogram("hongyan_queue_wait_seconds", help, Some(("queue", queue)), WAITS)
}

/// The current length of a queue. All queues share the metric, so its text must be the same everywhere.
pub(crate) fn queue_depth<F>(queue: &str, length: F) -> io::Result<Sampled<F>>
where
    F: Fn() -> usize + Send + Sync + 'static,
{
    Sampled::new("hongyan_queue_depth", "Jobs waiting for a thread.", Some(("queue", queue)), length)
}

/// A counter with a constant label, a pair of name and value.
pub(crate) fn counter(name: &str, help: &str, label: (&str, &str)) -> io::Result<IntCounter> {
    let (label, value) = label;
    IntCounter::with_opts(Opts::new(name, help).const_label(label, value)).map_err(io::Error::other)
}

/// Counters by one label with a closed set of values, all present from the start: the rate of a counter that appears with its first
/// event misses that event.
pub(crate) fn counters(
    name: &str,
    help: &str,
    label: &str,
    values: &[&'static str],
) -> io::Result<IntCounterVec> {
    let counters = IntCounterVec::new(Opts::new(name, help), &[label]).map_err(io::Error::other)?;
    for value in values {
        counters.with_label_values(&[value]);
    }
    Ok(counters)
}

/// A gauge whose value is computed at each scrape, so that it costs nothing in between.
pub struct Sampled<F> {
    gauge: IntGauge,
    read: F,
}

impl<F: Fn() -> usize + Send + Sync + 'static> Sampled<F> {
    /// A gauge with an optional constant label.
    ///
    /// # Errors
    /// When the name is invalid.
    pub fn new(name: &str, help: &str, label: Option<(&str, &str)>, read: F) -> io::Result<Self> {
        let options = Opts::new(name, help);
        let options =
            label.map_or_else(|| options.clone(), |(name, value)| options.clone().const_label(name, value));
        Ok(Self { gauge: IntGauge::with_opts(options).map_err(io::Error::other)?, read })
    }
}

impl<F: Fn() -> usize + Send + Sync + 'static> Collector for Sampled<F> {
    fn desc(&self) -> Vec<&Desc> {
        self.gauge.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.gauge.set(saturating((self.read)()));
        self.gauge.collect()
    }
}
