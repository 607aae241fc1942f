//! Devices: people with several devices over a bad network; none may miss, double or leak anything.
//!
//! [`people_at_work`] change whatever a device is sent, through two servers on one database. Each person has three devices, two with
//! a socket and one with long polls, which follow the four rules of docs/API.md ([`reference_client`]) through gates that reset,
//! silence or stall connections, some of them before nginx. Each round ends a server, PostgreSQL or their connections while nginx or
//! NATS fails ([`middleware`]), and then lets people rest ([`rounds`]): every device must come to hold exactly what a fresh client
//! fetches ([`judge`]). Each frame is judged when it comes ([`device_laws`]). At the end devices take wrong steps on purpose, and the judge must notice each ([`device_controls`]).

mod device_calls;
mod device_controls;
mod device_laws;
mod device_report;
mod device_state;
mod device_values;
mod device_world;
mod held_history;
mod judge;
mod middleware;
mod people_at_work;
mod reference_client;
mod rounds;
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
use middleware::Middleware;
use people_at_work::PersonAtWork;
use reference_client::ReferenceClient;

use crate::history::CallCounts;
use crate::http::ApiClient;
use crate::nats_server::NatsServer;
use crate::nemesis::{Nemesis, StopCondition};
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
/// How long devices may take to settle: the longest `retry_ms` and the recovery from everything else.
const SETTLE: Duration = Duration::from_secs(40);

fn environment(nats: &NatsServer) -> LaunchEnvironment {
    let settings = [
        socket_ride::HEARTBEAT,
        // Devices renew their tokens during the run.
        ("HONGYAN_ACCESS_TOKEN_SECONDS", "70"),
        ("HONGYAN_SIGNALS", "nats"),
        ("HONGYAN_TRUSTED_PROXIES", "127.0.0.1"),
    ];
    let settings = settings.map(|(name, value)| (name, value.to_owned()));
    let settings = settings.into_iter().chain([("HONGYAN_NATS_URL", nats.url())]).collect();
    LaunchEnvironment { settings, has_quotas: false }
}

/// A run: the world, its people and devices, and what happens to them.
struct DeviceRun {
    world: Arc<DeviceWorld>,
    faces: Vec<Arc<DeviceFace>>,
    nemesis: Nemesis,
    middleware: Middleware,
    judge: Judge,
    slowest_settling: Duration,
    rests: u64,
}

/// The threads of a run.
struct DeviceThreads {
    people: Vec<JoinHandle<ApiClient>>,
    devices: Vec<JoinHandle<()>>,
}

/// Runs in an empty folder.
///
/// # Errors
/// When the run itself cannot be executed.
pub(crate) fn run(plan: &DevicePlan, folder: &Path, server: PathBuf) -> anyhow::Result<DeviceReport> {
    let middleware = Middleware::start(folder)?;
    let around = Surroundings {
        front: Some(&middleware.load_balancer),
        has_open_servers: true,
        environment: environment(&middleware.nats),
        ..Surroundings::default()
    };
    let test_bed = TestBed::start(folder, server, around)?;
    let (mut run, threads) = prepare(plan, folder, test_bed, middleware)?;
    let begun = Instant::now();
    let ran = run.rounds(plan);
    let controls = ran.and_then(|()| run.controls());
    run.world.simulation.over.store(true, Ordering::Relaxed);
    let calls = threads.join()?;
    Ok(DeviceReport {
        seed: plan.seed,
        people: plan.people,
        devices: run.faces.len(),
        time: begun.elapsed(),
        calls,
        tally: run.world.tally(),
        faults: run.faults(),
        rests: run.rests,
        slowest_settling: run.slowest_settling,
        violations: run.world.simulation.violations.take(),
        controls: controls?,
    })
}

/// Registers people, and lets them and their devices begin.
fn prepare(
    plan: &DevicePlan,
    folder: &Path,
    test_bed: TestBed,
    middleware: Middleware,
) -> anyhow::Result<(DeviceRun, DeviceThreads)> {
    let fleet = Arc::clone(&test_bed.servers.fleet);
    let simulation = Arc::new(Simulation::make(plan.seed, plan.people, fleet, folder.to_owned())?);
    let goals = StopCondition { duration: plan.time, kills: 0, messages: 0 };
    let nemesis = Nemesis::new(&simulation, test_bed, goals)?;
    let world = Arc::new(DeviceWorld::new(simulation, middleware.load_balancer.base.clone())?);
    let (faces, devices): (Vec<_>, Vec<_>) = start_devices(&world, plan.people)?.into_iter().unzip();
    let threads = DeviceThreads { people: start_people(&world, plan.people)?, devices };
    let (judge, slowest_settling, rests) = (Judge::new(&world), Duration::ZERO, 0);
    Ok((DeviceRun { world, faces, nemesis, middleware, judge, slowest_settling, rests }, threads))
}

impl DeviceThreads {
    /// Waits for their ends. Returns the counts of people's calls.
    fn join(self) -> anyhow::Result<CallCounts> {
        let mut calls = CallCounts::default();
        for person in self.people {
            let client = person.join().map_err(|_| anyhow::anyhow!("a person's thread panicked"))?;
            calls = calls.plus(client.tally);
        }
        for device in self.devices {
            device.join().map_err(|_| anyhow::anyhow!("a device's thread panicked"))?;
        }
        Ok(calls)
    }
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
