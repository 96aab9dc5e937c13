//! How the values of a column, or of what is within one, are made, as its options say.

use super::declared::{Declared, Letters, Type};
use super::known;
use super::numbers::{Bound, decimal, power_of_ten};
use crate::options::{OptionError, Options};

/// Letters or bytes of a text whose type and options do not say it.
const LENGTH: u32 = 100;
/// Elements of an ARRAY, a MAP or a MULTISET.
const ELEMENTS: u32 = 3;
const LENGTH_MAX: u32 = 1 << 24;
/// How often something is in a MULTISET at most; at least not at all, as in Flink.
const OFTEN_MAX: i64 = 10;

/// How values are made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Make {
    /// This number in the first row, then one more in each.
    Sequence(i64),
    Boolean,
    /// Whole numbers of a range with both its ends.
    Integer(i64, i64),
    Real(f64, f64),
    /// The same as a DECIMAL has them, without a point.
    Decimal(i128, i128),
    Letters(Letters, Length),
    /// The day, and the time of the day, at which the row is due.
    Date,
    Time,
    /// The time at which the row is due, or up to so many milliseconds before.
    Timestamp(u64),
    Row,
    /// So many elements.
    Several(u32),
}

/// How long texts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Length {
    pub(super) letters: u32,
    /// Whether some are shorter, from one letter to less than that.
    pub(super) varies: bool,
}

/// What a column's options say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Made {
    pub(super) make: Make,
    /// The share of values that are NULL, from 0 to 1.
    pub(super) null_rate: f64,
    /// After how many rows a sequence ends.
    pub(super) rows: Option<u64>,
}

impl Made {
    /// How often something is in a MULTISET.
    pub(super) const OFTEN: Self =
        Self { make: Make::Integer(0, OFTEN_MAX), null_rate: 0.0, rows: None };

    /// Reads the options of `of`.
    pub(super) fn read(options: &Options<'_>, of: &Declared) -> Result<Self, OptionError> {
        let reader = Reader { options, of };
        if known::is_sequence(options, of)? {
            let (first, rows) = reader.sequence()?;
            return Ok(Self { make: Make::Sequence(first), null_rate: 0.0, rows: Some(rows) });
        }
        Ok(Self { make: reader.random()?, null_rate: reader.null_rate()?, rows: None })
    }
}

struct Reader<'o, 'm> {
    options: &'o Options<'m>,
    of: &'o Declared,
}

impl Reader<'_, '_> {
    fn name(&self, option: &str) -> String {
        known::name(&self.of.path, option)
    }

    fn get(&self, option: &str) -> Option<&str> {
        self.options.get(&self.name(option))
    }

    fn bad(&self, option: &str, expected: impl Into<String>) -> OptionError {
        self.options.bad(&self.name(option), expected)
    }

    fn random(&self) -> Result<Make, OptionError> {
        Ok(match self.of.data_type {
            Type::Boolean => Make::Boolean,
            Type::Integer(least, greatest) => {
                let (min, max) =
                    self.range((least, greatest), |option, _| self.whole(option, least, greatest))?;
                Make::Integer(min, max)
            }
            // The least one is that above zero, as in Flink.
            Type::Float => {
                let least = f64::from(f32::from_bits(1));
                let (min, max) = self.real(least, f32::MAX.into())?;
                Make::Real(min, max)
            }
            Type::Double => {
                let (min, max) = self.real(f64::from_bits(1), f64::MAX)?;
                Make::Real(min, max)
            }
            Type::Decimal(precision, scale) => {
                let most = power_of_ten(precision) - 1;
                let read = |option: &str, bound| match self.get(option) {
                    None => Ok(None),
                    Some(text) => decimal(text, scale, most, bound)
                        .map(Some)
                        .ok_or_else(|| self.bad(option, "a number such as 12.5")),
                };
                let (min, max) = self.range((0, most), read)?;
                Make::Decimal(min, max)
            }
            Type::Fixed(letters, length) => {
                Make::Letters(letters, Length { letters: length, varies: false })
            }
            Type::Varying(letters, most) => {
                let varies = self.options.boolean(&self.name("var-len"))?.unwrap_or(false);
                let letters_max = most.unwrap_or(LENGTH_MAX).max(1);
                let length = self.length(1, letters_max)?.unwrap_or(most.unwrap_or(LENGTH));
                Make::Letters(letters, Length { letters: length, varies })
            }
            Type::Date => Make::Date,
            Type::Time => Make::Time,
            Type::Timestamp => {
                let past = self.options.duration(&self.name("max-past"))?.unwrap_or_default();
                let past = u64::try_from(past.as_millis()).ok().filter(|past| *past < 1 << 50);
                Make::Timestamp(past.ok_or_else(|| self.bad("max-past", "a shorter time"))?)
            }
            Type::Row => Make::Row,
            Type::Array | Type::Map | Type::Multiset => {
                Make::Several(self.length(0, LENGTH_MAX)?.unwrap_or(ELEMENTS))
            }
        })
    }

