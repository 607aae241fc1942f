//! Metrics of sockets, read from the hub at each scrape.

use std::sync::Arc;

use api::{Farewell, SocketHub};
use domain::number::saturating;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntCounterVec, IntGauge, Opts};

/// Reads the hub's figures at each scrape.
pub(crate) struct SocketMetrics {
    hub: Arc<SocketHub>,
    open: IntGauge,
    frames: IntCounterVec,
    closes: IntCounterVec,
}

impl SocketMetrics {
    pub(crate) fn new(hub: Arc<SocketHub>) -> prometheus::Result<Self> {
        let frames = Opts::new("hongyan_socket_frames_total", "Text frames of sockets, by direction.");
        let closes = Opts::new("hongyan_socket_closes_total", "Sockets that have ended, by close code.");
        Ok(Self {
            hub,
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
        [self.open.desc(), self.frames.desc(), self.closes.desc()].concat()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.read();
        [self.open.collect(), self.frames.collect(), self.closes.collect()].concat()
    }
}
