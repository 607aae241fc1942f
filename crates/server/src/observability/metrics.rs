//! What is measured, in Prometheus' text format.

use anyhow::Context;
use api::{CompletedRequest, RequestObserver};
use infra::metrics::Collectors;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder};

use crate::version;

/// Seconds that an answer takes, from less than a history page to the longest patience.
const LATENCIES: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// All that one instance measures.
pub(crate) struct Metrics {
    registry: Registry,
    requests: HistogramVec,
    errors: IntCounterVec,
}

impl Metrics {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let requests = HistogramOpts::new(
            "hongyan_http_request_seconds",
            "Answers, by the route's pattern, the method and the code, and how long they took.",
        );
        let requests = HistogramVec::new(requests.buckets(LATENCIES.to_vec()), &["route", "method", "code"])?;
        let errors = Opts::new("hongyan_http_errors_total", "Refusals and faults by their names.");
        let errors = IntCounterVec::new(errors, &["error"])?;
        let build = Opts::new("hongyan_build_info", "Which version runs; always 1.");
        let build = IntGaugeVec::new(build, &["version", "commit"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION"), version::COMMIT]).set(1);
        let metrics = Self { registry: Registry::new(), requests, errors };
        metrics.register(vec![
            Box::new(metrics.requests.clone()),
            Box::new(metrics.errors.clone()),
            Box::new(build),
        ])?;
        Ok(metrics)
    }

    /// Adds what some part of the instance measures.
    pub(crate) fn register(&self, collectors: Collectors) -> anyhow::Result<()> {
        for collector in collectors {
            self.registry.register(collector).context("something is measured twice")?;
        }
        Ok(())
    }

    /// Everything as it is now.
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
