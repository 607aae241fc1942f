use super::*;

fn queue(batch: usize) -> BatchQueue<u8, u8> {
    let limits = BatchLimits { batch, queued: 5, pending_jobs: 2 };
    BatchQueue::new(limits, |_, requests| Ok(requests.to_vec()))
}

#[test]
fn batches_keep_the_order_and_their_maximum_size() {
    let queue = queue(2);
    let _pending: Vec<_> = (0..5).map(|request| queue.enqueue(request).unwrap()).collect();
    assert_eq!(queue.take_batch().0, [0, 1]);
    assert_eq!(queue.take_batch().0, [2, 3]);
    assert_eq!(queue.take_batch().0, [4]);
    assert!(queue.take_batch().0.is_empty());
}

#[test]
fn a_request_whose_caller_is_gone_takes_no_room_in_a_batch() {
    let queue = queue(2);
    let pending: Vec<_> = (0..3).map(|request| queue.enqueue(request).unwrap()).collect();
    let [gone, _second, _third] = <[_; 3]>::try_from(pending).ok().unwrap();
    drop(gone);
    assert_eq!(queue.take_batch().0, [1, 2]);
}

#[test]
fn only_a_request_that_still_waits_can_be_withdrawn() {
    let queue = queue(1);
    let (first, second) = (queue.enqueue(1).unwrap(), queue.enqueue(2).unwrap());
    assert_eq!(queue.take_batch().0, [1]);
    assert!(!queue.withdraw(first.ticket));
    assert!(queue.withdraw(second.ticket));
    assert!(!queue.withdraw(second.ticket));
    assert!(queue.take_batch().0.is_empty());
}

#[test]
fn a_full_queue_refuses_a_request() {
    let queue = queue(1);
    let _pending: Vec<_> = (0..5).map(|request| queue.enqueue(request).unwrap()).collect();
    assert!(queue.enqueue(5).is_none());
    queue.take_batch();
    assert!(queue.enqueue(5).is_some());
}

#[test]
fn pending_jobs_never_exceed_the_threads_nor_fail_waiting_requests() {
    let queue = queue(1);
    let needed: Vec<_> = (0..3).map(|request| queue.enqueue(request).unwrap().needs_job).collect();
    assert_eq!(needed, [true, true, false]);
    assert!(!queue.needs_another_job(), "two are pending");
    queue.job_started();
    queue.job_started();
    assert!(queue.needs_another_job());
    assert!(!queue.needs_another_job(), "it is counted");
    queue.job_started();
    while !queue.take_batch().0.is_empty() {}
    assert!(!queue.needs_another_job(), "no request waits");
}

/// Answers a batch of 0, 1 and 2; requests that `fails` names fail the statements that they are in.
fn answered(fails: impl Fn(&u8) -> Option<PortError>) -> (Vec<Option<u8>>, usize) {
    let statements = std::cell::Cell::new(0);
    let (replies, results): (Vec<_>, Vec<_>) = (0..3).map(|_| oneshot::channel()).unzip();
    answer(&[0, 1, 2], replies, &|requests: &[u8]| {
        statements.set(statements.get() + 1);
        requests.iter().find_map(&fails).map_or_else(|| Ok(requests.to_vec()), Err)
    });
    let result = |mut result: oneshot::Receiver<Result<u8, PortError>>| result.try_recv().unwrap().ok();
    (results.into_iter().map(result).collect(), statements.get())
}

#[test]
fn a_request_that_fails_its_statement_fails_no_other() {
    let fails = |request: &u8| (*request == 1).then(|| PortError::internal("out of range"));
    assert_eq!(answered(fails), (vec![Some(0), None, Some(2)], 4));
    assert_eq!(answered(|_| None), (vec![Some(0), Some(1), Some(2)], 1));
}

#[test]
fn an_unavailable_database_is_asked_once() {
    let fails = |_: &u8| Some(PortError::unavailable(Db::RETRY_AFTER, "gone"));
    assert_eq!(answered(fails), (vec![None, None, None], 1));
}

fn time_limit() -> PortError {
    PortError::unavailable(Db::RETRY_AFTER, "canceling statement due to statement timeout")
}

#[test]
fn a_request_that_exceeds_the_time_limit_fails_no_other() {
    let fails = |request: &u8| (*request == 0).then(time_limit);
    assert_eq!(answered(fails), (vec![None, Some(1), Some(2)], 4));
}

#[test]
fn a_database_that_is_slow_for_all_is_not_asked_for_each_request() {
    let statements = std::cell::Cell::new(0);
    let requests: Vec<u8> = (0..16).collect();
    let (replies, results): (Vec<_>, Vec<_>) = requests.iter().map(|_| oneshot::channel()).unzip();
    answer(&requests, replies, &|_: &[u8]| {
        statements.set(statements.get() + 1);
        Err::<Vec<u8>, _>(time_limit())
    });
    assert_eq!(statements.get(), 1 + MAX_SLOW);
    assert!(results.into_iter().all(|mut result| result.try_recv().unwrap().is_err()));
}
