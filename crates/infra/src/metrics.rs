//! What the adapters count. They know nothing of who reads it: each hands its collectors over when it is wired.

use std::io;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Histogram, HistogramOpts, IntCounterVec, IntGauge, Opts};

/// Collectors to be registered, each once.
pub type Collectors = Vec<Box<dyn Collector>>;

/// Seconds that somebody waits, from a tenth of a millisecond to the longest patience.
pub(crate) const WAITS: &[f64] =
    &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0];
/// How many share something.
pub(crate) const SIZES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

/// A histogram, with a label that never changes if one is given.
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

/// Counters that differ in one label.
pub(crate) fn counters(name: &str, help: &str, label: &str) -> io::Result<IntCounterVec> {
    IntCounterVec::new(Opts::new(name, help), &[label]).map_err(io::Error::other)
}

/// A gauge that is read when somebody asks, so that keeping it costs nothing.
pub struct Sampled<F> {
    gauge: IntGauge,
    read: F,
}

impl<F: Fn() -> usize + Send + Sync + 'static> Sampled<F> {
    /// A gauge with a label that never changes if one is given.
    ///
    /// # Errors
    /// When the name cannot be used.
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
        self.gauge.set(i64::try_from((self.read)()).unwrap_or(i64::MAX));
        self.gauge.collect()
    }
}
