//! The head of a tasklet that reads a source.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{SchemaRef, TimestampMillisecondType};
use sabot_core::ambient::{Ambient, AmbientReads};
use sabot_core::metrics::OperatorMetrics;
use sabot_core::plan::SourceDesc;
use sabot_core::state::StateBackend;
use sabot_core::{Clock, Element, Error, Result, SeededRandom, Source, SourcePoll};
use sabot_snapshot::OperatorState;
use sabot_types::{Epoch, EventTime, OperatorUid};

use super::{BATCHES_PER_TURN, FEW_ROWS, Pressure, TurnOutcome};
use crate::chain::{Chain, Part};
use crate::drift::Member;
use crate::watermarks::{Advance, IdleSplits, MinWatermark};

/// The same while they are of few rows in all.
const SMALL_BATCHES_PER_TURN: usize = 64;
/// A source that gave fewer rows than [`FEW_ROWS`] lets some gather for so long: what follows it
/// costs by the batch.
const LINGER: Duration = Duration::from_millis(1);
/// A source marks the time this often while it has rows: of what came while it was held up, too.
const MARKER_INTERVAL_MICROS: i64 = 1_000;
/// Markers behind one batch at most.
const MARKERS_MAX: i64 = 1_000;

pub(crate) struct SourceTasklet {
    pub(crate) uid: OperatorUid,
    pub(crate) table: SourceTable,
    pub(crate) source: Box<dyn Source>,
    pub(crate) chain: Chain,
    pub(crate) metrics: Arc<OperatorMetrics>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) max_batch_rows: usize,
    pub(crate) watermarks: MinWatermark,
    pub(crate) idle: Option<IdleSplits>,
    pub(crate) alignment: Option<Alignment>,
    pub(crate) barriers: VecDeque<(Epoch, bool)>,
    pub(crate) markers: Markers,
    /// It is not polled before.
    pub(crate) rests_until: Duration,
    pub(crate) paused: bool,
    pub(crate) ended: bool,
    pub(crate) pressure: Pressure,
}

/// How a source is aligned with others.
pub(crate) struct Alignment {
    member: Member,
    /// Of each split whether it is not read for now.
    held: Vec<bool>,
}

impl Alignment {
    /// Of a source that is at these watermarks.
    pub(crate) fn new(member: Member, watermarks: &MinWatermark, splits: usize) -> Self {
        member.advance(watermarks.lowest_active());
        Self { member, held: vec![false; splits] }
    }

    /// Has the source not read those splits that are too far ahead, and the others again.
    fn hold_splits(&mut self, source: &mut dyn Source, watermarks: &MinWatermark) {
        let limit = self.member.limit();
        for (split, held) in self.held.iter_mut().enumerate() {
            let is_ahead = watermarks.of(split) > limit;
            if is_ahead != *held {
                *held = is_ahead;
                source.hold(split, is_ahead);
            }
        }
    }
}

/// When a source marks the time.
#[derive(Debug, Default)]
pub(crate) struct Markers {
    /// Not of rows that came before, microseconds since the Unix epoch.
    next: i64,
    /// When the source last had nothing: what comes next may have been there since, microseconds
    /// since the Unix epoch.
    pending_at: Option<i64>,
}

impl Markers {
    /// Those of rows that came from `since` to `now`, evenly.
    fn of(&mut self, since: i64, now: i64) -> impl Iterator<Item = i64> + use<> {
        // A clock may be set back.
        let next = if self.next > now + MARKER_INTERVAL_MICROS { since } else { self.next };
        let first = since.max(next);
        let interval = MARKER_INTERVAL_MICROS.max((now - first) / MARKERS_MAX + 1);
        let count = if first <= now { (now - first) / interval + 1 } else { 0 };
        self.next = first + count * interval;
        (0..count).map(move |at| first + at * interval)
    }
}

/// The table's columns and watermark over the connector's rows.
pub(crate) struct SourceTable {
    pub(crate) desc: SourceDesc,
    pub(crate) schema: SchemaRef,
    /// Of columns that are random.
    pub(crate) random: SeededRandom,
}

