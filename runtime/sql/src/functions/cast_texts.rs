//! Values in texts, as Flink's `CAST` reads and writes them.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, Utc};

use super::own_math::Rounding;

/// Blanks as Java's `trim` takes them off.
fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c <= ' ')
}

fn digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A whole number; digits behind a point go.
pub(super) fn whole(text: &str) -> Option<i64> {
    let text = trimmed(text);
    match text.split_once('.') {
        Some((_, fraction)) if !digits(fraction) => None,
        Some(("", _)) => Some(0),
        Some((number, _)) => number.parse().ok(),
        None => text.parse().ok(),
    }
}

/// A float, as Java reads it.
pub(super) fn float<F: std::str::FromStr>(text: &str) -> Option<F> {
    let text = trimmed(text);
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, "NaN" | "Infinity") {
        return text.parse().ok();
    }
    let text = text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text);
    let plain = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
    text.chars().all(plain).then(|| text.parse().ok()).flatten()
}

/// A decimal, unscaled; half a last digit is rounded away from zero. None for more digits than
/// `precision`.
pub(super) fn decimal(text: &str, precision: u8, scale: i8) -> Option<i128> {
    let text = trimmed(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (number, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let unsigned = number.strip_prefix(['+', '-']).unwrap_or(number);
    if !digits(unsigned) || !digits(fraction) || unsigned.len() + fraction.len() == 0 {
        return None;
    }
    // Digits beyond those of an i128 cannot be rounded in one; they hardly count either.
    let kept = fraction.len().min(38_usize.saturating_sub(unsigned.trim_start_matches('0').len()));
    let all = format!("{number}{}", &fraction[..kept]);
    let unscaled: i128 = all.parse().ok()?;
    // The value is `unscaled` at this power of ten.
    let power = exponent.checked_sub(i32::try_from(kept).ok()?)?;
    at_power(unscaled, power.checked_add(i32::from(scale))?, precision)
}

/// The same decimal with another number of digits behind the point.
pub(super) fn rescaled(value: i128, before: i8, precision: u8, scale: i8) -> Option<i128> {
    at_power(value, i32::from(scale) - i32::from(before), precision)
}

fn at_power(value: i128, power: i32, precision: u8) -> Option<i128> {
    let unit = 10_i128.checked_pow(power.unsigned_abs());
    let moved = match (unit, power < 0) {
        (Some(unit), true) => Rounding::HalfUp.divide(value, unit),
        (Some(unit), false) => value.checked_mul(unit)?,
        (None, true) => 0,
        (None, false) if value == 0 => 0,
        (None, false) => return None,
    };
    let bound = 10_i128.pow(u32::from(precision));
    (-bound < moved && moved < bound).then_some(moved)
}

/// A truth value.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "t" | "true" | "y" | "yes" | "1" => Some(true),
        "f" | "false" | "n" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// The numbers of a text such as `2020-2-9`, each of so many digits, none missing but the last
/// ones, which are `otherwise`.
fn numbers<const N: usize>(
    text: &str,
    separator: char,
    lengths: [std::ops::RangeInclusive<usize>; N],
    otherwise: Option<u32>,
) -> Option<[u32; N]> {
    let mut parts = text.split(separator);
    let mut found = [0; N];
    for (number, length) in found.iter_mut().zip(lengths) {
        *number = match parts.next() {
            None => otherwise?,
            Some(part) if digits(part) && length.contains(&part.len()) => part.parse().ok()?,
            Some(_) => return None,
        };
    }
    parts.next().is_none().then_some(found)
}

/// Days since the Unix epoch of `2020[-2[-9]]`; what follows behind a blank does not count.
pub(super) fn date(text: &str) -> Option<i32> {
    let text = trimmed(text);
    let text = text.split_once(' ').map_or(text, |(date, _)| date);
    let any = 1..=9;
    let [year, month, day] = numbers(text, '-', [any.clone(), any.clone(), any], Some(1))?;
    if year > 9999 {
        return None;
    }
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    Some(date.num_days_from_ce() - UNIX_EPOCH_DAYS)
}

/// 1970-01-01 in days since the year 1.
const UNIX_EPOCH_DAYS: i32 = 719_163;

/// Milliseconds since midnight of `12[:34[:56[.789]]]`, without those behind the second, since
/// TIME has no digits there.
pub(super) fn time_of_day(text: &str) -> Option<i32> {
    let text = trimmed(text);
    let text = text.split_once('.').map_or(text, |(whole, _)| whole);
    let two = 1..=2;
    let [hour, minute, second] = numbers(text, ':', [two.clone(), two.clone(), two], Some(0))?;
    let is_time = hour < 24 && minute < 60 && second < 60;
    is_time.then_some((((hour * 60 + minute) * 60 + second) * 1000) as i32)
}

/// A timestamp `2020-2-9[ 12:34:56[.123456789]]`. The days 29 to 31 of a shorter month are its
/// last, 24 o'clock is that of the next day.
pub(super) fn timestamp(text: &str) -> Option<DateTime<Utc>> {
    let two = 1..=2;
    let (date, (days, time)) = match text.split_once(' ') {
        Some((date, time)) => (date, clock(time)?),
        None => (text, (0, NaiveTime::MIN)),
    };
    let [year, month, day] = numbers(date, '-', [4..=4, two.clone(), two], None)?;
    let year = i32::try_from(year).ok()?;
    if !(1..=31).contains(&day) {
        return None;
    }
    let date =
        (0..=3).find_map(|less| NaiveDate::from_ymd_opt(year, month, day.checked_sub(less)?))?;
    let date = date.checked_add_days(Days::new(days))?;
    Some(NaiveDateTime::new(date, time).and_utc())
}

/// A time of the day, with the days that it is ahead.
fn clock(text: &str) -> Option<(u64, NaiveTime)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let nanos: u32 = format!("{fraction:0<9}").parse().ok()?;
    let two = 1..=2;
    let [hour, minute, second] = numbers(whole, ':', [two.clone(), two.clone(), two], None)?;
    if (hour, minute, second, nanos) == (24, 0, 0, 0) {
        return Some((1, NaiveTime::MIN));
    }
    NaiveTime::from_hms_nano_opt(hour, minute, second, nanos).map(|time| (0, time))
}

/// A float as Java writes it. `shortest` is the shortest text for it, with an exponent.
pub(super) fn of_float(value: f64, shortest: &str) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((shortest, "0"));
    let whole = if mantissa.contains('.') { "" } else { ".0" };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if value == 0.0 || exponent == 0 {
        return format!("{mantissa}{whole}");
    }
    if !(-3..7).contains(&exponent) {
        return format!("{mantissa}{whole}E{exponent}");
    }
    let sign = if value < 0.0 { "-" } else { "" };
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    if exponent < 0 {
        let zeros = "0".repeat(exponent.unsigned_abs() as usize - 1);
        return format!("{sign}0.{zeros}{digits}");
    }
    let point = exponent as usize + 1;
    let digits = format!("{digits:0<width$}", width = point + 1);
    format!("{sign}{}.{}", &digits[..point], &digits[point..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_in_java() {
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (100.0, "100.0"),
            (123.456, "123.456"),
            (-9_999_999.5, "-9999999.5"),
            (1e7, "1.0E7"),
            (0.001, "0.001"),
            (-0.001_25, "-0.00125"),
            (0.000_999, "9.99E-4"),
            (1e-10, "1.0E-10"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(of_float(value, &format!("{value:e}")), text);
        }
    }

    #[test]
    fn digits_that_do_not_fit_are_rounded_or_refused() {
        assert_eq!(decimal("12.345", 10, 2), Some(1235));
        assert_eq!(decimal("-12.345", 10, 2), Some(-1235));
        assert_eq!(decimal("1e2", 10, 2), Some(10_000));
        assert_eq!(decimal("1e-40", 10, 2), Some(0));
        assert_eq!(decimal("1e40", 10, 2), None);
        assert_eq!(decimal("999.995", 5, 2), None);
        assert_eq!(decimal(&format!("0.{}", "3".repeat(60)), 38, 3), Some(333));
        for wrong in ["", ".", "-", "1.2.3", "1e", "abc", "1 2"] {
            assert_eq!(decimal(wrong, 10, 2), None, "{wrong}");
        }
    }
}
