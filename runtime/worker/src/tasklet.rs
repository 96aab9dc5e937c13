//! Tasklets: a head that takes elements in (a source, or the receiving side of an exchange) and
//! the chain behind it. A turn never waits.

mod source;

use std::iter;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use sabot_core::metrics::OperatorMetrics;
use sabot_core::state::StateBackend;
use sabot_core::{Clock, Element, Error, Result};
use sabot_net::{Receiver, TryRecv};
use sabot_types::Epoch;

use crate::align::Aligner;
use crate::chain::{Chain, Part};
use crate::watermarks::{Advance, MinWatermark};

pub(crate) use source::{Alignment, Markers, SourceTable, SourceTasklet};

/// Batches that a tasklet takes in one turn, so that others get theirs.
const BATCHES_PER_TURN: usize = 4;
/// Fewer rows than this are few.
const FEW_ROWS: usize = 1024;
/// Batches of few rows that wait in front of an operator become one of at most so many.
const GATHERED_ROWS: usize = 8192;

pub(crate) enum Tasklet {
    Source(Box<SourceTasklet>),
    Exchange(Box<ExchangeTasklet>),
}

/// What a turn has to say to the slot.
#[derive(Default)]
pub(crate) struct TurnOutcome {
    /// Whether anything was done.
    pub(crate) busy: bool,
    /// Whether a source lets rows gather, for a moment.
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
