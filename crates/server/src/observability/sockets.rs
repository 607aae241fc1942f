//! Metrics of sockets, read from the hub at each scrape.

use std::sync::Arc;
use std::time::Duration;

use api::{DeliveryObserver, Farewell, SocketHub, SyncSource};
use domain::number::saturating;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Histogram, HistogramOpts, IntCounterVec, IntGauge, Opts};

/// Reads the hub's figures at each scrape.
pub(crate) struct SocketMetrics {
    hub: Arc<SocketHub>,
    open: IntGauge,
    frames: IntCounterVec,
    closes: IntCounterVec,
    deliveries: Deliveries,
}

/// Histogram buckets of the time from a message to its frame, in seconds.
const LAGS: &[f64] = &[0.005, 0.01, 0.02, 0.045, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// How changes reach clients.
#[derive(Clone)]
struct Deliveries {
    syncs: IntCounterVec,
    lags: Histogram,
}

impl Deliveries {
    fn new() -> prometheus::Result<Self> {
        let syncs = Opts::new("hongyan_syncs_total", "Reads of what has changed, by what reads.");
        let syncs = IntCounterVec::new(syncs, &["source"])?;
        for source in SyncSource::ALL {
            syncs.with_label_values(&[source.name()]);
        }
        let lags = HistogramOpts::new(
            "hongyan_frame_lag_seconds",
            "Time from the storing of a message to its frame on a live socket, by the database's clock.",
        );
        Ok(Self { syncs, lags: Histogram::with_opts(lags.buckets(LAGS.to_vec()))? })
    }
}

impl DeliveryObserver for Deliveries {
    fn on_sync(&self, source: SyncSource) {
        self.syncs.with_label_values(&[source.name()]).inc();
    }

    fn on_message(&self, lag: Duration) {
        self.lags.observe(lag.as_secs_f64());
    }
}

impl SocketMetrics {
    pub(crate) fn new(hub: Arc<SocketHub>) -> prometheus::Result<Self> {
        let frames = Opts::new("hongyan_socket_frames_total", "Text frames of sockets, by direction.");
        let closes = Opts::new("hongyan_socket_closes_total", "Sockets that have ended, by close code.");
        let deliveries = Deliveries::new()?;
        hub.observe(Arc::new(deliveries.clone()));
        Ok(Self {
            hub,
            deliveries,
            open: IntGauge::new("hongyan_sockets", "Sockets that are open.")?,
            frames: IntCounterVec::new(frames, &["direction"])?,
            closes: IntCounterVec::new(closes, &["code"])?,
        })
    }

    fn read(&self) {
        self.open.set(saturating(self.hub.open()));
        let (sent, received) = self.hub.frames();
        let directions = [("sent", sent), ("received", received)];
        let codes = Farewell::ALL.map(|farewell| (farewell.code().to_string(), self.hub.closed(farewell)));
        for (direction, total) in directions {
            let counter = self.frames.with_label_values(&[direction]);
            counter.inc_by(total.saturating_sub(counter.get()));
        }
        for (code, total) in codes {
            let counter = self.closes.with_label_values(&[code.as_str()]);
            counter.inc_by(total.saturating_sub(counter.get()));
        }
    }
}

impl Collector for SocketMetrics {
    fn desc(&self) -> Vec<&Desc> {
        let Deliveries { syncs, lags } = &self.deliveries;
        [self.open.desc(), self.frames.desc(), self.closes.desc(), syncs.desc(), lags.desc()].concat()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.read();
        let Deliveries { syncs, lags } = &self.deliveries;
        let own = [self.open.collect(), self.frames.collect(), self.closes.collect()].concat();
        [own, syncs.collect(), lags.collect()].concat()
    }
}
