//! Random bits, and numbers of a range out of them.

use sabot_types::key_hash::{mixed, of_bytes};

/// Spreads the numbers of rows, and of what follows within a value: 2 to the 64th by the golden ratio.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
/// What the bits that say whether a value is NULL begin with, or how long it is.
const OF_NULLS: u64 = 0xd1b5_4a32_d192_ed03;
const OF_LENGTHS: u64 = 0x8cb9_2ba7_2f3d_8dd7;

/// What all random bits of a row begin with.
#[inline]
pub(super) fn seed_of_row(number: u64) -> u64 {
    number.wrapping_mul(STEP)
}

/// What tells the values of a column, or of a part of it, from those of others.
pub(super) fn key_of(table: &str, path: &str) -> u64 {
    mixed(of_bytes(table.as_bytes()) ^ mixed(of_bytes(path.as_bytes())))
}

/// The bits of a value.
#[inline]
pub(super) fn bits(seed: u64, key: u64) -> u64 {
    mixed(seed ^ key)
}

/// The bits of a value that follow its first, from 0.
#[inline]
pub(super) fn more(bits: u64, index: u64) -> u64 {
    mixed(bits.wrapping_add((index + 1).wrapping_mul(STEP)))
}

/// The bits that say whether a value is NULL.
#[inline]
pub(super) fn of_null(seed: u64, key: u64) -> u64 {
    mixed(bits(seed, key) ^ OF_NULLS)
}

/// The bits that say how long a value with these bits is.
#[inline]
pub(super) fn of_length(bits: u64) -> u64 {
    mixed(bits ^ OF_LENGTHS)
}

/// A number from `min` to `max`, both included.
#[inline]
pub(super) fn between(bits: u64, min: i64, max: i64) -> i64 {
    let more = max.wrapping_sub(min) as u64;
    min.wrapping_add(up_to(bits, more) as i64)
}

/// A number from 0 to `max`, included.
#[inline]
pub(super) fn up_to(bits: u64, max: u64) -> u64 {
    ((u128::from(bits) * (u128::from(max) + 1)) >> 64) as u64
}

/// A number from 0 to `max`, included, which is below 2 to the 127th.
pub(super) fn wide_up_to(bits: u64, max: u128) -> u128 {
    match u64::try_from(max) {
        Ok(max) => u128::from(up_to(bits, max)),
        Err(_) => product_above(u128::from(bits) << 64 | u128::from(more(bits, 0)), max + 1),
    }
}

/// A product without its lower 128 bits.
fn product_above(a: u128, b: u128) -> u128 {
    let halves = |n: u128| (n >> 64, n & u128::from(u64::MAX));
    let ((a_high, a_low), (b_high, b_low)) = (halves(a), halves(b));
    let middle = a_high * b_low + ((a_low * b_low) >> 64);
    let (middle, carry) = middle.overflowing_add(a_low * b_high);
    a_high * b_high + (middle >> 64) + (u128::from(carry) << 64)
}

/// A number between `min` and `max`.
#[inline]
pub(super) fn uniform(bits: u64, min: f64, max: f64) -> f64 {
    let share = ((bits >> 12) as f64 + 0.5) / (1_u64 << 52) as f64;
    // Not the difference, which overflows between the least and the greatest number.
    (share * max + (1.0 - share) * min).clamp(min, max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_reach_both_ends_of_their_range() {
        for (min, max) in [(0, 0), (-1, 1), (i64::MIN, i64::MAX), (i64::MAX - 1, i64::MAX)] {
            assert_eq!(between(0, min, max), min);
            assert_eq!(between(u64::MAX, min, max), max);
        }
        let most = 10_u128.pow(38) - 1;
        let largest = (0..10_000).map(|n| wide_up_to(mixed(n), most)).max().unwrap();
        assert!(largest <= most && largest > most / 1000 * 998, "{largest}");
        assert!((0.0..1e308).contains(&uniform(1 << 63, f64::MIN, f64::MAX)));
        assert!((f64::MIN..-1e308).contains(&uniform(0, f64::MIN, f64::MAX)));
    }

    #[test]
    fn the_upper_half_of_a_product_is_exact() {
        let numbers = [0, 1, 3 << 64, u128::MAX, (1 << 64) - 1, 10_u128.pow(38) + 7];
        for a in numbers {
            assert_eq!(product_above(a, 1 << 64), a >> 64);
            assert_eq!(product_above(a, u128::MAX), a.saturating_sub(1));
            assert_eq!(product_above(1 << 127, a), a >> 1);
        }
    }
}
