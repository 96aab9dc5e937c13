//! Functions of time that the library lacks or defines otherwise than Flink. Times are
//! milliseconds since the Unix epoch, dates days.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayBuilder, ArrayRef, AsArray, Date32Array, Int32Array, Int32Builder, Int64Array,
    StringBuilder, TimestampMillisecondArray,
};
use arrow::compute::{cast as cast_array, take};
use arrow::datatypes::{
    DataType, Int64Type, Time32MillisecondType, TimeUnit, TimestampMillisecondType,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::format::{Fixed, Item, Numeric, Pad, ParseResult, Parsed, StrftimeItems};
use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime};
use datafusion_common::{ScalarValue, exec_err, internal_err};
use datafusion_expr::{ColumnarValue, Expr, Volatility, cast, create_udf, lit};

use super::own::{Kernel, call};
use super::{cast_texts, moved_times};
use crate::types::TIMESTAMP;

const DAY_MS: i64 = 86_400_000;

/// What may follow the text that a format describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing, as with `DateTimeFormatter`.
    Nothing,
    /// Anything, as with `SimpleDateFormat`.
    Anything,
}

/// Reads timestamps by a format; null for a text that does not fit it.
pub(super) fn parse_timestamp(value: Expr, format: &str, rest: Rest) -> Expr {
    let length = length_of(format).filter(|_| rest == Rest::Nothing);
    // The parser has no "three digits of a second"; its `%3f` is for printing only.
    let format = format.replace(".%3f", "%.f").replace(".%6f", "%.f");
    let name = format!("to_timestamp_{rest:?}_{format}");
    let kernel: Kernel = Arc::new(move |arrays| {
        let texts = cast_array(&arrays[0], &DataType::Utf8)?;
        let millis = |text: Option<&str>| {
            let mut parsed = Parsed::new();
            let text = text?;
            // The parser takes numbers of less digits than a format has.
            let fits = length.is_none_or(|length| text.len() == length)
                && read(&mut parsed, text, &format, rest).is_ok();
            let time = if fits { time_of(parsed).map(|time| time.and_utc()) } else { None };
            // What does not fit may still be a time as Flink writes it.
            let standard = || cast_texts::timestamp(text);
            let time = if rest == Rest::Nothing { time.or_else(standard) } else { time };
            time.map(|time| time.timestamp_millis())
        };
        let times: TimestampMillisecondArray =
            texts.as_string::<i32>().iter().map(millis).collect();
        Ok(Arc::new(times))
    });
    call(&name, vec![DataType::Utf8], TIMESTAMP, kernel, vec![value])
}

fn read(parsed: &mut Parsed, text: &str, format: &str, rest: Rest) -> ParseResult<()> {
    let items = StrftimeItems::new(format);
    match rest {
        Rest::Nothing => chrono::format::parse(parsed, text, items),
        Rest::Anything => chrono::format::parse_and_remainder(parsed, text, items).map(drop),
    }
}

/// How long texts of a format are; none when they are not all as long.
fn length_of(format: &str) -> Option<usize> {
    StrftimeItems::new(format).try_fold(0, |length, item| {
        let more = match item {
            Item::Literal(text) | Item::Space(text) => text.len(),
            Item::Numeric(Numeric::Year, Pad::Zero) => 4,
            Item::Numeric(Numeric::Ordinal, Pad::Zero)
            | Item::Fixed(Fixed::ShortMonthName | Fixed::ShortWeekdayName) => 3,
            Item::Numeric(_, Pad::Zero) | Item::Fixed(Fixed::UpperAmPm) => 2,
            _ => return None,
        };
        Some(length + more)
    })
}

/// What the format leaves out is that of 1970-01-01 00:00:00, as in Flink.
fn time_of(mut parsed: Parsed) -> Option<NaiveDateTime> {
    if parsed.year().is_none() && parsed.year_mod_100().is_none() {
        parsed.set_year(1970).ok()?;
    }
    if parsed.ordinal().is_none() {
        if parsed.month().is_none() {
            parsed.set_month(1).ok()?;
        }
        if parsed.day().is_none() {
            parsed.set_day(1).ok()?;
        }
    }
    if parsed.hour_mod_12().is_none() {
        parsed.set_hour(0).ok()?;
    }
    if parsed.hour_div_12().is_none() {
        parsed.set_ampm(false).ok()?;
    }
    if parsed.minute().is_none() {
        parsed.set_minute(0).ok()?;
    }
    Some(parsed.to_naive_date().ok()?.and_time(parsed.to_naive_time().ok()?))
}

