//! Division by a number that is known once and used a million times.

/// Divides by a fixed number with two multiplications, exactly (Lemire, Kaser, Kurz: "Faster
/// remainder by direct computation", 2019).
#[derive(Debug, Clone, Copy)]
pub(super) struct Divisor {
    /// 2 to the 128th, divided by the divisor and rounded up; 0 for the divisor 1.
    magic: u128,
}

impl Divisor {
    /// A divisor from 1.
    pub(super) fn new(divisor: u64) -> Self {
        let magic = match divisor {
            0 | 1 => 0,
            _ => u128::MAX / u128::from(divisor) + 1,
        };
        Self { magic }
    }

    /// The quotient, rounded down.
    #[inline]
    pub(super) fn divide(self, dividend: u64) -> u64 {
        if self.magic == 0 {
            return dividend;
        }
        let low = (u128::from(self.magic as u64) * u128::from(dividend)) >> 64;
        ((((self.magic >> 64) * u128::from(dividend)) + low) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_are_exact() {
        let numbers = |n: u64| [n.saturating_sub(1), n, n.saturating_add(1)];
        for divisor in [1, 2, 3, 7, 50, 1000, 10_000, 999_983, 1 << 40, u64::MAX - 1, u64::MAX] {
            let by = Divisor::new(divisor);
            for multiple in [0, 1, 2, 3, 1000, 123_456_789] {
                for n in numbers(divisor.wrapping_mul(multiple)).into_iter().chain([u64::MAX]) {
                    assert_eq!(by.divide(n), n / divisor, "{n} / {divisor}");
                }
            }
        }
    }
}