impl SourceTasklet {
    pub(super) fn turn(
        &mut self,
        state: &mut dyn StateBackend,
        outcome: &mut TurnOutcome,
    ) -> Result<()> {
        let ready = self.chain.ready()?;
        self.pressure.note(ready, self.clock.monotonic(), &self.metrics);
        if !ready {
            return Ok(());
        }
        if let Some((epoch, then_pause)) = self.barriers.pop_front() {
            let mut part = Part::default();
            self.freeze(&mut part);
            self.chain.barrier(epoch, state, &mut part)?;
            self.paused |= then_pause;
            outcome.passed.push((epoch, part));
            outcome.busy = true;
            return Ok(());
        }
        if self.paused || self.ended {
            return Ok(());
        }
        self.chain.begin_turn(self.clock.now_ms(), state)?;
        self.find_idle(state)?;
        if self.clock.monotonic() < self.rests_until {
            outcome.rests = true;
            return Ok(());
        }
        let mut rows_given = 0;
        for polled in 0..SMALL_BATCHES_PER_TURN {
            if polled >= BATCHES_PER_TURN && rows_given >= FEW_ROWS || self.must_wait() {
                break;
            }
            match self.source.poll(self.max_batch_rows)? {
                SourcePoll::Batch { split, rows } => {
                    outcome.busy = true;
                    rows_given += rows.num_rows();
                    let began = self.clock.monotonic();
                    self.batch(split, &rows, began, state)?;
                    self.mark(began, state)?;
                    self.metrics.latency.observe(self.clock.monotonic().saturating_sub(began));
                    if !self.chain.ready()? {
                        return Ok(());
                    }
                }
                SourcePoll::SplitFinished(split) => {
                    outcome.busy = true;
                    if let Some(idle) = &mut self.idle {
                        idle.touch(split, Duration::MAX);
                    }
                    let advance = self.watermarks.end(split);
                    self.advance(advance, state)?;
                }
                SourcePoll::Pending => {
                    if (1..FEW_ROWS).contains(&rows_given) {
                        self.rests_until = self.clock.monotonic() + LINGER;
                    }
                    self.markers.pending_at = Some(self.clock.now_micros());
                    return Ok(());
                }
                SourcePoll::Finished => {
                    outcome.busy = true;
                    self.ended = true;
                    if let Some(alignment) = &self.alignment {
                        alignment.member.advance(None);
                    }
                    self.metrics.set_watermark(EventTime::MAX);
                    self.chain.push(Element::Watermark(EventTime::MAX), state)?;
                    return self.chain.end();
                }
            }
        }
        Ok(())
    }

    fn batch(
        &mut self,
        split: usize,
        rows: &RecordBatch,
        now: Duration,
        state: &mut dyn StateBackend,
    ) -> Result<()> {
        OperatorMetrics::add(&self.metrics.rows_in, rows.num_rows());
        OperatorMetrics::add(&self.metrics.rows_out, rows.num_rows());
        let rows = self.table.columns(rows, self.chain.now_ms)?;
        let watermark = self.table.watermark(&rows)?;
        self.chain.push(Element::Batch(rows), state)?;
        if let Some(idle) = &mut self.idle {
            idle.touch(split, now);
        }
        if let Some(watermark) = watermark {
            let advance = self.watermarks.advance(split, watermark);
            self.advance(advance, state)?;
        }
        Ok(())
    }

    /// Sends markers behind a batch, which was taken at `began`: one for each interval in which some
    /// of its rows came.
    fn mark(&mut self, began: Duration, state: &mut dyn StateBackend) -> Result<()> {
        let now = self.clock.now_micros();
        let since = self.markers.pending_at.take().unwrap_or_else(|| {
            let took = self.clock.monotonic().saturating_sub(began).as_micros();
            now - took as i64
        });
        for since in self.markers.of(since, now) {
            self.chain.push(Element::Marker(since), state)?;
        }
        Ok(())
    }

