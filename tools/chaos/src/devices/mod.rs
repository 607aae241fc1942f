//! Devices: people with several devices over a bad network; none may miss, double or leak anything.
//!
//! [`people_at_work`] change whatever a device is sent, through two servers on one database. Each person has three devices, two with
//! a socket and one with long polls, which follow the four rules of docs/API.md ([`reference_client`]) through gates that reset,
//! silence or stall connections. Each round ends a server, PostgreSQL or their connections, and then lets people rest:
//! every device must come to hold exactly what a fresh client fetches ([`judge`]). Each frame is judged when it comes
//! ([`device_laws`]). At the end devices take wrong steps on purpose, and the judge must notice each ([`device_controls`]).

mod device_calls;
mod device_controls;
mod device_laws;
mod device_report;
mod device_state;
mod device_values;
mod device_world;
mod held_history;
mod judge;
mod people_at_work;
mod reference_client;
mod socket_ride;
mod socket_wire;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub(crate) use device_report::DeviceReport;
use device_world::{DeviceFace, DeviceWorld};
use judge::Judge;
use people_at_work::PersonAtWork;
use reference_client::ReferenceClient;
use socket_proxy::LinkFault;

use crate::history::CallCounts;
use crate::http::ApiClient;
use crate::nemesis::{Fault, Nemesis, StopCondition};
use crate::seeded_random::SeededRandom;
use crate::server_process::LaunchEnvironment;
use crate::simulation::Simulation;
use crate::test_bed::{Surroundings, TestBed};

/// How a run is to be.
#[derive(Debug, Clone)]
pub(crate) struct DevicePlan {
    pub(crate) seed: u64,
    pub(crate) people: usize,
    /// How long it lasts at least.
    pub(crate) time: Duration,
}

/// Devices of a person: two with a socket, one with long polls.
const SOCKETS: [bool; 3] = [true, true, false];
/// How long people work before and after the fault of a round.
const WORK: Duration = Duration::from_millis(1500);
/// What happens last before a rest is what no later change corrects, so each round has several.
const SHORT_RESTS: usize = 5;
const SHORT_WORK: Duration = Duration::from_millis(200);
/// How long devices may take to settle: the longest `retry_ms` and the recovery from everything else.
const SETTLE: Duration = Duration::from_secs(40);

/// A short run has a server killed, and PostgreSQL.
const LEAST_ROUNDS: u64 = 2;

/// The faults of a round, those that end most first.
const FAULTS: [Fault; 8] = [
    Fault::ServerKilled,
    Fault::PostgresKilled,
    Fault::ServerTerminated,
    Fault::CommitAnsweredByError,
    Fault::BackendKilled,
    Fault::PostgresPaused,
    Fault::CutBeforeCommit,
    Fault::CutAfterCommit,
];

fn environment() -> LaunchEnvironment {
    let settings = [
        socket_ride::HEARTBEAT,
        // Devices renew their tokens during the run.
        ("HONGYAN_ACCESS_TOKEN_SECONDS", "70"),
    ];
    LaunchEnvironment { settings: settings.to_vec(), has_quotas: false }
}

/// A run: the world, its people and devices, and what happens to them.
struct DeviceRun {
    world: Arc<DeviceWorld>,
    faces: Vec<Arc<DeviceFace>>,
    nemesis: Nemesis,
    judge: Judge,
    slowest_settling: Duration,
    rests: u64,
}

/// Runs in an empty folder.
///
/// # Errors
/// When the run itself cannot be executed.
pub(crate) fn run(plan: &DevicePlan, folder: &Path, server: PathBuf) -> anyhow::Result<DeviceReport> {
    let around = Surroundings { environment: environment(), ..Surroundings::default() };
    let test_bed = TestBed::start(folder, server, around)?;
    let fleet = Arc::clone(&test_bed.servers.fleet);
    let simulation = Arc::new(Simulation::make(plan.seed, plan.people, fleet, folder.to_owned())?);
    let goals = StopCondition { duration: plan.time, kills: 0, messages: 0 };
    let nemesis = Nemesis::new(&simulation, test_bed, goals)?;
    let world = Arc::new(DeviceWorld::new(simulation)?);
    let (faces, devices): (Vec<_>, Vec<_>) = start_devices(&world, plan.people)?.into_iter().unzip();
    let people = start_people(&world, plan.people)?;
    let judge = Judge::new(&world);
    let mut run = DeviceRun { world, faces, nemesis, judge, slowest_settling: Duration::ZERO, rests: 0 };
    let begun = Instant::now();
    let ran = run.rounds(plan);
    let controls = ran.and_then(|()| run.controls());
    run.world.simulation.over.store(true, Ordering::Relaxed);
    let mut calls = CallCounts::default();
    for person in people {
        let client = person.join().map_err(|_| anyhow::anyhow!("a person's thread panicked"))?;
        calls = calls.plus(client.tally);
    }
    for device in devices {
        device.join().map_err(|_| anyhow::anyhow!("a device's thread panicked"))?;
    }
    let controls = controls?;
    Ok(DeviceReport {
        seed: plan.seed,
        people: plan.people,
        devices: run.faces.len(),
        time: begun.elapsed(),
        calls,
        tally: run.world.tally(),
        faults: run.nemesis.counts(),
        rests: run.rests,
        slowest_settling: run.slowest_settling,
        violations: run.world.simulation.violations.take(),
        controls,
    })
}

