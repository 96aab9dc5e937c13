//! Decimals in texts, with the digits that their column keeps.

use arrow::array::types::{Decimal128Type, Decimal256Type};
use arrow::compute::kernels::cast_utils::parse_decimal;
use arrow::datatypes::i256;

/// The unscaled value of a number with `scale` digits behind the point; none when it is no number,
/// or has more than `precision` digits. A digit too much rounds half away from zero, as in Flink.
pub(super) fn parse(text: &str, precision: u8, scale: i8) -> Option<i128> {
    let text = text.trim();
    let kept = parse_decimal::<Decimal128Type>(text, 38, scale + 1).ok().map(round);
    // So many digits do not fit with one more.
    let kept = kept.or_else(|| {
        let value = parse_decimal::<Decimal256Type>(text, 76, scale + 1).ok()?;
        let ten = i256::from_i128(10);
        let rest = (value % ten).to_i128()?;
        (value / ten).to_i128()?.checked_add(carry(rest))
    })?;
    let bound = 10_i128.checked_pow(u32::from(precision))?;
    (-bound < kept && kept < bound).then_some(kept)
}

fn round(value: i128) -> i128 {
    value / 10 + carry(value % 10)
}

/// What the last digit, with its sign, adds to those before it.
fn carry(digit: i128) -> i128 {
    match digit {
        5.. => 1,
        ..=-5 => -1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_that_are_not_kept_round_half_away_from_zero() {
        for (text, kept) in [
            ("1.005", 101),
            ("1.0049", 100),
            ("-1.005", -101),
            ("-0.0049", 0),
            ("999.994", 99_999),
            (" 2 ", 200),
            ("1e2", 10_000),
            ("+.5", 50),
        ] {
            assert_eq!(parse(text, 5, 2), Some(kept), "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_none() {
        for text in ["999.995", "1000", "", "x", "1.2.3", "1e9", "--1"] {
            assert_eq!(parse(text, 5, 2), None, "{text}");
        }
    }

    #[test]
    fn all_digits_are_kept() {
        let digits = "1234567890123456789012345678.0123456789";
        assert_eq!(parse(digits, 38, 10), digits.replace('.', "").parse().ok());
        assert_eq!(
            parse(&format!("{digits}5"), 38, 10),
            Some(12_345_678_901_234_567_890_123_456_780_123_456_790)
        );
        assert_eq!(parse(&"9".repeat(38), 38, 0), "9".repeat(38).parse().ok());
        assert_eq!(parse(&format!("0.{}", "9".repeat(38)), 38, 38), "9".repeat(38).parse().ok());
        assert_eq!(parse(&format!("0.{}", "9".repeat(39)), 38, 38), None);
    }
}
