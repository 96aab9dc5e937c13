//! The queries: as Flink SQL, and as DataFusion answers them over the whole input.

use std::fmt::Write;

mod arrival;
mod benchmark;
mod bids;
mod changelog;
mod changes;
mod collected;
mod events;
mod functions;
mod lateness;
mod listed;
mod local_times;
mod near;
mod nexmark;
mod outer_joins;
mod over;
mod pairs;
mod patterns;
mod sets;
mod sorted;
mod times;
mod unnest;
mod wholes;
mod windows;

pub(crate) use arrival::*;
pub(crate) use benchmark::*;
pub(crate) use bids::*;
pub(crate) use changelog::*;
pub(crate) use changes::*;
pub(crate) use collected::*;
pub(crate) use events::*;
pub(crate) use functions::*;
pub(crate) use lateness::*;
pub(crate) use listed::*;
pub(crate) use local_times::*;
pub(crate) use near::*;
pub(crate) use nexmark::tables as nexmark_tables;
pub(crate) use nexmark::*;
pub(crate) use outer_joins::*;
pub(crate) use over::*;
pub(crate) use pairs::*;
pub(crate) use patterns::*;
pub(crate) use sets::*;
pub(crate) use sorted::*;
pub(crate) use times::*;
pub(crate) use unnest::*;
pub(crate) use wholes::*;
pub(crate) use windows::*;

/// What a query reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    /// Nexmark's bids over a minute.
    Bids,
    /// Generated events over two minutes.
    Events,
    /// All events of the Nexmark benchmark, as its queries read them.
    Nexmark,
}

/// A job and its batch answers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Query {
    pub(crate) input: Input,
    /// The statements behind `CREATE TABLE` of input and sinks.
    pub(crate) job: &'static str,
    pub(crate) sinks: &'static [Sink],
}

/// A table that the job writes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sink {
    pub(crate) name: &'static str,
    /// None when the job itself declares the table.
    pub(crate) columns: &'static str,
    /// Whether its rows change and go.
    pub(crate) changes: bool,
    /// What it has to hold in the end, in DataFusion's dialect.
    pub(crate) answer: &'static str,
}

impl Query {
    /// All statements of the job.
    pub(crate) fn sql(&self) -> String {
        let mut sql = match self.input {
            Input::Bids => BIDS.to_owned(),
            Input::Events => EVENTS.to_owned(),
            Input::Nexmark => nexmark::tables(),
        };
        let declared = self.sinks.iter().filter(|sink| !sink.columns.is_empty());
        for Sink { name, columns, changes, .. } in declared {
            let path = folder(name);
            let format = if *changes { "debezium-json" } else { "json" };
            // Writing to a String cannot fail.
            let _ = writeln!(
                sql,
                "CREATE TABLE {name} ({columns}) WITH ('connector' = 'filesystem', 'format' = \
                 '{format}', 'path' = '{path}');"
            );
        }
        sql + &nexmark::job(self)
    }
}

/// Where a sink writes.
pub(crate) fn folder(sink: &str) -> String {
    format!("s3://out/{sink}")
}

/// 2,760 bids of a minute, in six seconds: so slow that checkpoints are fast.
const BIDS: &str = "
CREATE TABLE bids (
  auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, dateTime TIMESTAMP(3),
  cents AS price * 100,
  WATERMARK FOR dateTime AS dateTime - INTERVAL '1' SECOND
) WITH ('connector' = 'nexmark', 'nexmark.first-event.base-time' = '1700000000000',
  'number-of-rows' = '3000', 'rows-per-second' = '500', 'nexmark.event-rate' = '50');
";

/// The same files read in two ways: with a text as the time, and with a number that becomes an
/// instant.
const EVENTS: &str = "
CREATE TABLE events (
  id BIGINT NOT NULL, kind STRING, site STRING, note STRING, small INT, amount BIGINT,
  ratio DOUBLE, fee DECIMAL(10, 2), ok BOOLEAN, born DATE, ts TIMESTAMP(3),
  tags ARRAY<BIGINT>, items ARRAY<ROW<name STRING, n BIGINT, `day` DATE>>, labels MAP<STRING, BIGINT>,
  twice AS amount * 2,
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = 's3://in/events');
CREATE TABLE instants (
  id BIGINT NOT NULL, kind STRING, amount BIGINT, ms BIGINT,
  at AS TO_TIMESTAMP_LTZ(ms, 3),
  WATERMARK FOR at AS at - INTERVAL '5' SECOND
) WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = 's3://in/events');
";
