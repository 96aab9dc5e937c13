//! Reads the generated stream in eight splits.
//!
//! Of round r the split i of 8 holds the events whose place in the round is i - r modulo 8, at any
//! parallelism: neighbours lie in different splits, and yet every split has events of every kind.
//! A subtask always reads the split that is furthest behind, so that no split's watermark holds
//! back the others for longer than a batch. Everything happens in `poll`, without tasks.

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use sabot_core::{BoxError, Error, Result, Source, SourceContext, SourcePoll, SplitState};
use serde::{Deserialize, Serialize};

use super::columns::{EVENT_TYPE, Shape};
use super::model::{Event, Kind, Model};
use super::settings::Settings;
use crate::pace::Pace;
use crate::splits::deal;

/// A power of two.
const SPLITS: u64 = 8;

/// An unbounded stream ends here: times and ids of later events would overflow.
const EVENTS_MAX: u64 = 1 << 50;

pub(super) struct NexmarkSource {
    names: Vec<String>,
    splits: Vec<Split>,
    shape: Shape,
    schema: SchemaRef,
    model: Model,
    /// The kind of all events that are produced, if they are of one.
    only: Option<Kind>,
    /// The places in a round whose events are produced, from and to before, in order.
    places: Vec<(u64, u64)>,
    events: Option<u64>,
    keep_alive: bool,
    pace: Option<Pace>,
    /// The event at which this run begins; the pace counts from it.
    first: u64,
    /// Kept between polls for its memory.
    batch: Vec<Event>,
}

#[derive(Debug)]
struct Split {
    index: u64,
    /// All its events below this number were produced.
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
    pub(super) fn open(ctx: &SourceContext, settings: Settings, shape: Shape) -> Result<Self> {
        let mut names = Vec::new();
        let mut splits = Vec::new();
        for split in deal((0..SPLITS).map(name), &ctx.restored, ctx.subtask, ctx.parallelism) {
            let unknown = |source: BoxError| {
                Error::external(format!("reading the position of split {}", split.name), source)
            };
            let index = (0..SPLITS)
                .find(|index| name(*index) == split.name)
                .ok_or_else(|| unknown("unknown split".into()))?;
            let next = match &split.position {
                Some(position) => {
                    Position::deserialize(position).map_err(|e| unknown(e.into()))?.next_event
                }
                None => 0,
            };
            names.push(split.name);
            splits.push(Split { index, next, ended: false });
        }
        let kinds = kinds(ctx, &shape)?;
        let places = kinds.iter().map(|kind| settings.model.proportions.places(*kind));
        let places = places.filter(|(from, to)| from < to).collect();
        let first = splits.iter().map(|split| split.next).min().unwrap_or_default();
        Ok(Self {
            names,
            splits,
            only: match kinds.as_slice() {
                [kind] => Some(*kind),
                _ => None,
            },
            places,
            shape,
            schema: ctx.schema.clone(),
            model: settings.model,
            events: settings.events,
            keep_alive: settings.keep_alive,
            pace: settings.rate.map(|rate| Pace::new(ctx.env.clock.clone(), rate)),
            first,
            batch: Vec::new(),
        })
    }

    fn rows(&self) -> Result<RecordBatch> {
        let columns = self.shape.make(&self.model, &self.batch, self.only, &self.schema)?;
        let options = RecordBatchOptions::new().with_row_count(Some(self.batch.len()));
        Ok(RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?)
    }
}

/// A split's name. It changes when other events belong to it.
fn name(index: u64) -> String {
    format!("places-{index}-of-{SPLITS}")
}

/// The kinds of events that are asked for, as they follow each other in a round.
fn kinds(ctx: &SourceContext, shape: &Shape) -> Result<Vec<Kind>> {
    if let Some(filter) = &ctx.filter
        && (filter.column != EVENT_TYPE || matches!(shape, Shape::Table(..)))
    {
        let message = format!("nexmark's events cannot be chosen by column '{}'", filter.column);
        return Err(Error::user(message));
    }
    let is_wanted = |kind: &Kind| match (shape, &ctx.filter) {
        (Shape::Table(shown, _), _) => kind == shown,
        (Shape::Events(_), None) => true,
        (Shape::Events(_), Some(filter)) => filter.values.contains(&(*kind as i64)),
    };
    Ok(Kind::ALL.into_iter().filter(is_wanted).collect())
}

impl Split {
    /// Puts the next events into `batch`, at most `max` and only of `places` in rounds of `total`,
    /// all below `limit`.
    fn fill(
        &mut self,
        batch: &mut Vec<Event>,
        (places, total): (&[(u64, u64)], u64),
        max: usize,
        limit: u64,
    ) {
        let mut round = self.next / total;
        let mut begun = self.next % total;
        while round * total < limit {
            let begin = round * total;
            let end = total.min(limit - begin);
            for (from, to) in places {
                let least = begun.max(*from);
                let to = end.min(*to);
                let mut place = least + (self.index.wrapping_sub(round + least) & (SPLITS - 1));
                while place < to {
                    if batch.len() == max {
                        self.next = begin + place;
                        return;
                    }
                    batch.push(Event { n: begin + place, round });
                    place += SPLITS;
                }
            }
            self.next = begin + end;
            round += 1;
            begun = 0;
        }
    }
}

impl Source for NexmarkSource {
    fn poll(&mut self, max_rows: usize) -> Result<SourcePoll> {
        let end = self.events.unwrap_or(EVENTS_MAX).min(EVENTS_MAX);
        let limit = self.pace.as_ref().map_or(end, |pace| (self.first + pace.allowed()).min(end));
        let places = (self.places.as_slice(), self.model.proportions.total());
        self.batch.clear();
        loop {
            let open = self.splits.iter_mut().enumerate().filter(|(_, split)| !split.ended);
            let Some((index, split)) = open.min_by_key(|(_, split)| split.next) else {
                return Ok(SourcePoll::Finished);
            };
            let ended = split.next >= end || self.places.is_empty();
            if ended && !self.keep_alive {
                split.ended = true;
                return Ok(SourcePoll::SplitFinished(index));
            }
            if ended || split.next >= limit {
                return Ok(SourcePoll::Pending);
            }
            // Goes on to the limit, so that the next in turn is another split.
            split.fill(&mut self.batch, places, max_rows.max(1), limit);
            if !self.batch.is_empty() {
                return Ok(SourcePoll::Batch { split: index, rows: self.rows()? });
            }
        }
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
