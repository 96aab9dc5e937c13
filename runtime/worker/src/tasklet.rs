//! Tasklets: a head that takes elements in (a source, or the receiving side of an exchange) and
//! the chain behind it. A turn never waits.

use std::collections::VecDeque;
use std::iter;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{SchemaRef, TimestampMillisecondType};
use sabot_core::metrics::OperatorMetrics;
use sabot_core::plan::SourceDesc;
use sabot_core::proc_time;
use sabot_core::state::StateBackend;
use sabot_core::{Clock, Element, Error, Result, Source, SourcePoll};
use sabot_net::{Receiver, TryRecv};
use sabot_snapshot::OperatorState;
use sabot_types::{Epoch, EventTime, OperatorUid};

use crate::align::Aligner;
use crate::chain::{Chain, Part};
use crate::watermarks::{Advance, IdleSplits, MinWatermark};

/// Batches that a tasklet takes in one turn, so that others get theirs.
const BATCHES_PER_TURN: usize = 4;
/// The same while they are of few rows in all.
const SMALL_BATCHES_PER_TURN: usize = 64;
/// A source that gave fewer rows than [`FEW_ROWS`] lets some gather for so long: what follows it
/// costs by the batch.
const LINGER: Duration = Duration::from_millis(1);
const FEW_ROWS: usize = 1024;
/// Batches of few rows that wait in front of an operator become one of at most so many.
const GATHERED_ROWS: usize = 8192;
/// A source marks the time at most this often.
const MARKER_INTERVAL: Duration = Duration::from_millis(5);

pub(crate) enum Tasklet {
    Source(SourceTasklet),
    Exchange(ExchangeTasklet),
}

/// What a turn has to say to the slot.
#[derive(Default)]
pub(crate) struct TurnOutcome {
    /// Whether anything was done.
    pub(crate) busy: bool,
    /// Whether a source lets rows gather, for [`LINGER`].
    pub(crate) rests: bool,
    /// A barrier has passed.
    pub(crate) passed: Vec<(Epoch, Part)>,
}

impl Tasklet {
    /// Whether everything that came in has gone out, and nothing will come.
    pub(crate) fn ended(&self) -> bool {
        let (ended, chain) = match self {
            Self::Source(source) => (source.ended, &source.chain),
            Self::Exchange(exchange) => (exchange.ended, &exchange.chain),
        };
        ended && chain.exchanges.iter().all(|exchange| exchange.waiting.is_empty())
    }

    /// Whether it waits for the job to be resumed.
    pub(crate) fn paused(&mut self) -> &mut bool {
        match self {
            Self::Source(source) => &mut source.paused,
            Self::Exchange(exchange) => &mut exchange.paused,
        }
    }

    pub(crate) fn turn(&mut self, state: &mut dyn StateBackend) -> Result<TurnOutcome> {
        let mut outcome = TurnOutcome::default();
        match self {
            Self::Source(source) => source.turn(state, &mut outcome)?,
            Self::Exchange(exchange) => exchange.turn(state, &mut outcome)?,
        }
        Ok(outcome)
    }

    /// The tasklet's part of a checkpoint after it has ended, when no barrier passes any more.
    pub(crate) fn part_when_ended(
        &mut self,
        epoch: Epoch,
        state: &mut dyn StateBackend,
    ) -> Result<Part> {
        let mut part = Part::default();
        match self {
            Self::Source(source) => {
                source.freeze(&mut part);
                source.chain.freeze(epoch, state, &mut part)?;
            }
            Self::Exchange(exchange) => exchange.chain.freeze(epoch, state, &mut part)?,
        }
        Ok(part)
    }
}

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
    pub(crate) barriers: VecDeque<(Epoch, bool)>,
    pub(crate) markers: Markers,
    /// It is not polled before.
    pub(crate) rests_until: Duration,
    pub(crate) paused: bool,
    pub(crate) ended: bool,
    pub(crate) pressure: Pressure,
}

/// Since when a tasklet has been waiting for room downstream.
#[derive(Debug, Default)]
pub(crate) struct Pressure(Option<Duration>);

