//! The connector `nexmark`: a deterministic generator of an auction site's events.
//!
//! `'nexmark.table'` chooses the kind of event that the table shows: `bid` (the default),
//! `auction` or `person`. Of every 50 events one is a person, three are auctions and 46 are
//! bids. An event is a function of its number, so that every run, at any parallelism and after
//! any restore, sees the same ones. The columns are chosen by name from the kind's columns.
//!
//! `'rows-per-second'` and `'number-of-rows'` count the events of all kinds. How fast events are
//! read says nothing about their own time, of which `'nexmark.event-rate'` fit in a second
//! (10,000 by default): a job that is stopped and goes on at another speed sees no late rows.

mod columns;
mod generator;
mod source;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use sabot_core::Result;
use sabot_core::{Source, SourceContext};

use crate::options::{OptionError, Options, Role};
use crate::registry::{Connector, KnownOptions};
use columns::Kind;
use source::NexmarkSource;

const OPTIONS: &[&str] = &[
    "nexmark.table",
    "rows-per-second",
    "number-of-rows",
    "nexmark.first-event.base-time",
    "nexmark.event-rate",
];

/// 2015-07-15 00:00:00 UTC: fixed, so that a restart does not shift event time.
const BASE_TIME_MS: i64 = 1_436_918_400_000;

/// Events (of all kinds) a second of event time.
const DEFAULT_EVENT_RATE: u64 = 10_000;

#[derive(Debug)]
pub(crate) struct Nexmark;

/// The options, read.
#[derive(Debug, Clone, Copy)]
struct Settings {
    kind: Kind,
    /// Events (of all kinds) a second of wall-clock time; none: as fast as possible.
    rate: Option<u64>,
    /// Events (of all kinds) in the whole stream; none: without end.
    events: Option<u64>,
    base_time_ms: i64,
    /// Events (of all kinds) a second of event time.
    event_rate: u64,
}

impl Settings {
    fn read(options: &Options<'_>) -> Result<Self, OptionError> {
        let kinds = [("bid", Kind::Bid), ("auction", Kind::Auction), ("person", Kind::Person)];
        let base = "nexmark.first-event.base-time";
        Ok(Self {
            kind: options.one_of("nexmark.table", &kinds)?.unwrap_or(Kind::Bid),
            rate: options.number("rows-per-second")?.filter(|rate| *rate > 0),
            events: options.number("number-of-rows")?,
            base_time_ms: match options.number(base)? {
                Some(millis) => i64::try_from(millis)
                    .ok()
                    .filter(|millis| *millis < 1 << 50)
                    .ok_or_else(|| options.bad(base, "milliseconds since the Unix epoch"))?,
                None => BASE_TIME_MS,
            },
            event_rate: match options.number("nexmark.event-rate")? {
                Some(0) => return Err(options.bad("nexmark.event-rate", "a number from 1")),
                Some(rate) => rate,
                None => DEFAULT_EVENT_RATE,
            },
        })
    }
}

#[async_trait]
impl Connector for Nexmark {
    fn name(&self) -> &'static str {
        "nexmark"
    }

    fn options(&self, role: Role) -> Option<KnownOptions> {
        (role == Role::Source).then_some(KnownOptions { names: &[OPTIONS], prefix: None })
    }

    fn check(&self, _: Role, options: &Options<'_>, schema: &SchemaRef) -> Result<(), OptionError> {
        let settings = Settings::read(options)?;
        columns::resolve(options, settings.kind, schema).map(drop)
    }

    fn is_bounded(&self, options: &Options<'_>) -> bool {
        options.get("number-of-rows").is_some()
    }

    async fn open_source(&self, ctx: SourceContext) -> Result<Box<dyn Source>> {
        let options = Options { table: &ctx.table, map: &ctx.options };
        let settings = Settings::read(&options)?;
        let columns = columns::resolve(&options, settings.kind, &ctx.schema)?;
        Ok(Box::new(NexmarkSource::open(&ctx, settings, columns)?))
    }
}

#[cfg(test)]
mod tests;
