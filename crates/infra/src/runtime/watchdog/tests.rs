use std::sync::atomic::AtomicUsize;
use std::sync::mpsc;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use prometheus::Opts;

use super::super::watched_thread::{
    Held, StatementKind, begin_statement, end_statement, finish_work, hold, is_given_up, note_commit,
};
use super::*;

const LIMITS: StallLimits = StallLimits {
    alone: Duration::from_millis(300),
    in_transaction: Duration::from_secs(600),
    commit: Duration::from_millis(300),
};

/// A statement that the server answers when the sender is dropped.
type Statement = (StatementKind, Receiver<()>);

/// A slot whose threads wait for statements.
struct Scene {
    slot: Arc<ThreadSlot>,
    queue: Sender<Statement>,
    /// What each thread saw after its statement: whether it had been given up.
    returned: mpsc::Receiver<bool>,
    stalls: IntCounter,
    _watchdog: Watchdog,
}

fn wait_for(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(5));
    }
}

impl Scene {
    fn new() -> Self {
        let (watchdog, stalls) = (Watchdog::start(), IntCounter::with_opts(Opts::new("n", "n")).unwrap());
        let (queue, statements) = unbounded::<Statement>();
        let (report, returned) = mpsc::channel();
        let body = move || {
            for (kind, answer) in &statements {
                begin_statement(kind);
                let _ = answer.recv();
                end_statement();
                if kind == StatementKind::Commit {
                    note_commit();
                }
                report.send(is_given_up()).unwrap();
                if finish_work() {
                    return;
                }
            }
        };
        let watch = watchdog.watch(LIMITS, stalls.clone());
        let slot = ThreadSlot::start("test".to_owned(), Some(&watch), body).unwrap();
        Self { slot, queue, returned, stalls, _watchdog: watchdog }
    }

    /// Begins a statement; dropping the result answers it.
    fn begin(&self, kind: StatementKind) -> Sender<()> {
        let (answer, wait) = bounded(0);
        self.queue.send((kind, wait)).unwrap();
        answer
    }

    fn threads(&self) -> usize {
        self.slot.threads.lock().len()
    }
}

#[test]
fn a_stalled_thread_is_replaced_and_ends_when_its_statement_returns() {
    let scene = Scene::new();
    let frozen = scene.begin(StatementKind::Alone);
    wait_for(|| scene.slot.stalled() == 1);
    drop(scene.begin(StatementKind::Alone));
    assert!(!scene.returned.recv().unwrap(), "the replacement works");
    assert_eq!((scene.threads(), scene.stalls.get()), (2, 1));
    drop(frozen);
    assert!(scene.returned.recv().unwrap());
    wait_for(|| scene.threads() == 1);
    assert_eq!(scene.slot.stalled(), 0);
}

#[test]
fn a_slot_has_two_replacements_at_most_and_works_again_when_one_returns() {
    let scene = Scene::new();
    let frozen: Vec<_> = (0..3).map(|_| scene.begin(StatementKind::Alone)).collect();
    wait_for(|| scene.slot.is_exhausted());
    assert_eq!((scene.threads(), scene.slot.stalled()), (3, 3));
    let waiting = scene.begin(StatementKind::Alone);
    drop(frozen);
    for _ in 0..3 {
        assert!(scene.returned.recv().unwrap());
    }
    drop(waiting);
    assert!(!scene.returned.recv().unwrap(), "the thread that was not replaced continues");
    wait_for(|| scene.threads() == 1 && !scene.slot.is_exhausted());
    assert_eq!(scene.stalls.get(), 3);
}

#[test]
fn a_slow_statement_within_its_limit_stays() {
    let scene = Scene::new();
    let slow = scene.begin(StatementKind::InTransaction);
    let before = Instant::now();
    wait_for(|| before.elapsed() > LIMITS.alone * 2);
    assert_eq!(scene.slot.stalled(), 0);
    drop(slow);
    assert!(!scene.returned.recv().unwrap());
}

#[test]
fn a_stalled_commit_is_reported_until_a_later_one_returns() {
    let scene = Scene::new();
    let frozen = scene.begin(StatementKind::Commit);
    wait_for(|| scene.slot.has_stalled_commit());
    wait_for(|| scene.slot.stalled() == 1);
    drop(scene.begin(StatementKind::Alone));
    scene.returned.recv().unwrap();
    assert!(scene.slot.has_stalled_commit(), "a read proves nothing");
    drop(scene.begin(StatementKind::Commit));
    scene.returned.recv().unwrap();
    assert!(!scene.slot.has_stalled_commit());
    drop(frozen);
}

struct Count(AtomicUsize);

impl Held for Count {
    fn give_up(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn what_a_stalled_thread_holds_is_taken_away_once() {
    let (watchdog, stalls) = (Watchdog::start(), IntCounter::with_opts(Opts::new("n", "n")).unwrap());
    let (held, (answer, wait)) = (Arc::new(Count(AtomicUsize::new(0))), bounded::<()>(0));
    let given = Arc::clone(&held);
    let watch = watchdog.watch(LIMITS, stalls);
    // The replacement finds the queue closed, too.
    let first = AtomicBool::new(true);
    let body = move || {
        if first.swap(false, Ordering::SeqCst) {
            hold(Arc::<Count>::clone(&given));
            begin_statement(StatementKind::Alone);
            let _ = wait.recv();
            // A connection that is taken after that is given up, too.
            hold(Arc::<Count>::clone(&given));
        }
    };
    let slot = ThreadSlot::start("test".to_owned(), Some(&watch), body).unwrap();
    wait_for(|| held.0.load(Ordering::SeqCst) == 1);
    drop(answer);
    wait_for(|| slot.threads.lock().is_empty());
    assert_eq!(held.0.load(Ordering::SeqCst), 2);
}
