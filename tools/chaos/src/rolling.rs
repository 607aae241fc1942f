//! Restarting the servers one after the other, as for a new version, while everybody goes on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::balancer::Balancer;
use crate::fleet::Fleet;
use crate::life::Life;
use crate::stage::Stage;
use crate::trouble::{Aftermath, Trouble};
use crate::violation::Rule;
use crate::world::World;

/// How long a server may take to finish what it has accepted: its own setting is 30 seconds.
const STOP_PATIENCE: Duration = Duration::from_secs(40);

/// Restarts the servers behind nginx. Nobody may notice anything.
pub(crate) struct Rolling {
    world: Arc<World>,
    stage: Stage,
    balancer: Balancer,
    times: u64,
    done: u64,
    /// The longest that a server took from the signal until its successor served.
    slowest: Duration,
}

impl Rolling {
    pub(crate) fn new(world: &Arc<World>, stage: Stage, balancer: Balancer, times: u64) -> Self {
        let (done, slowest) = Default::default();
        Self { world: Arc::clone(world), stage, balancer, times, done, slowest }
    }

    /// By turns with SIGTERM and SIGINT. The next is told as soon as this one serves again.
    fn restart(&mut self, instance: usize, interrupted: bool) -> anyhow::Result<()> {
        let begun = Instant::now();
        let mut server = self.stage.take(instance)?;
        if interrupted {
            server.interrupt()
        } else {
            server.terminate()
        }
        let status = server.ended_within(STOP_PATIENCE)?;
        if !status.is_some_and(|status| status.success()) {
            self.world.complaints.add(Rule::GracefulStop, format!("the server ended with {status:?}"));
        }
        self.stage.start(instance)?;
        self.slowest = self.slowest.max(begun.elapsed());
        Ok(())
    }
}

impl Trouble for Rolling {
    fn make(&mut self) -> anyhow::Result<()> {
        for round in 0..self.times {
            for instance in 0..Fleet::SIZE {
                self.restart(instance, round % 2 == 1)?;
            }
            self.done += 1;
        }
        // Until the last one is given requests again.
        std::thread::sleep(Balancer::DRAIN);
        Ok(())
    }

    fn retire(self: Box<Self>) -> anyhow::Result<Aftermath> {
        let newest = self.world.people.len();
        let probe = |number| Life::begin(&self.world, number)?.finish();
        let probes = [probe(newest - 2)?, probe(newest - 1)?];
        let deeds = vec![
            ("rolling restarts of both servers (SIGTERM, SIGINT)".to_owned(), self.done.to_string()),
            (
                "longest from the signal to the next life".to_owned(),
                format!("{} ms", self.slowest.as_millis()),
            ),
            ("nginx found a server closed".to_owned(), format!("{} times", self.balancer.refused()?)),
        ];
        // What follows is read at the servers' own addresses.
        for address in self.stage.addresses() {
            self.stage.fleet.put_in(address);
        }
        Ok(Aftermath { stage: self.stage, deeds, probes })
    }
}