    /// Whether it is too far ahead of others; has its splits that are held back.
    fn must_wait(&mut self) -> bool {
        let Some(alignment) = &mut self.alignment else { return false };
        alignment.hold_splits(&mut *self.source, &self.watermarks);
        let must_wait = alignment.member.must_wait();
        if let Some(idle) = &mut self.idle {
            // What is not read is not idle.
            let now = self.clock.monotonic();
            let held = alignment.held.iter().enumerate().filter(|(_, held)| must_wait || **held);
            held.for_each(|(split, _)| idle.hold(split, now));
        }
        must_wait
    }

    fn find_idle(&mut self, state: &mut dyn StateBackend) -> Result<()> {
        let Some(idle) = &mut self.idle else { return Ok(()) };
        for split in idle.newly_idle(self.clock.monotonic()) {
            let advance = self.watermarks.idle(split);
            self.advance(advance, state)?;
        }
        Ok(())
    }

    fn advance(&mut self, advance: Option<Advance>, state: &mut dyn StateBackend) -> Result<()> {
        if let Some(alignment) = &self.alignment {
            alignment.member.advance(self.watermarks.lowest_active());
        }
        match advance {
            None => Ok(()),
            Some(Advance::To(watermark)) => {
                self.metrics.set_watermark(watermark);
                self.chain.push(Element::Watermark(watermark), state)
            }
            Some(Advance::Idle) => self.chain.push(Element::Idle, state),
        }
    }

    pub(super) fn freeze(&self, part: &mut Part) {
        let mut splits = self.source.positions();
        for (index, split) in splits.iter_mut().enumerate() {
            let watermark = self.watermarks.of(index);
            split.watermark = (watermark > EventTime::MIN).then_some(watermark);
        }
        let entry = OperatorState { watermark: None, splits, states: Vec::new() };
        part.operators.push((self.uid.clone(), entry));
    }
}

impl SourceTable {
    /// The columns of the table, of rows that are read at `now_ms`.
    pub(crate) fn columns(&self, rows: &RecordBatch, now_ms: i64) -> Result<RecordBatch> {
        let Some(columns) = &self.desc.columns else { return Ok(rows.clone()) };
        let ambient = Ambient { now_ms, watermark: None, random: &self.random };
        let rows = ambient.append(rows, AmbientReads::of(columns))?;
        let columns = columns.iter().map(|c| c.evaluate(&rows)).collect::<Result<Vec<_>>>()?;
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }

    /// The highest watermark that a row of the batch carries.
    fn watermark(&self, rows: &RecordBatch) -> Result<Option<EventTime>> {
        let Some(desc) = &self.desc.watermark else { return Ok(None) };
        let values = desc.expression.evaluate(rows)?;
        let Some(values) = values.as_primitive_opt::<TimestampMillisecondType>() else {
            return Err(Error::user(format!(
                "the watermark of table {} has type {}: it must be a TIMESTAMP(3)",
                self.desc.table,
                values.data_type()
            )));
        };
        Ok(arrow::compute::max(values).map(EventTime::from_millis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_stands_for_each_millisecond_in_which_rows_came() {
        let mut markers = Markers::default();
        let mut of = |since, now| markers.of(since, now).collect::<Vec<_>>();
        assert_eq!(of(10_000, 10_400), [10_000]);
        assert_eq!(of(10_400, 10_900), [0; 0]);
        assert_eq!(of(10_900, 14_100), [11_000, 12_000, 13_000, 14_000]);
        // No row came for long.
        assert_eq!(of(90_000, 90_100), [90_000]);
        // Held up for a minute, or by a clock that was set back.
        let long = of(100_000, 60_100_000);
        assert_eq!((long.len(), long[0]), (MARKERS_MAX as usize, 100_000));
        assert!(long.is_sorted() && long[long.len() - 1] <= 60_100_000);
        assert_eq!(of(50_000, 51_000), [50_000, 51_000]);
    }
}
