//! Numbers as a format has them.

use super::conversion::{Conversion, Fault};

/// A whole number of so many bits.
pub(super) fn whole(conversion: &Conversion, number: i64, bits: u32) -> Result<String, Fault> {
    if conversion.letter == 'd' {
        let digits = grouped(conversion, &number.unsigned_abs().to_string());
        return Ok(signed(conversion, number < 0, &digits));
    }
    // Of these only what is not NULL is looked at.
    if ['(', ' ', '+'].into_iter().any(|flag| conversion.has(flag)) {
        return Err(Fault::Wrong);
    }
    let bits = number as u64 & (u64::MAX >> (64 - bits));
    let (prefix, digits) = match conversion.letter {
        'x' => ("0x", format!("{bits:x}")),
        _ => ("0", format!("{bits:o}")),
    };
    let prefix = if conversion.has('#') { prefix } else { "" };
    Ok(conversion.with_zeros(prefix, &digits, ""))
}

/// A number with a point.
pub(super) fn float(conversion: &Conversion, number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    let is_negative = number.is_sign_negative();
    if number.is_infinite() {
        let (sign, end) = signs(conversion, is_negative);
        return format!("{sign}Infinity{end}");
    }
    let precision = conversion.precision.unwrap_or(6);
    let decimal = Decimal::of(number.abs());
    let digits = match conversion.letter {
        'e' => decimal.scientific(conversion, precision),
        'f' => decimal.plain(conversion, precision),
        _ => decimal.general(conversion, precision.max(1)),
    };
    signed(conversion, is_negative, &digits)
}

fn signed(conversion: &Conversion, is_negative: bool, digits: &str) -> String {
    let (sign, end) = signs(conversion, is_negative);
    conversion.with_zeros(sign, digits, end)
}

/// What stands before and behind the digits.
fn signs(conversion: &Conversion, is_negative: bool) -> (&'static str, &'static str) {
    match is_negative {
        true if conversion.has('(') => ("(", ")"),
        true => ("-", ""),
        false if conversion.has('+') => ("+", ""),
        false if conversion.has(' ') => (" ", ""),
        false => ("", ""),
    }
}

/// Digits with a comma before every three of them, if that is asked for.
fn grouped(conversion: &Conversion, digits: &str) -> String {
    if !conversion.has(',') {
        return digits.to_owned();
    }
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// The fewest digits that a number is told apart by, and the place of the point: 0.digits * 10^point.
struct Decimal {
    digits: Vec<u8>,
    point: i32,
}

impl Decimal {
    /// Of a number that is not negative.
    fn of(number: f64) -> Self {
        if number == 0.0 {
            return Self { digits: Vec::new(), point: 1 };
        }
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let digits = digits.bytes().filter(u8::is_ascii_digit).map(|digit| digit - b'0').collect();
        Self { digits, point: exponent.parse().map_or(1, |exponent: i32| exponent + 1) }
    }

    /// The same with so many digits at most, rounded half up.
    fn rounded(&self, digits: i32) -> Self {
        let Ok(kept) = usize::try_from(digits) else {
            return Self { digits: Vec::new(), point: 1 };
        };
        let mut rounded = Self { digits: self.digits.clone(), point: self.point };
        if self.digits.get(kept).is_none() {
            return rounded;
        }
        let up = self.digits[kept] >= 5;
        rounded.digits.truncate(kept);
        if up {
            while rounded.digits.last() == Some(&9) {
                rounded.digits.pop();
            }
            match rounded.digits.last_mut() {
                Some(last) => *last += 1,
                None => {
                    rounded.digits.push(1);
                    rounded.point += 1;
                }
            }
        }
        rounded
    }

    /// The digit at a place behind the first.
    fn digit(&self, place: i32) -> char {
        let digit = usize::try_from(place).ok().and_then(|place| self.digits.get(place));
        char::from(b'0' + digit.copied().unwrap_or_default())
    }

    /// `1234.50`.
    fn plain(&self, conversion: &Conversion, precision: usize) -> String {
        let precision = precision as i32;
        let rounded = self.rounded(self.point + precision);
        let point = rounded.point.max(1);
        let lead = point - rounded.point;
        let before: String = (0..point).map(|place| rounded.digit(place - lead)).collect();
        let behind = (point..point + precision).map(|place| rounded.digit(place - lead));
        let dot = if precision > 0 || conversion.has('#') { "." } else { "" };
        format!("{}{dot}{}", grouped(conversion, &before), behind.collect::<String>())
    }

    /// `1.2345e+03`.
    fn scientific(&self, conversion: &Conversion, precision: usize) -> String {
        let rounded = self.rounded(1 + precision as i32);
        let exponent = rounded.point - 1;
        let behind: String = (1..=precision as i32).map(|place| rounded.digit(place)).collect();
        let dot = if precision > 0 || conversion.has('#') { "." } else { "" };
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{}{dot}{behind}e{sign}{:02}", rounded.digit(0), exponent.abs())
    }

    /// The first of both from 10^-4 to 10^precision, the second elsewhere.
    fn general(&self, conversion: &Conversion, precision: usize) -> String {
        let rounded = self.rounded(precision as i32);
        let is_zero = rounded.digits.is_empty();
        if is_zero || (-3..=precision as i32).contains(&rounded.point) {
            let before = if is_zero { 1 } else { rounded.point };
            let behind = (precision as i32 - before).max(0) as usize;
            return rounded.plain(conversion, behind);
        }
        rounded.scientific(conversion, precision - 1)
    }
}