/// Reads timestamps as Flink writes them, `2020-12-31[ 23:59:59[.123]]`; null for other texts.
pub(super) fn parse_standard(value: Expr) -> Expr {
    let kernel: Kernel = Arc::new(|arrays| {
        let millis = |text: Option<&str>| Some(cast_texts::timestamp(text?)?.timestamp_millis());
        let times: TimestampMillisecondArray =
            arrays[0].as_string::<i32>().iter().map(millis).collect();
        Ok(Arc::new(times))
    });
    call("to_timestamp", vec![DataType::Utf8], TIMESTAMP, kernel, vec![value])
}

/// The same for texts that have a time of the day.
pub(super) fn parse_with_time(value: Expr) -> Expr {
    let kernel: Kernel = Arc::new(|arrays| {
        let millis = |text: Option<&str>| {
            let text = text.filter(|text| text.contains(' '))?;
            Some(cast_texts::timestamp(text)?.timestamp_millis())
        };
        let times: TimestampMillisecondArray =
            arrays[0].as_string::<i32>().iter().map(millis).collect();
        Ok(Arc::new(times))
    });
    call("timestamp_of_text", vec![DataType::Utf8], TIMESTAMP, kernel, vec![value])
}

/// A time of the day on 1970-01-01.
pub(super) fn on_first_day(value: Expr) -> Expr {
    let kernel: Kernel = Arc::new(|arrays| {
        let millis = arrays[0].as_primitive::<Time32MillisecondType>();
        Ok(Arc::new(millis.unary::<_, TimestampMillisecondType>(i64::from)))
    });
    let time = DataType::Time32(TimeUnit::Millisecond);
    call("on_first_day", vec![time], TIMESTAMP, kernel, vec![value])
}

/// Writes timestamps of milliseconds by a format.
pub(super) fn text(time: Expr, format: &str) -> Expr {
    let on_values = |values: &[ColumnarValue]| {
        let [time, ColumnarValue::Scalar(ScalarValue::Utf8(Some(format)))] = values else {
            return internal_err!("to_char takes a timestamp and a constant format");
        };
        match time {
            ColumnarValue::Array(times) => Ok(ColumnarValue::Array(texts(times, format)?)),
            ColumnarValue::Scalar(time) => {
                let text = texts(&time.to_array()?, format)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&text, 0)?))
            }
        }
    };
    let types = vec![TIMESTAMP, DataType::Utf8];
    let on_values = Arc::new(on_values);
    // The name of the library's, which does the same, is part of what operators are known by.
    let udf = create_udf("to_char", types, DataType::Utf8, Volatility::Immutable, on_values);
    udf.call(vec![time, lit(format)])
}

/// Neighbours are often alike for a format, as times of one day are: each run is written once.
fn texts(times: &ArrayRef, format: &str) -> datafusion_common::Result<ArrayRef> {
    let unit_ms = resolution_ms(format);
    let options = FormatOptions::new().with_timestamp_format(Some(format));
    let formatter = ArrayFormatter::try_new(times, &options)?;
    let mut texts = StringBuilder::new();
    let mut places = Int32Builder::with_capacity(times.len());
    let mut written = None;
    for (row, time) in times.as_primitive::<TimestampMillisecondType>().iter().enumerate() {
        let Some(time) = time else {
            places.append_null();
            continue;
        };
        let run = Some(time.div_euclid(unit_ms));
        if written != run {
            texts.append_value(formatter.value(row).try_to_string()?);
            written = run;
        }
        places.append_value(texts.len() as i32 - 1);
    }
    Ok(take(&texts.finish(), &places.finish(), None)?)
}

/// How many milliseconds there are at least between times that a format writes differently.
fn resolution_ms(format: &str) -> i64 {
    let finest = |item: Item<'_>| match item {
        Item::Literal(_) | Item::OwnedLiteral(_) | Item::Space(_) | Item::OwnedSpace(_) => DAY_MS,
        Item::Numeric(numeric, _) => match numeric {
            Numeric::Year
            | Numeric::YearMod100
            | Numeric::Month
            | Numeric::Day
            | Numeric::Ordinal => DAY_MS,
            Numeric::Hour | Numeric::Hour12 => 3_600_000,
            Numeric::Minute => 60_000,
            Numeric::Second => 1_000,
            _ => 1,
        },
        Item::Fixed(fixed) => match fixed {
            Fixed::ShortMonthName
            | Fixed::LongMonthName
            | Fixed::ShortWeekdayName
            | Fixed::LongWeekdayName => DAY_MS,
            Fixed::LowerAmPm | Fixed::UpperAmPm => 3_600_000,
            _ => 1,
        },
        Item::Error => 1,
    };
    StrftimeItems::new(format).map(finest).min().unwrap_or(DAY_MS)
}