fn start_devices(
    world: &Arc<DeviceWorld>,
    people: usize,
) -> anyhow::Result<Vec<(Arc<DeviceFace>, JoinHandle<()>)>> {
    let mut devices = Vec::new();
    for person in 0..people {
        for (number, has_socket) in SOCKETS.into_iter().enumerate() {
            let name = format!("device {number} of person {person}");
            let (state, mischief, forgets) = Default::default();
            let face = Arc::new(DeviceFace { person, name, has_socket, state, mischief, forgets });
            let stream = u64::try_from(person * SOCKETS.len() + number)?;
            let client = ReferenceClient::new(world, &face, stream)?;
            let thread = std::thread::Builder::new().name(face.name.clone());
            devices.push((face, thread.spawn(move || client.live())?));
        }
    }
    Ok(devices)
}

fn start_people(world: &Arc<DeviceWorld>, people: usize) -> anyhow::Result<Vec<JoinHandle<ApiClient>>> {
    let start = |me| {
        let person = PersonAtWork::new(world, me)?;
        Ok(std::thread::Builder::new().name(format!("person-{me}")).spawn(move || person.live())?)
    };
    (0..people).map(start).collect()
}

impl DeviceRun {
    fn rounds(&mut self, plan: &DevicePlan) -> anyhow::Result<()> {
        let (begun, mut random) = (Instant::now(), SeededRandom::stream(plan.seed, u64::MAX - 1));
        let mut due: Vec<Fault> = FAULTS.into_iter().rev().collect();
        let mut rounds = 0;
        while (begun.elapsed() < plan.time || rounds < LEAST_ROUNDS)
            && !self.world.simulation.violations.is_full()
        {
            let Some(fault) = due.pop() else {
                due = FAULTS.to_vec();
                random.shuffle(&mut due);
                continue;
            };
            self.round(fault, &mut random)?;
            rounds += 1;
        }
        Ok(())
    }

    fn round(&mut self, fault: Fault, random: &mut SeededRandom) -> anyhow::Result<()> {
        self.nemesis.note_healthy();
        self.world.work_on();
        self.work(random);
        self.nemesis.strike(fault)?;
        self.world.note_repaired();
        self.work(random);
        for _ in 0..random.below(4) {
            self.strike_link(random);
        }
        self.rest_after(fault.name())?;
        for _ in 0..SHORT_RESTS {
            self.world.work_on();
            std::thread::sleep(SHORT_WORK);
            self.rest_after("work alone")?;
        }
        Ok(())
    }

    /// Lets people rest, and compares all devices.
    fn rest_after(&mut self, what: &str) -> anyhow::Result<()> {
        self.world.rest()?;
        self.rests += 1;
        let begun = Instant::now();
        let found = self.judge.settle(&self.faces, SETTLE);
        self.slowest_settling = self.slowest_settling.max(begun.elapsed());
        self.world.report(&format!("at rest {} after {what}", self.rests), found);
        Ok(())
    }

    /// Lets people work while connections of their devices suffer.
    fn work(&self, random: &mut SeededRandom) {
        let begun = Instant::now();
        while begun.elapsed() < WORK {
            let pause = u64::try_from(random.below(150)).unwrap_or_default();
            std::thread::sleep(Duration::from_millis(pause));
            self.strike_link(random);
        }
    }

    fn strike_link(&self, random: &mut SeededRandom) {
        let stall = Duration::from_millis(500 + random.next() % 2500);
        let (fault, name) = match random.below(10) {
            0..6 => (LinkFault::Reset, "connections reset"),
            6..8 => (LinkFault::Silence, "connections half-open"),
            _ => (LinkFault::Stall(stall), "connections stalled"),
        };
        let number = random.next();
        if random.pick(&self.world.gates).is_some_and(|gate| gate.strike(fault, number)) {
            self.world.count(name);
        }
    }
}
