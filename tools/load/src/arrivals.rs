//! Latency statistics of devices: which are live, when messages arrived, how long cuts lasted.

use std::ops::Range;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::messages::due_time;
use crate::stats::percentiles;

/// Counts of the devices of a run.
pub(crate) struct Arrivals {
    epoch: Instant,
    window: Option<Range<Instant>>,
    is_live: Vec<bool>,
    frames: usize,
    late: Vec<Duration>,
    away: Vec<Duration>,
    refusals: usize,
    first_refusal: Option<String>,
}

impl Arrivals {
    /// Nothing yet from `devices` devices. Messages name their due time since `epoch`.
    pub(crate) fn new(devices: usize, epoch: Instant) -> Self {
        Self {
            epoch,
            window: None,
            is_live: vec![false; devices],
            frames: 0,
            late: Vec::new(),
            away: Vec::new(),
            refusals: 0,
            first_refusal: None,
        }
    }

    /// Sets the window in which due messages count.
    pub(crate) fn set_window(&mut self, from: Instant, until: Instant) {
        self.window = Some(from..until);
    }

    /// The devices whose socket is live.
    pub(crate) fn live(&self) -> usize {
        self.is_live.iter().filter(|live| **live).count()
    }

    /// Fails when a device was refused, which no run expects while sockets are opened.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        match &self.first_refusal {
            Some(refusal) => anyhow::bail!("a socket was refused: {refusal}"),
            None => Ok(()),
        }
    }

    pub(crate) fn record_refusal(&mut self, error: &anyhow::Error) {
        self.refusals += 1;
        self.first_refusal.get_or_insert_with(|| format!("{error:#}"));
    }

    /// Records that a device's socket is live, and for how long it was not if it had been cut.
    pub(crate) fn record_live(&mut self, device: usize, cut: Option<Instant>) {
        if let Some(live) = self.is_live.get_mut(device) {
            *live = true;
        }
        self.away.extend(cut.map(|cut| cut.elapsed()));
    }

    /// Records the end of a device's socket; answers whether it was live.
    pub(crate) fn record_cut(&mut self, device: usize) -> bool {
        self.is_live.get_mut(device).is_some_and(std::mem::take)
    }

    /// Records a frame with a message, and its age if the message was due in the window.
    pub(crate) fn record_frame(&mut self, frame: &Value, arrived: Instant) {
        let text = frame.pointer("/message/content").and_then(Value::as_str);
        let Some(since) = text.and_then(due_time) else { return };
        let due = self.epoch + since;
        if self.window.as_ref().is_some_and(|window| window.contains(&due)) {
            self.frames += 1;
            self.late.push(arrived.saturating_duration_since(due));
        }
    }

    /// The line that is printed: sockets live; frames of messages that were due in the window, and their median and 99th percentile
    /// (ms since due); cuts, and the longest time away (ms); refusals.
    pub(crate) fn line(&mut self) -> String {
        let (median, high) = percentiles(&mut self.late);
        let longest = self.away.iter().max().map_or(0.0, Duration::as_secs_f64) * 1000.0;
        format!(
            "{} {} {median:.3} {high:.3} {} {longest:.0} {}",
            self.live(),
            self.frames,
            self.away.len(),
            self.refusals
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::messages::text;

    #[test]
    fn frames_of_the_window_count_with_their_age() {
        let epoch = Instant::now();
        let at = |millis| epoch + Duration::from_millis(millis);
        let mut arrivals = Arrivals::new(1, epoch);
        arrivals.set_window(at(100), at(200));
        for (due, arrived) in [(50, 60), (100, 130), (150, 260), (200, 201)] {
            let frame =
                json!({ "type": "message", "message": { "content": text(Duration::from_millis(due)) } });
            arrivals.record_frame(&frame, at(arrived));
        }
        arrivals.record_frame(&json!({ "type": "message", "message": { "content": null } }), at(150));
        assert_eq!(arrivals.line(), "0 2 110.000 110.000 0 0 0");
    }

    #[test]
    fn a_device_is_live_between_live_and_cut() {
        let mut arrivals = Arrivals::new(2, Instant::now());
        arrivals.record_live(1, None);
        assert_eq!(arrivals.live(), 1);
        assert!(arrivals.record_cut(1) && !arrivals.record_cut(1) && !arrivals.record_cut(0));
        assert_eq!(arrivals.live(), 0);
        arrivals.record_live(0, Some(Instant::now()));
        assert_eq!(arrivals.away.len(), 1);
    }
}