/// A unit that times are rounded to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// So many milliseconds.
    Fixed(i64),
    /// From Sunday on, as in Flink.
    Week,
    /// So many months: 1, 3, 12.
    Months(u32),
    /// So many years from a year on.
    Years(i32, i32),
}

impl Unit {
    /// The unit of this name.
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name.strip_suffix('S').unwrap_or(name) {
            "MILLISECOND" => Self::Fixed(1),
            "SECOND" => Self::Fixed(1_000),
            "MINUTE" => Self::Fixed(60_000),
            "HOUR" => Self::Fixed(3_600_000),
            "DAY" => Self::Fixed(DAY_MS),
            "WEEK" => Self::Week,
            "MONTH" => Self::Months(1),
            "QUARTER" => Self::Months(3),
            "YEAR" => Self::Months(12),
            "DECADE" => Self::Years(10, 0),
            "CENTURY" => Self::Years(100, 1),
            "MILLENNIUM" => Self::Years(1_000, 1),
            _ => return None,
        })
    }

    /// Whether times of a day matter to it.
    pub(super) fn is_within_day(self) -> bool {
        matches!(self, Self::Fixed(ms) if ms < DAY_MS)
    }

    /// The begin of the unit that holds a time; none beyond the calendar's end.
    pub(super) fn floor(self, ms: i64) -> Option<i64> {
        let date = |ms: i64| DateTime::from_timestamp_millis(ms).map(|time| time.date_naive());
        match self {
            Self::Fixed(unit) => Some(ms.div_euclid(unit) * unit),
            Self::Week => {
                let date = date(ms)?;
                let sunday = Days::new(u64::from(date.weekday().num_days_from_sunday()));
                date.checked_sub_days(sunday).and_then(begin_ms)
            }
            Self::Months(unit) => {
                let date = date(ms)?;
                let month = date.month0() / unit * unit + 1;
                NaiveDate::from_ymd_opt(date.year(), month, 1).and_then(begin_ms)
            }
            Self::Years(years, first) => {
                let year = (date(ms)?.year() - first).div_euclid(years) * years + first;
                NaiveDate::from_ymd_opt(year, 1, 1).and_then(begin_ms)
            }
        }
    }

    /// The same time if that begins a unit, or else the end of the unit that holds it. As in Flink weeks,
    /// months and years begin with any time of their first day, of quarters only those of a year, and
    /// longer units with none.
    pub(super) fn ceil(self, ms: i64) -> Option<i64> {
        let floor = self.floor(ms)?;
        let is_first_day = floor.div_euclid(DAY_MS) == ms.div_euclid(DAY_MS);
        let begins_year = || Self::Months(12).floor(ms) == Some(floor);
        match self {
            Self::Fixed(_) if floor == ms => Some(ms),
            Self::Fixed(unit) => Some(floor + unit),
            Self::Months(3) if is_first_day && begins_year() => Some(floor),
            Self::Week | Self::Months(1 | 12) if is_first_day => Some(floor),
            Self::Week => Some(floor + 7 * DAY_MS),
            Self::Months(unit) => add_months(floor, i64::from(unit)),
            Self::Years(years, _) => add_months(floor, i64::from(years) * 12),
        }
    }
}

fn begin_ms(date: NaiveDate) -> Option<i64> {
    Some(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_millis())
}

/// A time some months on, on the last day of a month that is too short for it.
fn add_months(ms: i64, months: i64) -> Option<i64> {
    let count = Months::new(u32::try_from(months.unsigned_abs()).ok()?);
    let time = DateTime::from_timestamp_millis(ms)?;
    let moved =
        if months < 0 { time.checked_sub_months(count) } else { time.checked_add_months(count) };
    moved.map(|time| time.timestamp_millis())
}

/// The whole months from `from` to `to`.
fn months_between(from: i64, to: i64) -> i64 {
    let days = |ms: i64| (ms.div_euclid(DAY_MS), ms.rem_euclid(DAY_MS));
    let ((from_day, from_ms), (to_day, to_ms)) = (days(from), days(to));
    let months = if to_day < from_day {
        -months_of_days(to_day, from_day)
    } else {
        months_of_days(from_day, to_day)
    };
    // The last one is not whole yet when its day has come, but not its time.
    let is_that_day = add_months(from_day * DAY_MS, months) == Some(to_day * DAY_MS);
    if is_that_day && to_ms < from_ms { months - 1 } else { months }
}

