//! Metrics in Prometheus' text format.

use anyhow::Context;
use api::{CompletedRequest, RequestObserver};
use infra::metrics::Collectors;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder};

use crate::observability::process::ProcessMetrics;
use crate::version;

/// Histogram buckets of response times in seconds, from less than a page of history to the longest time limit.
const LATENCIES: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// The metrics of one instance.
pub(crate) struct Metrics {
    registry: Registry,
    requests: HistogramVec,
    errors: IntCounterVec,
}

impl Metrics {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let requests = HistogramOpts::new(
            "hongyan_http_request_seconds",
            "Response times by route pattern, method and status code.",
        );
        let requests = HistogramVec::new(requests.buckets(LATENCIES.to_vec()), &["route", "method", "code"])?;
        let errors = Opts::new("hongyan_http_errors_total", "Refused and failed requests by error name.");
        let errors = IntCounterVec::new(errors, &["error"])?;
        for name in api::error_names() {
            errors.with_label_values(&[name]);
        }
        let build = Opts::new("hongyan_build_info", "The running version; always 1.");
        let build = IntGaugeVec::new(build, &["version", "commit"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION"), version::COMMIT]).set(1);
        let metrics = Self { registry: Registry::new(), requests, errors };
        metrics.register(vec![
            Box::new(metrics.requests.clone()),
            Box::new(metrics.errors.clone()),
            Box::new(build),
            Box::new(ProcessMetrics::new()?),
        ])?;
        Ok(metrics)
    }

    /// Adds the collectors of another part of the instance.
    pub(crate) fn register(&self, collectors: Collectors) -> anyhow::Result<()> {
        for collector in collectors {
            self.registry.register(collector).context("a metric is registered twice")?;
        }
        Ok(())
    }

    /// Renders all metrics.
    pub(crate) fn text(&self) -> anyhow::Result<String> {
        Ok(TextEncoder::new().encode_to_string(&self.registry.gather())?)
    }
}

impl RequestObserver for Metrics {
    fn on_response(&self, answer: &CompletedRequest<'_>) {
        let labels = [answer.route, answer.method, answer.status];
        self.requests.with_label_values(&labels).observe(answer.took.as_secs_f64());
        if let Some(error) = answer.error {
            self.errors.with_label_values(&[error]).inc();
        }
    }
}
