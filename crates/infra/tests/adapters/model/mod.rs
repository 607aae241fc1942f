//! A property test: random lives of two people, step by step against a small model.
//!
//! After every step the list, unread, the preview, the history and what a search finds of both must be what the model says.

mod check;
mod steps;
mod world;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Runtime;

use crate::support::Ground;
use steps::Step;

/// So many lives, of at most so many steps each.
const LIVES: u32 = 100;
const STEPS: usize = 50;

#[test]
fn random_operations_of_two_users_agree_with_the_model() {
    let (ground, runtime) = (Ground::new(), Runtime::new().unwrap());
    let pool = ground.pool();
    // What is searched is partly in blocks and partly not, as chance will have it.
    let _indexer = ground.eager_indexer();
    let number = std::cell::Cell::new(0_u32);
    let config = Config { cases: LIVES, failure_persistence: None, ..Config::default() };
    let lives = prop::collection::vec(any_step(), 1..STEPS);
    let result = TestRunner::new(config).run(&lives, |steps| {
        // New people for every life, so that one database serves all.
        number.set(number.get() + 1);
        runtime.block_on(steps::live(&pool, number.get(), &steps)).map_err(TestCaseError::fail)
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

/// `who` is 0 or 1; places are taken modulo what is there.
fn any_step() -> impl Strategy<Value = Step> {
    let who = 0..2_usize;
    let place = 0..24_usize;
    // Near the beginning, so that there is something left to be unread.
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
        2 => who.prop_map(|who| Step::HearFromAnother { who }),
    ]
}
