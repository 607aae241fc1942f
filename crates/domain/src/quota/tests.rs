use std::time::Duration;

use super::{QuotaRate, RegistrationRates};

const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_bucket_allows_a_burst_and_then_an_even_rate() {
    let rate = QuotaRate::new(4, MINUTE).unwrap();
    let mut until_full = Duration::ZERO;
    for _ in 0..4 {
        until_full = rate.spend(until_full, 1).unwrap();
    }
    assert_eq!(until_full, MINUTE);
    assert_eq!(rate.spend(until_full, 1), Err(15 * SECOND));
    assert_eq!(rate.spend(46 * SECOND, 1), Err(SECOND));
    assert_eq!(rate.spend(45 * SECOND, 1), Ok(MINUTE));
}

#[test]
fn a_cost_of_several_tokens_is_taken_whole_or_not_at_all() {
    let rate = QuotaRate::new(60, MINUTE).unwrap();
    assert_eq!(rate.spend(Duration::ZERO, 45), Ok(45 * SECOND));
    assert_eq!(rate.spend(45 * SECOND, 16), Err(SECOND));
    assert_eq!(rate.spend(45 * SECOND, 15), Ok(MINUTE));
}

#[test]
fn a_cost_above_the_size_takes_the_whole_bucket() {
    let rate = QuotaRate::new(60, MINUTE).unwrap();
    assert_eq!(rate.spend(Duration::ZERO, u64::MAX), Ok(MINUTE));
    assert_eq!(rate.spend(SECOND, u64::MAX), Err(SECOND));
}

#[test]
fn an_amount_of_zero_is_no_quota_and_extremes_do_not_overflow() {
    assert_eq!(QuotaRate::new(0, MINUTE), None);
    let century = SECOND * 3_155_760_000;
    for (amount, period) in [(u64::MAX, MINUTE), (1, century), (u64::MAX, century)] {
        let rate = QuotaRate::new(amount, period).unwrap();
        assert!(rate.spend(Duration::ZERO, 1).is_ok());
        assert!(rate.spend(Duration::MAX, u64::MAX).is_err());
    }
}

#[test]
fn registrations_have_a_rate_per_address_and_one_for_all_addresses() {
    let rates = RegistrationRates::per_hour(20).unwrap();
    assert_eq!(Some(rates.per_address), QuotaRate::new(20, MINUTE * 60));
    assert_eq!(Some(rates.overall), QuotaRate::new(60, MINUTE));
    assert_eq!(RegistrationRates::per_hour(0), None);
}
