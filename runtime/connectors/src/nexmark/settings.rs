//! The generator's options: those of the Nexmark project's connector for Flink, and Sabot's own.

use super::divide::Divisor;
use super::model::{HotRatios, Kind, Model, Proportions, Sizes};
use crate::options::{OptionError, Options};

/// All options.
pub(super) const OPTIONS: &[&str] = &[
    "auction.avg-size",
    "auction.hot-ratio.sellers",
    "auction.proportion",
    "bid.avg-size",
    "bid.hot-ratio.auctions",
    "bid.hot-ratio.bidders",
    "bid.proportion",
    "events.num",
    "first-event.rate",
    "keep-alive",
    "max-emit-speed",
    "next-event.rate",
    "nexmark.event-rate",
    "nexmark.first-event.base-time",
    "nexmark.table",
    "number-of-rows",
    "person.avg-size",
    "person.proportion",
    "rate.limited",
    "rate.period",
    "rate.shape",
    "rows-per-second",
    "stop-at",
];

/// 2015-07-15 00:00:00 UTC: fixed, so that a restart does not shift event time.
const BASE_TIME_MS: i64 = 1_436_918_400_000;

/// Events (of all kinds) a second of event time.
const DEFAULT_EVENT_RATE: u64 = 10_000;

/// Numbers above it would overflow when ids and times are computed from them.
const NUMBER_MAX: u64 = 1 << 31;

/// The options, read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    /// The kind of event that the table shows; none when nothing says so.
    pub(super) table: Option<Kind>,
    pub(super) model: Model,
    /// Events (of all kinds) a second of wall-clock time; none: as fast as possible.
    pub(super) rate: Option<u64>,
    /// Events (of all kinds) in the whole stream; none: without end.
    pub(super) events: Option<u64>,
    /// Whether the source stays when all events are out.
    pub(super) keep_alive: bool,
}

impl Settings {
    pub(super) fn read(options: &Options<'_>) -> Result<Self, OptionError> {
        let kinds = [Kind::Bid, Kind::Auction, Kind::Person].map(|kind| (kind.name(), kind));
        let event_rate = event_rate(options)?;
        refuse_changing_rates(options, event_rate)?;
        let model = Model {
            proportions: proportions(options)?,
            hot: HotRatios {
                auctions: number(options, "bid.hot-ratio.auctions", 1)?.unwrap_or(2),
                bidders: number(options, "bid.hot-ratio.bidders", 1)?.unwrap_or(4),
                sellers: number(options, "auction.hot-ratio.sellers", 1)?.unwrap_or(4),
            },
            sizes: Sizes {
                person: size(options, "person.avg-size")?.unwrap_or(200),
                auction: size(options, "auction.avg-size")?.unwrap_or(500),
                bid: size(options, "bid.avg-size")?.unwrap_or(100),
            },
            base_ms: base_time(options)?,
            events_per_second: Divisor::new(event_rate),
        };
        Ok(Self {
            table: options.one_of("nexmark.table", &kinds)?,
            model,
            rate: rate(options, event_rate)?,
            events: events(options)?,
            keep_alive: options.boolean("keep-alive")?.unwrap_or(false),
        })
    }
}

/// A number of a range that begins at `least`.
fn number(options: &Options<'_>, name: &str, least: u64) -> Result<Option<u64>, OptionError> {
    let number = options.number(name)?;
    match number {
        Some(n) if n < least || n > NUMBER_MAX => {
            Err(options.bad(name, format!("a number from {least} to {NUMBER_MAX}")))
        }
        number => Ok(number),
    }
}

/// A size, which a text of that many letters has.
fn size(options: &Options<'_>, name: &str) -> Result<Option<u64>, OptionError> {
    match options.bytes(name)? {
        Some(bytes) if bytes > 1 << 20 => Err(options.bad(name, "a size up to 1 mb")),
        size => Ok(size),
    }
}

/// The value of the one of two options that mean the same.
fn either(
    options: &Options<'_>,
    [flink, own]: [&str; 2],
    least: u64,
) -> Result<Option<u64>, OptionError> {
    match (number(options, flink, least)?, number(options, own, least)?) {
        (Some(_), Some(_)) => Err(options
            .bad(flink, format!("not to be given together with '{own}': they mean the same"))),
        (flink, own) => Ok(flink.or(own)),
    }
}

fn event_rate(options: &Options<'_>) -> Result<u64, OptionError> {
    let rate = either(options, ["first-event.rate", "nexmark.event-rate"], 1)?;
    Ok(rate.unwrap_or(DEFAULT_EVENT_RATE))
}

/// The rate of events stays the same; Flink's connector knows more options than it follows.
fn refuse_changing_rates(options: &Options<'_>, rate: u64) -> Result<(), OptionError> {
    let next = number(options, "next-event.rate", 1)?;
    if next.is_some_and(|next| next != rate) {
        let expected = format!("{rate} as 'first-event.rate', since the rate does not change");
        return Err(options.bad("next-event.rate", expected));
    }
    options.one_of("rate.shape", &[("SQUARE", ()), ("SINE", ())])?;
    options.duration("rate.period")?;
    if options.boolean("rate.limited")? == Some(true) {
        return Err(options.bad("rate.limited", "'false'; 'max-emit-speed' = 'false' limits it"));
    }
    Ok(())
}

fn proportions(options: &Options<'_>) -> Result<Proportions, OptionError> {
    let number = |name| {
        let number = options.number(name)?;
        match number {
            Some(n) if n > 10_000 => Err(options.bad(name, "a number from 0 to 10000")),
            number => Ok(number),
        }
    };
    let proportions = Proportions {
        persons: number("person.proportion")?.unwrap_or(1),
        auctions: number("auction.proportion")?.unwrap_or(3),
        bids: number("bid.proportion")?.unwrap_or(46),
    };
    if proportions.total() == 0 {
        return Err(options.bad("bid.proportion", "a number from 1 when the others are 0"));
    }
    Ok(proportions)
}

fn base_time(options: &Options<'_>) -> Result<i64, OptionError> {
    let name = "nexmark.first-event.base-time";
    match options.number(name)? {
        Some(millis) => i64::try_from(millis)
            .ok()
            .filter(|millis| *millis < 1 << 50)
            .ok_or_else(|| options.bad(name, "milliseconds since the Unix epoch")),
        None => Ok(BASE_TIME_MS),
    }
}

/// By `rows-per-second`, or as fast as events happen.
fn rate(options: &Options<'_>, event_rate: u64) -> Result<Option<u64>, OptionError> {
    let rate = options.number("rows-per-second")?.filter(|rate| *rate > 0);
    match options.boolean("max-emit-speed")? {
        Some(false) if rate.is_some() => {
            Err(options.bad("max-emit-speed", "not to be given together with 'rows-per-second'"))
        }
        Some(false) => Ok(Some(event_rate)),
        _ => Ok(rate),
    }
}

fn events(options: &Options<'_>) -> Result<Option<u64>, OptionError> {
    if options.get("events.num").is_some() && options.get("number-of-rows").is_some() {
        let expected = "not to be given together with 'number-of-rows': they mean the same";
        return Err(options.bad("events.num", expected));
    }
    // Flink's connector has no end with 0 events.
    let number = options.number("events.num")?.filter(|events| *events > 0);
    let events = number.or(options.number("number-of-rows")?);
    let stop = match options.get("stop-at") {
        Some("-1") | None => None,
        Some(_) => options.number("stop-at")?,
    };
    Ok(match (events, stop) {
        (Some(events), Some(stop)) => Some(events.min(stop)),
        (events, stop) => events.or(stop),
    })
}
