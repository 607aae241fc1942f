//! Invites, and registrations that redeem them.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use domain::account::{NewUser, PhoneNumber, RegisterOutcome, UserRepository};
use domain::auth::DeviceName;
use domain::invite::{InviteCode, InviteRepository, InviteTerms};
use infra::postgres::PgInviteRepository;

use crate::support::{Database, Pool, new_user};

fn code(number: u8) -> InviteCode {
    InviteCode::from_random([[number; 16], [number; 16]])
}

fn invites(pool: &Pool) -> PgInviteRepository {
    PgInviteRepository::new(Arc::clone(&pool.db))
}

async fn create(pool: &Pool, code: &InviteCode, uses: u32) {
    let terms = InviteTerms { uses: NonZeroU32::new(uses).unwrap(), lifetime: Duration::from_secs(3600) };
    assert!(invites(pool).create(code, terms).await.unwrap().is_some());
}

fn invited(uid: &str, code: &InviteCode) -> NewUser {
    NewUser { invite: Some(code.clone()), ..new_user(uid) }
}

async fn register(pool: &Pool, user: &NewUser) -> RegisterOutcome {
    pool.users.register(user, &DeviceName::default()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_concurrent_registrations_with_the_last_use_one_wins() {
    let database = Database::new();
    let pools = [database.pool(), database.pool()];
    for round in 1..=5 {
        let code = code(round);
        create(&pools[0], &code, 2).await;
        let tasks: Vec<_> = (0..12)
            .map(|number| {
                let (pool, code) = (Arc::clone(&pools[number % 2]), code.clone());
                tokio::spawn(async move {
                    register(&pool, &invited(&format!("goose_{round}_{number:02}"), &code)).await
                })
            })
            .collect();
        let mut registered = 0;
        for task in tasks {
            match task.await.unwrap() {
                RegisterOutcome::Registered(..) => registered += 1,
                RegisterOutcome::InviteUnknown => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(registered, 2);
        assert!(!invites(&pools[1]).is_open(&code).await.unwrap());
    }
    assert_eq!(database.number("SELECT count(*) FROM users"), 10);
    assert_eq!(database.number("SELECT sum(used) FROM invites"), 10);
}

#[tokio::test]
async fn a_refused_registration_uses_no_invite() {
    let database = Database::new();
    let pool = database.pool();
    let number = PhoneNumber::parse("13800138000").unwrap();
    let first = NewUser { phone_number: Some(number), ..new_user("goose_01") };
    assert!(matches!(register(&pool, &first).await, RegisterOutcome::Registered(..)));
    let code = code(1);
    create(&pool, &code, 1).await;
    let taken = NewUser { invite: Some(code.clone()), ..first.clone() };
    assert!(matches!(register(&pool, &taken).await, RegisterOutcome::UidTaken));
    let taken = NewUser { uid: new_user("goose_02").uid, ..taken };
    assert!(matches!(register(&pool, &taken).await, RegisterOutcome::PhoneNumberTaken));
    assert_eq!(database.number("SELECT used::bigint FROM invites"), 0);
    assert!(matches!(register(&pool, &invited("goose_02", &code)).await, RegisterOutcome::Registered(..)));
    assert_eq!(database.number("SELECT used::bigint FROM invites"), 1);
    assert!(matches!(register(&pool, &invited("goose_01", &code)).await, RegisterOutcome::InviteUnknown));
}

#[tokio::test]
async fn an_expired_revoked_or_wrong_invite_is_unknown() {
    let database = Database::new();
    let pool = database.pool();
    let (known, expired, revoked) = (code(1), code(2), code(3));
    for code in [&known, &expired, &revoked] {
        create(&pool, code, 5).await;
    }
    database.sql(&format!("UPDATE invites SET expires_at = now() WHERE id = '{}'", expired.id()));
    assert!(invites(&pool).revoke(revoked.id()).await.unwrap());
    assert!(!invites(&pool).revoke(revoked.id()).await.unwrap());
    let same_id = format!("{}{}", known.id(), &expired.expose()[5..]);
    let same_id = InviteCode::parse(&same_id).unwrap();
    for code in [&expired, &revoked, &same_id] {
        assert!(!invites(&pool).is_open(code).await.unwrap());
        assert!(matches!(register(&pool, &invited("goose_01", code)).await, RegisterOutcome::InviteUnknown));
    }
    assert!(invites(&pool).is_open(&known).await.unwrap());
    let listed = invites(&pool).list().await.unwrap();
    let shown: Vec<_> = listed.iter().map(|invite| (invite.id.as_str(), invite.is_open)).collect();
    assert_eq!(shown, [(known.id(), true), (expired.id(), false)]);
}

#[tokio::test]
async fn the_database_holds_no_usable_code_and_each_id_once() {
    let database = Database::new();
    let pool = database.pool();
    let code = code(1);
    create(&pool, &code, 1).await;
    let same_id = InviteCode::parse(&format!("{}{}", code.id(), "z".repeat(15))).unwrap();
    let terms = InviteTerms { uses: NonZeroU32::MIN, lifetime: Duration::from_secs(3600) };
    assert_eq!(invites(&pool).create(&same_id, terms).await.unwrap(), None);
    let secret = &code.expose()[5..];
    let found = format!("SELECT count(*) FROM invites i WHERE i::text LIKE '%{secret}%'");
    assert_eq!(database.number(&found), 0);
}