/// The whole months from a day to a later one.
fn months_of_days(from: i64, to: i64) -> i64 {
    // No month is longer, so that this is too few.
    let mut months = (to - from) / 31;
    while add_months(from * DAY_MS, months + 1).is_some_and(|next| next <= to * DAY_MS) {
        months += 1;
    }
    months
}

/// `FLOOR` or `CEIL` of a timestamp without a zone, of units `of`. As in Flink what is less than a
/// millisecond does not count.
pub(super) fn round_timestamp(value: Expr, of: TimeUnit, unit: Unit, up: bool) -> Expr {
    let parts = parts_of_ms(of);
    let rounded = move |time: i64| {
        let ms = time.div_euclid(parts);
        let ms = if up { unit.ceil(ms) } else { unit.floor(ms) };
        ms?.checked_mul(parts)
    };
    let kernel: Kernel = Arc::new(move |arrays| {
        let times = arrays[0].as_primitive::<Int64Type>();
        Ok(Arc::new(times.unary_opt::<_, Int64Type>(rounded)))
    });
    let (name, time) = (format!("round_{parts}_{unit:?}_{up}"), cast(value, DataType::Int64));
    let rounded = call(&name, vec![DataType::Int64], DataType::Int64, kernel, vec![time]);
    cast(rounded, DataType::Timestamp(of, None))
}

/// How many of a timestamp's units are a millisecond, which they are at most.
pub(super) fn parts_of_ms(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Nanosecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Millisecond | TimeUnit::Second => 1,
    }
}

/// `FLOOR` or `CEIL` of a `DATE` to a unit.
pub(super) fn round_date(value: Expr, unit: Unit, up: bool) -> Expr {
    let rounded = move |days: i32| {
        let ms = i64::from(days) * DAY_MS;
        let ms = if up { unit.ceil(ms) } else { unit.floor(ms) };
        i32::try_from(ms?.div_euclid(DAY_MS)).ok()
    };
    let kernel: Kernel = Arc::new(move |arrays| {
        let dates: &Date32Array = arrays[0].as_primitive();
        Ok(Arc::new(dates.unary_opt::<_, arrow::datatypes::Date32Type>(rounded)))
    });
    let name = format!("round_date_{unit:?}_{up}");
    call(&name, vec![DataType::Date32], DataType::Date32, kernel, vec![value])
}

/// A timestamp without a zone, of units `of`, some months on. Where milliseconds alone have room it
/// fails, and behind the calendar's end there is none.
pub(super) fn plus_months(value: Expr, of: TimeUnit, months: Expr) -> Expr {
    let parts = parts_of_ms(of);
    let kernel: Kernel = Arc::new(move |arrays| {
        let [times, months] = [0, 1].map(|index| arrays[index].as_primitive::<Int64Type>());
        let moved = |(time, months): (Option<i64>, Option<i64>)| {
            let (Some(time), Some(months)) = (time, months) else { return Ok(None) };
            let (ms, rest) = (time.div_euclid(parts), time.rem_euclid(parts));
            let Some(ms) = add_months(ms, months) else { return Ok(None) };
            match ms.checked_mul(parts).and_then(|time| time.checked_add(rest)) {
                Some(time) => Ok(Some(time)),
                None => exec_err!("{}", moved_times::TOO_FAR),
            }
        };
        let all: datafusion_common::Result<Int64Array> =
            times.iter().zip(months).map(moved).collect();
        Ok(Arc::new(all?) as ArrayRef)
    });
    let (types, time) = (vec![DataType::Int64; 2], cast(value, DataType::Int64));
    let name = format!("plus_months_{parts}");
    let moved = call(&name, types, DataType::Int64, kernel, vec![time, months]);
    cast(moved, DataType::Timestamp(of, None))
}

/// An interval of so many months or milliseconds as Flink writes it.
pub(crate) fn interval_text(amount: Expr, months: bool) -> Expr {
    let written = move |amount: i64| {
        let (sign, all) = (if amount < 0 { '-' } else { '+' }, amount.unsigned_abs());
        if months {
            return format!("{sign}{}-{:02}", all / 12, all % 12);
        }
        let (seconds, ms) = (all / 1000, all % 1000);
        let (hours, minutes) = (seconds / 3600 % 24, seconds / 60 % 60);
        format!("{sign}{} {hours:02}:{minutes:02}:{:02}.{ms:03}", seconds / 86_400, seconds % 60)
    };
    let kernel: Kernel = Arc::new(move |arrays| {
        let amounts = arrays[0].as_primitive::<Int64Type>().iter();
        let texts: arrow::array::StringArray = amounts.map(|a| a.map(written)).collect();
        Ok(Arc::new(texts))
    });
    let name = format!("interval_text_{months}");
    call(&name, vec![DataType::Int64], DataType::Utf8, kernel, vec![amount])
}

