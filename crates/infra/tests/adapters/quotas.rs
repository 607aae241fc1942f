//! Quotas that all instances share.

use std::sync::Arc;
use std::time::Duration;

use domain::account::{Uid, UidChangeOutcome, UidChangeRules, UserRepository};
use domain::login_throttle::ClientAddress;
use domain::maintenance::{MaintenanceRepository, MaintenanceTask};
use domain::quota::{QuotaRate, RegistrationQuota, RegistrationRates};
use infra::postgres::PgRegistrationQuota;

use crate::support::{Database, Pool};

const HOUR: Duration = Duration::from_secs(3600);

fn address(text: &str) -> Option<ClientAddress> {
    ClientAddress::new(text.parse().unwrap())
}

fn quota(pool: &Pool, per_address: u64, overall: u64) -> Arc<PgRegistrationQuota> {
    let rates = RegistrationRates {
        per_address: QuotaRate::new(per_address, HOUR).unwrap(),
        overall: QuotaRate::new(overall, HOUR).unwrap(),
    };
    Arc::new(PgRegistrationQuota::new(Arc::clone(&pool.db), rates))
}

/// Moves all buckets closer to full.
fn pass(database: &Database, time: Duration) {
    database.sql(&format!("UPDATE quotas SET full_at = full_at - interval '{} s'", time.as_secs()));
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_registrations_of_an_address_stop_at_its_quota() {
    let database = Database::new();
    let pools = [database.pool(), database.pool()];
    let quotas = [quota(&pools[0], 20, 1000), quota(&pools[1], 20, 1000)];
    let tasks: Vec<_> = (0..60)
        .map(|number| {
            let quota = Arc::clone(&quotas[number % 2]);
            tokio::spawn(async move { quota.spend(address("192.0.2.7")).await.unwrap() })
        })
        .collect();
    let mut admitted = 0;
    for task in tasks {
        match task.await.unwrap() {
            None => admitted += 1,
            Some(wait) => assert!(wait <= HOUR / 20, "{wait:?}"),
        }
    }
    assert_eq!(admitted, 20);
    assert_eq!(quotas[1].spend(address("192.0.2.8")).await.unwrap(), None, "another address is free");
    pass(&database, HOUR / 10);
    for expected in [true, true, false] {
        assert_eq!(quotas[0].spend(address("192.0.2.7")).await.unwrap().is_none(), expected);
    }
}

#[tokio::test]
async fn a_refusal_counts_neither_under_the_address_nor_in_all() {
    let database = Database::new();
    let pool = database.pool();
    let quota = quota(&pool, 3, 5);
    let spend = async |from: &str| quota.spend(address(from)).await.unwrap().is_none();
    for _ in 0..3 {
        assert!(spend("192.0.2.7").await);
    }
    for _ in 0..20 {
        assert!(!spend("192.0.2.7").await);
    }
    assert!(spend("2001:db8::1").await && spend("2001:db8:0:1::1").await, "two of five are left");
    for _ in 0..3 {
        assert!(!spend("192.0.2.9").await, "none is left in all");
    }
    assert_eq!(quota.spend(None).await.unwrap().map(|wait| wait > HOUR / 10), Some(true));
    pass(&database, HOUR);
    assert!(spend("192.0.2.9").await && spend("192.0.2.9").await && spend("192.0.2.9").await);
    assert!(!spend("192.0.2.9").await);
    assert!(quota.spend(None).await.unwrap().is_none(), "an unknown address counts in all only");
}

#[tokio::test]
async fn attempts_for_a_taken_uid_count_as_changes() {
    let database = Database::new();
    let pools = [database.pool(), database.pool()];
    let (alice, bob) = (pools[0].person("alice_01").await, pools[0].person("bob_0001").await);
    let rules = UidChangeRules { interval: Duration::ZERO, quota: QuotaRate::new(3, 24 * HOUR) };
    let change = async |pool: usize, user, wanted: &str| {
        pools[pool].users.change_uid(user, &Uid::parse(wanted).unwrap(), rules).await.unwrap()
    };
    assert!(matches!(change(0, alice, "alice_01").await, UidChangeOutcome::Refused(_)), "not counted");
    assert_eq!(change(0, alice, "bob_0001").await, UidChangeOutcome::Taken);
    assert_eq!(change(1, alice, "BOB_0001").await, UidChangeOutcome::Taken);
    assert_eq!(change(0, alice, "alice_02").await, UidChangeOutcome::Changed);
    for wanted in ["bob_0001", "alice_03"] {
        let UidChangeOutcome::QuotaUsedUp(wait) = change(1, alice, wanted).await else { panic!("{wanted}") };
        assert!(wait <= 8 * HOUR, "{wait:?}");
    }
    assert_eq!(change(1, bob, "bob_0002").await, UidChangeOutcome::Changed, "each account has its own");
    pass(&database, 8 * HOUR);
    assert_eq!(change(1, alice, "alice_03").await, UidChangeOutcome::Changed);
}

#[tokio::test]
async fn counts_are_deleted_when_the_quota_is_whole_again() {
    let database = Database::new();
    let pool = database.pool();
    let quota = quota(&pool, 2, 1000);
    for from in ["192.0.2.7", "192.0.2.8"] {
        quota.spend(address(from)).await.unwrap();
    }
    let sweep = async || pool.maintenance.sweep(MaintenanceTask::PurgeQuotas, Duration::ZERO).await.unwrap();
    assert_eq!(sweep().await.rows, 0);
    pass(&database, HOUR / 100);
    assert_eq!((sweep().await.rows, database.number("SELECT count(*) FROM quotas")), (1, 2));
    pass(&database, HOUR / 2);
    assert_eq!((sweep().await.rows, database.number("SELECT count(*) FROM quotas")), (2, 0));
}