impl Pressure {
    /// Notes whether the tasklet could go on at `now`; adds up the time in which it could not.
    fn note(&mut self, ready: bool, now: Duration, metrics: &OperatorMetrics) {
        match (ready, self.0) {
            (false, None) => self.0 = Some(now),
            (true, Some(since)) => {
                let waited = now.saturating_sub(since).as_nanos();
                OperatorMetrics::add(
                    &metrics.backpressure_nanos,
                    usize::try_from(waited).unwrap_or(usize::MAX),
                );
                self.0 = None;
            }
            _ => {}
        }
    }
}

/// When a source marks the time.
#[derive(Debug, Default)]
pub(crate) struct Markers {
    /// Not before.
    next: Duration,
    /// When the source last had nothing: what comes next may have been there since, microseconds
    /// since the Unix epoch.
    pending_at: Option<i64>,
}

/// The table's columns and watermark over the connector's rows.
pub(crate) struct SourceTable {
    pub(crate) desc: SourceDesc,
    pub(crate) schema: SchemaRef,
}

impl SourceTasklet {
    fn turn(&mut self, state: &mut dyn StateBackend, outcome: &mut TurnOutcome) -> Result<()> {
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
            if polled >= BATCHES_PER_TURN && rows_given >= FEW_ROWS {
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

    /// Sends a marker behind a batch, if the last one was some time ago.
    fn mark(&mut self, began: Duration, state: &mut dyn StateBackend) -> Result<()> {
        let Markers { next, pending_at } = &mut self.markers;
        let pending_at = pending_at.take();
        if began < *next {
            return Ok(());
        }
        *next = began + MARKER_INTERVAL;
        let since = pending_at.unwrap_or_else(|| {
            let took = self.clock.monotonic().saturating_sub(began).as_micros();
            self.clock.now_micros() - took as i64
        });
        self.chain.push(Element::Marker(since), state)
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
        match advance {
            None => Ok(()),
            Some(Advance::To(watermark)) => {
                self.metrics.set_watermark(watermark);
                self.chain.push(Element::Watermark(watermark), state)
            }
            Some(Advance::Idle) => self.chain.push(Element::Idle, state),
        }
    }

    fn freeze(&self, part: &mut Part) {
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
    pub(crate) fn columns(&self, rows: &RecordBatch, now_ms: i64) -> Result<RecordBatch> {
        let Some(columns) = &self.desc.columns else { return Ok(rows.clone()) };
        let timed = if columns.iter().any(|column| column.reads_proc_time()) {
            Some(proc_time::append(rows, now_ms)?)
        } else {
            None
        };
        let rows = timed.as_ref().unwrap_or(rows);
        let columns = columns.iter().map(|c| c.evaluate(rows)).collect::<Result<Vec<_>>>()?;
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

pub(crate) struct ExchangeTasklet {
    pub(crate) inputs: Vec<Receiver>,
    /// The head's port that each input feeds.
    pub(crate) ports: Vec<usize>,
    pub(crate) aligner: Aligner,
    pub(crate) watermarks: MinWatermark,
    pub(crate) chain: Chain,
    pub(crate) clock: Arc<dyn Clock>,
    /// The input that is read next, so that none is starved.
    pub(crate) next: usize,
    /// Whether nothing is done by the clock.
    pub(crate) paused: bool,
    pub(crate) ended: bool,
    pub(crate) pressure: Pressure,
}

impl ExchangeTasklet {
    fn turn(&mut self, state: &mut dyn StateBackend, outcome: &mut TurnOutcome) -> Result<()> {
        let ready = self.chain.ready()?;
        self.pressure.note(ready, self.clock.monotonic(), &self.chain.nodes[0].metrics);
        if ready && !self.ended && !self.paused {
            self.chain.begin_turn(self.clock.now_ms(), state)?;
        }
        let mut left = BATCHES_PER_TURN;
        while left > 0 {
            if self.ended || !self.chain.ready()? {
                return Ok(());
            }
            let Some((input, element)) = self.next_element()? else { return Ok(()) };
            outcome.busy = true;
            let (element, next) = match element {
                Element::Batch(batch) => {
                    let (batch, next) = self.gather(input, batch)?;
                    (Element::Batch(batch), next)
                }
                element => (element, None),
            };
            for (input, element) in iter::once((input, element)).chain(next) {
                // Markers are no work: what is behind them must not wait for another turn.
                left = left.saturating_sub(usize::from(!matches!(element, Element::Marker(_))));
                self.element(input, element, state, outcome)?;
            }
        }
        Ok(())
    }

    /// Puts what waits behind a batch of few rows into one with it, as long as that are batches of
    /// few rows for the same port; what came then.
    fn gather(
        &mut self,
        input: usize,
        batch: RecordBatch,
    ) -> Result<(RecordBatch, Option<(usize, Element)>)> {
        let mut rows = batch.num_rows();
        if rows >= FEW_ROWS {
            return Ok((batch, None));
        }
        let mut gathered = vec![batch];
        let mut next = None;
        while rows < GATHERED_ROWS {
            match self.next_element()? {
                Some((other, Element::Batch(batch)))
                    if self.ports[other] == self.ports[input] && batch.num_rows() < FEW_ROWS =>
                {
                    rows += batch.num_rows();
                    gathered.push(batch);
                }
                other => {
                    next = other;
                    break;
                }
            }
        }
        let batch = match gathered.as_slice() {
            [only] => only.clone(),
            several => concat_batches(&several[0].schema(), several)?,
        };
        Ok((batch, next))
    }

    fn next_element(&mut self) -> Result<Option<(usize, Element)>> {
        for step in 0..self.inputs.len() {
            let input = (self.next + step) % self.inputs.len();
            if !self.aligner.may_read(input) {
                continue;
            }
            match self.inputs[input].try_recv() {
                TryRecv::Element(element) => {
                    self.next = input + 1;
                    return Ok(Some((input, element)));
                }
                TryRecv::Empty => {}
                TryRecv::Closed => {
                    return Err(Error::external(
                        format!("receiving from subtask {input} failed"),
                        "the stream broke off before its end".to_string(),
                    ));
                }
            }
        }
        Ok(None)
    }

    fn element(
        &mut self,
        input: usize,
        element: Element,
        state: &mut dyn StateBackend,
        outcome: &mut TurnOutcome,
    ) -> Result<()> {
        match element {
            Element::Batch(batch) => {
                let began = self.clock.monotonic();
                self.chain.push_to(self.ports[input], Element::Batch(batch), state)?;
                let took = self.clock.monotonic().saturating_sub(began);
                self.chain.nodes[0].metrics.latency.observe(took);
                Ok(())
            }
            Element::Watermark(watermark) => {
                let advance = self.watermarks.advance(input, watermark);
                self.advance(advance, state)
            }
            Element::Idle => {
                let advance = self.watermarks.idle(input);
                self.advance(advance, state)
            }
            marker @ Element::Marker(_) => self.chain.push_to(self.ports[input], marker, state),
            Element::Barrier(epoch) => {
                let aligned = self.aligner.barrier(input, epoch);
                self.aligned(aligned, state, outcome)
            }
            Element::End => {
                let aligned = self.aligner.end(input);
                self.aligned(aligned, state, outcome)?;
                let advance = self.watermarks.end(input);
                self.advance(advance, state)?;
                if self.aligner.all_ended() {
                    self.ended = true;
                    self.chain.end()?;
                }
                Ok(())
            }
        }
    }

    fn aligned(
        &mut self,
        epoch: Option<Epoch>,
        state: &mut dyn StateBackend,
        outcome: &mut TurnOutcome,
    ) -> Result<()> {
        let Some(epoch) = epoch else { return Ok(()) };
        let mut part = Part::default();
        self.chain.barrier(epoch, state, &mut part)?;
        outcome.passed.push((epoch, part));
        Ok(())
    }

    fn advance(&mut self, advance: Option<Advance>, state: &mut dyn StateBackend) -> Result<()> {
        match advance {
            None => Ok(()),
            Some(Advance::To(watermark)) => self.chain.push(Element::Watermark(watermark), state),
            Some(Advance::Idle) => self.chain.push(Element::Idle, state),
        }
    }
}