/// The whole times `unit` months from the first `TIMESTAMP(3)` to the second, as INT.
pub(super) fn months_from_to(from: Expr, to: Expr, unit: u32) -> Expr {
    let kernel: Kernel = Arc::new(move |arrays| {
        let [from, to] = [0, 1].map(|i| arrays[i].as_primitive::<TimestampMillisecondType>());
        let between = |(from, to): (Option<i64>, Option<i64>)| {
            i32::try_from(months_between(from?, to?) / i64::from(unit)).ok()
        };
        Ok(Arc::new(from.iter().zip(to).map(between).collect::<Int32Array>()) as ArrayRef)
    });
    let name = format!("months_from_to_{unit}");
    call(&name, vec![TIMESTAMP, TIMESTAMP], DataType::Int32, kernel, vec![from, to])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> i64 {
        let time = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").unwrap();
        time.and_utc().timestamp_millis()
    }

    #[test]
    fn whole_months_are_counted_to_the_day_and_time() {
        for (from, to, months) in [
            ("2020-01-31 00:00:00", "2020-02-29 00:00:00", 1),
            ("2020-01-15 12:00:00", "2020-02-15 11:00:00", 0),
            ("2020-01-15 12:00:00", "2020-02-15 12:00:00", 1),
            ("2020-03-15 00:00:00", "2020-01-15 00:00:00", -2),
            ("2018-06-01 00:00:00", "2020-05-31 23:59:59", 23),
        ] {
            assert_eq!(months_between(ms(from), ms(to)), months, "{from} to {to}");
        }
    }

    #[test]
    fn texts_are_those_of_each_time_where_runs_are_written_once() {
        let begin = ms("2019-12-31 22:59:58");
        let times = [0, 1, 999, 1000, 61_000, 3_600_000, 3_661_001, 7_200_000, -90_000_000_000_000];
        let times = times.iter().flat_map(|ms| [Some(begin + ms), Some(begin), None, Some(begin)]);
        let times: ArrayRef = Arc::new(times.collect::<TimestampMillisecondArray>());
        for (format, resolution) in [
            ("%Y-%m-%d", DAY_MS),
            ("%a, %-d %b %y: %j", DAY_MS),
            ("%H o'clock %p", 3_600_000),
            ("%Y%m%d %H:%M", 60_000),
            ("%I:%M:%S %p", 1_000),
            ("%Y-%m-%d %H:%M:%S.%3f", 1),
            ("%s", 1),
        ] {
            assert_eq!(resolution_ms(format), resolution, "{format}");
            let texts = texts(&times, format).unwrap();
            let each = times.as_primitive::<TimestampMillisecondType>().iter().map(|time| {
                let time = DateTime::from_timestamp_millis(time?).unwrap();
                Some(time.format(format).to_string())
            });
            let each: Vec<_> = each.collect();
            let found = texts.as_string::<i32>().iter();
            assert!(found.eq(each.iter().map(Option::as_deref)), "{format}");
        }
    }

    #[test]
    fn units_of_the_calendar_have_their_begins() {
        let time = ms("2018-03-20 06:44:31");
        for (name, floor, ceil) in [
            ("WEEK", "2018-03-18 00:00:00", "2018-03-25 00:00:00"),
            ("MONTH", "2018-03-01 00:00:00", "2018-04-01 00:00:00"),
            ("QUARTER", "2018-01-01 00:00:00", "2018-04-01 00:00:00"),
            ("YEARS", "2018-01-01 00:00:00", "2019-01-01 00:00:00"),
            ("MINUTE", "2018-03-20 06:44:00", "2018-03-20 06:45:00"),
        ] {
            let unit = Unit::of(name).unwrap();
            assert_eq!(unit.floor(time), Some(ms(floor)), "{name}");
            assert_eq!(unit.ceil(time), Some(ms(ceil)), "{name}");
            assert_eq!(unit.ceil(ms(floor)), Some(ms(floor)), "{name}");
        }
        assert_eq!(Unit::of("EON"), None);
    }
}
