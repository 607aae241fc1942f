use super::*;

const PATIENCE: Duration = Duration::from_secs(5);

fn limit(in_flight: usize, waiting: usize) -> Arc<KeyedLimit<u32>> {
    KeyedLimit::new(Bounds { in_flight, waiting, patience: PATIENCE, rest: 0 })
}

#[track_caller]
fn admitted(arrival: Arrival<u32>) -> Permit<u32> {
    let Arrival::Admitted(permit) = arrival else { panic!("the request is not admitted") };
    permit
}

#[track_caller]
fn queued(arrival: Arrival<u32>) -> Arrival<u32> {
    assert!(matches!(arrival, Arrival::Queued(_)), "the request is not queued");
    arrival
}

fn is_refused(arrival: &Arrival<u32>) -> bool {
    matches!(arrival, Arrival::Refused)
}

#[actix_web::test]
async fn requests_beyond_the_limit_wait_in_order_and_then_are_refused() {
    let limit = limit(2, 2);
    let (first, second) = (admitted(limit.arrive(1)), admitted(limit.arrive(1)));
    let (third, fourth) = (queued(limit.arrive(1)), queued(limit.arrive(1)));
    assert!(is_refused(&limit.arrive(1)));
    drop(first);
    let third = third.permit().await.ok().unwrap();
    drop(second);
    let fourth = fourth.permit().await.ok().unwrap();
    let fifth = queued(limit.arrive(1));
    drop((third, fourth));
    fifth.permit().await.ok().unwrap();
    assert_eq!(limit.keys(), 0, "an idle key takes no memory");
}

#[test]
fn one_key_never_delays_another() {
    let limit = limit(1, 1);
    let _running = admitted(limit.arrive(1));
    let _waiting = queued(limit.arrive(1));
    assert!(is_refused(&limit.arrive(1)));
    let others: Vec<_> = (2..1000).map(|key| admitted(limit.arrive(key))).collect();
    assert_eq!(limit.keys(), 999);
    drop(others);
    assert_eq!(limit.keys(), 1);
}

#[actix_web::test]
async fn a_request_that_is_given_up_passes_its_turn_on() {
    let limit = limit(1, 3);
    let first = admitted(limit.arrive(1));
    let (second, third, fourth) = (queued(limit.arrive(1)), queued(limit.arrive(1)), queued(limit.arrive(1)));
    drop(second);
    let fifth = queued(limit.arrive(1));
    assert!(is_refused(&limit.arrive(1)), "its place in the queue was free for one");
    drop(third);
    drop(first);
    let fourth = fourth.permit().await.ok().unwrap();
    drop(fifth);
    drop(fourth);
    assert_eq!(limit.keys(), 0);
}

#[actix_web::test]
async fn a_permit_that_comes_too_late_is_not_lost() {
    let limit = limit(1, 1);
    let first = admitted(limit.arrive(1));
    let late = queued(limit.arrive(1));
    drop(first);
    // The permit is in the channel when its receiver is dropped.
    drop(late);
    assert_eq!(limit.keys(), 0);
    drop(admitted(limit.arrive(1)));
}

#[actix_web::test]
async fn a_request_whose_turn_does_not_come_is_refused() {
    tokio::time::pause();
    let limit = limit(1, 1);
    let first = admitted(limit.arrive(1));
    assert_eq!(queued(limit.arrive(1)).permit().await.err(), Some(LaneFull));
    let next = queued(limit.arrive(1));
    drop(first);
    assert!(next.permit().await.is_ok());
}

#[test]
fn threads_together_never_exceed_the_limit() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let limit = limit(3, 0);
    let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10_000 {
                    let Arrival::Admitted(_permit) = limit.arrive(7) else { continue };
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    running.fetch_sub(1, Ordering::SeqCst);
                }
            });
        }
    });
    assert!((1..=3).contains(&most.into_inner()));
    assert_eq!(limit.keys(), 0);
}

#[test]
fn the_rest_grows_with_the_queue_up_to_three_times_the_duration() {
    let bounds = |rest| Bounds { in_flight: 1, waiting: 64, patience: PATIENCE, rest };
    let ms = Duration::from_millis;
    for (waiting, rest) in [(1, ms(25)), (4, ms(100)), (12, ms(300)), (64, ms(300)), (usize::MAX, ms(300))] {
        assert_eq!(bounds(1).rest_after(ms(100), waiting), rest, "{waiting}");
        assert_eq!(bounds(12).rest_after(ms(100), waiting), ms(300), "{waiting}");
        assert_eq!(bounds(0).rest_after(ms(100), waiting), Duration::ZERO, "{waiting}");
    }
    assert_eq!(bounds(12).rest_after(Duration::MAX, 64), MAX_REST);
}

#[actix_web::test]
async fn a_key_whose_requests_wait_rests_between_them() {
    let limit = KeyedLimit::new(Bounds { in_flight: 1, waiting: 2, patience: PATIENCE, rest: 4 });
    let first = admitted(limit.arrive(1));
    let second = queued(limit.arrive(1));
    let took = Duration::from_millis(50);
    std::thread::sleep(took);
    drop(first);
    let second = second.permit().await.ok().unwrap();
    assert!(second.rest >= took);
    drop(second);
    assert!(admitted(limit.arrive(1)).rest.is_zero(), "without a queue there is no rest");
}
