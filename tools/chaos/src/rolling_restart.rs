//! Rolling restart: the servers restart one after the other under load, as for a new version.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::fleet::Fleet;
use crate::load_balancer::LoadBalancer;
use crate::scenario::{AnswerDemand, Scenario, ScenarioResult};
use crate::simulation::Simulation;
use crate::test_bed::TestBed;
use crate::violation::ViolatedRule;
use crate::virtual_user::VirtualUser;

/// How long a server may take to finish accepted requests: its own limit is 30 seconds.
const STOP_TIMEOUT: Duration = Duration::from_secs(40);

/// Restarts the servers behind nginx. The users must not notice.
pub(crate) struct RollingRestart {
    simulation: Arc<Simulation>,
    test_bed: TestBed,
    load_balancer: LoadBalancer,
    times: u64,
    done: u64,
    /// The longest time from the signal until the next incarnation served.
    slowest: Duration,
}

impl RollingRestart {
    pub(crate) fn new(
        simulation: &Arc<Simulation>,
        test_bed: TestBed,
        load_balancer: LoadBalancer,
        times: u64,
    ) -> Self {
        let (done, slowest) = Default::default();
        Self { simulation: Arc::clone(simulation), test_bed, load_balancer, times, done, slowest }
    }

    /// Restarts one server by SIGINT (`interrupted`) or SIGTERM, and returns as soon as it serves again.
    fn restart(&mut self, instance: usize, interrupted: bool) -> anyhow::Result<()> {
        let begun = Instant::now();
        let mut server = self.test_bed.servers.take(instance)?;
        if interrupted {
            server.interrupt();
        } else {
            server.terminate();
        }
        let status = server.ended_within(STOP_TIMEOUT)?;
        if !status.is_some_and(|status| status.success()) {
            self.simulation
                .violations
                .add(ViolatedRule::GracefulStop, format!("the server ended with {status:?}"));
        }
        self.test_bed.servers.start_server(instance)?;
        self.slowest = self.slowest.max(begun.elapsed());
        Ok(())
    }
}

impl Scenario for RollingRestart {
    fn run(&mut self) -> anyhow::Result<()> {
        for round in 0..self.times {
            for instance in 0..Fleet::SIZE {
                self.restart(instance, round % 2 == 1)?;
            }
            self.done += 1;
        }
        // Until nginx gives the last server requests again.
        std::thread::sleep(LoadBalancer::DRAIN);
        Ok(())
    }

    fn finish(self: Box<Self>) -> anyhow::Result<ScenarioResult> {
        let newest = self.simulation.accounts.len();
        let probe = |number| VirtualUser::begin(&self.simulation, number)?.finish();
        let probes = vec![probe(newest - 2)?, probe(newest - 1)?];
        let summary = vec![
            ("rolling restarts of both servers (SIGTERM, SIGINT)".to_owned(), self.done.to_string()),
            (
                "longest time from the signal until the successor served".to_owned(),
                format!("{} ms", self.slowest.as_millis()),
            ),
            ("nginx found a server closed".to_owned(), format!("{} times", self.load_balancer.refused()?)),
        ];
        // The final state is read at the servers' own addresses.
        for address in self.test_bed.servers.addresses() {
            self.test_bed.servers.fleet.add(address);
        }
        Ok(ScenarioResult {
            test_bed: Box::new(self.test_bed),
            summary,
            probes,
            demand: AnswerDemand::EveryCall,
            outage: None,
            trapped: None,
        })
    }
}
