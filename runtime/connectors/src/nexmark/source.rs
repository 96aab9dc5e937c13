//! Reads the generated stream in eight splits.
//!
//! Split i of 8 holds the events whose number is i modulo 8, at any parallelism. A subtask
//! always reads the split that is furthest behind, so that no split's watermark holds back the
//! others for longer than a batch. Everything happens in `poll`, without tasks.

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use sabot_core::{BoxError, Error, Result, Source, SourceContext, SourcePoll, SplitState};
use serde::{Deserialize, Serialize};

use super::Settings;
use super::columns::{Kind, Make, Timeline, make_column};
use crate::pace::Pace;
use crate::splits::deal;

const SPLITS: u64 = 8;

/// Events looked at in one poll, for each row that may be returned: bounds a poll where a kind
/// is rare.
const LOOK_FACTOR: usize = 16;

pub(super) struct NexmarkSource {
    names: Vec<String>,
    splits: Vec<Split>,
    kind: Kind,
    columns: Vec<Make>,
    schema: SchemaRef,
    timeline: Timeline,
    events: Option<u64>,
    pace: Option<Pace>,
    /// The event at which this run begins; the pace counts from it.
    first: u64,
    /// Kept between polls for its memory.
    numbers: Vec<u64>,
}

#[derive(Debug)]
struct Split {
    /// The next event's number.
    next: u64,
    /// Whether the end was announced.
    ended: bool,
}

/// A split's position.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Position {
    next_event: u64,
}

impl NexmarkSource {
    pub(super) fn open(
        ctx: &SourceContext,
        settings: Settings,
        columns: Vec<Make>,
    ) -> Result<Self> {
        let found = (0..SPLITS).map(|i| format!("events-{i}-of-{SPLITS}"));
        let mut names = Vec::new();
        let mut splits = Vec::new();
        for split in deal(found, &ctx.restored, ctx.subtask, ctx.parallelism) {
            let unknown = |source: BoxError| {
                Error::external(format!("reading the position of split {}", split.name), source)
            };
            let first = first_event(&split.name).ok_or_else(|| unknown("unknown split".into()))?;
            let next = match &split.position {
                Some(position) => {
                    Position::deserialize(position).map_err(|e| unknown(e.into()))?.next_event
                }
                None => first,
            };
            names.push(split.name);
            splits.push(Split { next, ended: false });
        }
        let first = splits.iter().map(|split| split.next).min().unwrap_or_default();
        let pace = settings.rate.map(|rate| Pace::new(ctx.env.clock.clone(), rate));
        let timeline =
            Timeline { base_ms: settings.base_time_ms, events_per_second: settings.event_rate };
        Ok(Self {
            names,
            splits,
            kind: settings.kind,
            columns,
            schema: ctx.schema.clone(),
            timeline,
            events: settings.events,
            pace,
            first,
            numbers: Vec::new(),
        })
    }

    fn rows(&self) -> Result<RecordBatch> {
        let columns = self
            .columns
            .iter()
            .zip(self.schema.fields())
            .map(|(make, field)| {
                make_column(*make, &self.numbers, &self.timeline, field.data_type())
            })
            .collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(self.numbers.len()));
        Ok(RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?)
    }
}

/// The first event of a split, by its name.
fn first_event(name: &str) -> Option<u64> {
    let (index, count) = name.strip_prefix("events-")?.split_once("-of-")?;
    (count.parse() == Ok(SPLITS)).then(|| index.parse().ok().filter(|i| *i < SPLITS)).flatten()
}

impl Source for NexmarkSource {
    fn poll(&mut self, max_rows: usize) -> Result<SourcePoll> {
        let open = self.splits.iter_mut().enumerate().filter(|(_, split)| !split.ended);
        let Some((index, split)) = open.min_by_key(|(_, split)| split.next) else {
            return Ok(SourcePoll::Finished);
        };
        let end = self.events.unwrap_or(u64::MAX - SPLITS);
        if split.next >= end {
            split.ended = true;
            return Ok(SourcePoll::SplitFinished(index));
        }
        let limit = self.pace.as_ref().map_or(end, |pace| (self.first + pace.allowed()).min(end));
        let max_rows = max_rows.max(1);
        self.numbers.clear();
        for _ in 0..max_rows.saturating_mul(LOOK_FACTOR) {
            if split.next >= limit || self.numbers.len() == max_rows {
                break;
            }
            if self.kind.has(split.next) {
                self.numbers.push(split.next);
            }
            split.next += SPLITS;
        }
        if self.numbers.is_empty() {
            return Ok(SourcePoll::Pending);
        }
        Ok(SourcePoll::Batch { split: index, rows: self.rows()? })
    }

    fn splits(&self) -> &[String] {
        &self.names
    }

    fn positions(&self) -> Vec<SplitState> {
        self.names
            .iter()
            .zip(&self.splits)
            .map(|(name, split)| SplitState {
                split: name.clone(),
                position: serde_json::json!(Position { next_event: split.next }),
                finished: split.ended,
                watermark: None,
            })
            .collect()
    }
}
