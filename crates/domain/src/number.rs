//! Saturating conversions between integer types.

use std::time::Duration;

/// An integer type and its range.
pub trait Bounded {
    /// The smallest value.
    const MIN: Self;
    /// The greatest value.
    const MAX: Self;
}

macro_rules! bounded {
    ($($integer:ty),*) => {
        $(impl Bounded for $integer {
            const MIN: Self = <$integer>::MIN;
            const MAX: Self = <$integer>::MAX;
        })*
    };
}
bounded!(u16, i32, u32, i64, u64, usize);

/// The same number in another type; a number out of its range becomes the nearest bound.
///
/// For counts, limits and durations, where a value out of range cannot occur in practice and the bound would be right.
pub fn saturating<To, From>(value: From) -> To
where
    To: TryFrom<From> + Bounded,
    From: Copy + PartialOrd + Default,
{
    To::try_from(value).unwrap_or(if value < From::default() { To::MIN } else { To::MAX })
}

/// Whole microseconds.
#[must_use]
pub fn micros(duration: Duration) -> i64 {
    saturating(duration.as_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_in_range_keeps_its_value_and_others_become_a_bound() {
        assert_eq!(saturating::<i32, i64>(-7), -7);
        assert_eq!(saturating::<i32, i64>(i64::MIN), i32::MIN);
        assert_eq!(saturating::<u32, i64>(-1), 0);
        assert_eq!(saturating::<u16, u64>(70_000), u16::MAX);
        assert_eq!(saturating::<usize, u32>(u32::MAX), 4_294_967_295);
    }

    #[test]
    fn microseconds_saturate() {
        assert_eq!(micros(Duration::new(1, 2_999)), 1_000_002);
        assert_eq!(micros(Duration::MAX), i64::MAX);
    }
}
