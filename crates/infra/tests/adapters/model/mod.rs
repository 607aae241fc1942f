//! A property test: random operations of two users, compared with a small reference model.
//!
//! After every step both users' lists, unread counts, previews, histories and search results must equal the model's.

mod check;
mod reference;
mod steps;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use test_db::cases;
use tokio::runtime::Runtime;

use crate::support::Database;
use steps::Step;

/// The maximum number of steps of a run.
const STEPS: usize = 50;

#[test]
fn random_operations_of_two_users_agree_with_the_model() {
    let (database, runtime) = (Database::new(), Runtime::new().unwrap());
    let pool = database.pool();
    // The messages are searched partly in blocks and partly not, at random.
    let _indexer = database.fast_indexer();
    let number = std::cell::Cell::new(0_u32);
    let config = Config { cases: cases(25, 100), failure_persistence: None, ..Config::default() };
    let runs = prop::collection::vec(any_step(), 1..STEPS);
    let result = TestRunner::new(config).run(&runs, |steps| {
        // New users for every run, so that all can share one database.
        number.set(number.get() + 1);
        runtime.block_on(steps::execute(&pool, number.get(), &steps)).map_err(TestCaseError::fail)
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

/// `who` is 0 or 1; places are taken modulo the number of messages.
fn any_step() -> impl Strategy<Value = Step> {
    let who = 0..2_usize;
    let place = 0..24_usize;
    // Early places, so that some messages stay unread.
    let early = 0..8_usize;
    prop_oneof![
        8 => (who.clone(), prop::option::weighted(0.4, 0..4_u8), 0..2_u8).prop_map(|(who, key, text)| Step::Send { who, key, text }),
        3 => (who.clone(), place.clone()).prop_map(|(who, place)| Step::Recall { who, place }),
        3 => (who.clone(), place).prop_map(|(who, place)| Step::Delete { who, place }),
        3 => (who.clone(), early).prop_map(|(who, place)| Step::Read { who, place }),
        1 => who.clone().prop_map(|who| Step::Clear { who }),
        1 => who.clone().prop_map(|who| Step::Unfriend { who }),
        2 => who.clone().prop_map(|who| Step::Befriend { who }),
        1 => (who.clone(), any::<bool>()).prop_map(|(who, on)| Step::Block { who, on }),
        1 => (who.clone(), any::<bool>()).prop_map(|(who, on)| Step::Pin { who, on }),
        2 => (who.clone(), 0..3_u8).prop_map(|(who, text)| Step::Remark { who, text }),
        2 => who.prop_map(|who| Step::ReceiveFromThirdUser { who }),
    ]
}