    /// The first number, and how many there are.
    fn sequence(&self) -> Result<(i64, u64), OptionError> {
        let (least, greatest) = match self.of.data_type {
            Type::Integer(least, greatest) => (least, greatest),
            // What it has exactly.
            Type::Float => (-(1 << 24), 1 << 24),
            Type::Double => (-(1 << 53), 1 << 53),
            Type::Decimal(precision, scale) => {
                let most = power_of_ten(precision - scale) - 1;
                let most = i64::try_from(most).unwrap_or(i64::MAX);
                (-most, most)
            }
            _ => (i64::MIN, i64::MAX),
        };
        let number = |option: &str, what: &str| {
            let missing = || {
                let expected = format!("the {what} number of the sequence");
                self.options.missing(&self.name(option), &expected)
            };
            self.whole(option, least, greatest)?.ok_or_else(missing)
        };
        let (start, end) = (number("start", "first")?, number("end", "last")?);
        if start > end {
            let expected = format!("a number from {start}, which is '{}'", self.name("start"));
            return Err(self.bad("end", expected));
        }
        Ok((start, (end.wrapping_sub(start) as u64).saturating_add(1)))
    }

    fn whole(&self, option: &str, least: i64, greatest: i64) -> Result<Option<i64>, OptionError> {
        let Some(text) = self.get(option) else { return Ok(None) };
        let number = text.parse().ok().filter(|number| (least..=greatest).contains(number));
        let expected = || format!("a whole number from {least} to {greatest}");
        number.map(Some).ok_or_else(|| self.bad(option, expected()))
    }

    fn real(&self, least: f64, greatest: f64) -> Result<(f64, f64), OptionError> {
        self.range((least, greatest), |option, _| {
            let Some(text) = self.get(option) else { return Ok(None) };
            let number = text.parse().ok().filter(|number: &f64| number.abs() <= greatest);
            let expected = || format!("a number from {:e} to {greatest:e}", -greatest);
            number.map(Some).ok_or_else(|| self.bad(option, expected()))
        })
    }

    /// `min` and `max`, or those of the type.
    fn range<T: PartialOrd + std::fmt::Display>(
        &self,
        (least, greatest): (T, T),
        read: impl Fn(&str, Bound) -> Result<Option<T>, OptionError>,
    ) -> Result<(T, T), OptionError> {
        let (min, max) = (read("min", Bound::Lower)?, read("max", Bound::Upper)?);
        let is_without_min = min.is_none();
        let (min, max) = (min.unwrap_or(least), max.unwrap_or(greatest));
        if min <= max {
            return Ok((min, max));
        }
        let (at_fault, other) = if is_without_min { ("max", "min") } else { ("min", "max") };
        let direction = if is_without_min { "from" } else { "up to" };
        let value = self.get(other).map_or_else(
            || format!("is {} without it", if is_without_min { "0" } else { "lower" }),
            |value| format!("is {value}"),
        );
        let expected = format!("a number {direction} '{}', which {value}", self.name(other));
        Err(self.bad(at_fault, expected))
    }

    fn length(&self, least: u32, most: u32) -> Result<Option<u32>, OptionError> {
        let Some(text) = self.get("length") else { return Ok(None) };
        let length = text.parse().ok().filter(|length| (least..=most).contains(length));
        let expected = || format!("a length from {least} to {most} of the type {}", self.of.name);
        length.map(Some).ok_or_else(|| self.bad("length", expected()))
    }

    fn null_rate(&self) -> Result<f64, OptionError> {
        let Some(text) = self.get("null-rate") else { return Ok(0.0) };
        let rate = text.parse().ok().filter(|rate| (0.0..=1.0).contains(rate));
        let rate = rate.ok_or_else(|| self.bad("null-rate", "a share from 0 to 1, such as 0.1"))?;
        if rate > 0.0 && !self.of.nullable {
            return Err(self.bad("null-rate", format!("0, since {} is NOT NULL", self.of.path)));
        }
        Ok(rate)
    }
}
