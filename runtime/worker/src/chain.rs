//! The operators that run chained behind the head of a tasklet, and the exchanges and sinks at
//! their ends.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use sabot_core::metrics::OperatorMetrics;
use sabot_core::state::{FrozenState, StateBackend};
use sabot_core::{Clock, Committable, Cx, Element, Error, Operator, Result, Sink};
use sabot_net::{Sender, TrySendError};
use sabot_ops::Partitioner;
use sabot_snapshot::OperatorState;
use sabot_types::{Epoch, OperatorUid};

/// What a tasklet gives to a checkpoint.
#[derive(Default)]
pub(crate) struct Part {
    pub(crate) operators: Vec<(OperatorUid, OperatorState)>,
    pub(crate) frozen: Vec<Box<dyn FrozenState>>,
    pub(crate) prepares: Vec<BoxFuture<'static, Result<Vec<Committable>>>>,
}

/// A tree of operators in the order in which elements reach them.
pub(crate) struct Chain {
    /// Where a source's elements go; behind an exchange, the first node.
    pub(crate) roots: Vec<Output>,
    pub(crate) nodes: Vec<ChainNode>,
    pub(crate) exchanges: Vec<ExchangeOut>,
    /// When this turn began, milliseconds since the Unix epoch.
    pub(crate) now_ms: i64,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Where an operator's output goes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Output {
    /// A port of a node.
    Node(usize, usize),
    Exchange(usize),
}

pub(crate) struct ChainNode {
    pub(crate) uid: OperatorUid,
    pub(crate) metrics: Arc<OperatorMetrics>,
    pub(crate) work: Work,
    pub(crate) outputs: Vec<Output>,
    /// Where the rows go that come too late for the node.
    pub(crate) late: Vec<Output>,
}

pub(crate) enum Work {
    Operator(Box<dyn Operator>),
    Sink(Box<dyn Sink>),
}

/// Which of an edge's senders gets which rows.
pub(crate) enum Routing {
    /// By key group, to all subtasks.
    Keyed(Partitioner),
    /// All to the one sender, whose subtask is this one.
    Direct,
}

/// An edge to the next tasklet.
pub(crate) struct ExchangeOut {
    pub(crate) routing: Routing,
    pub(crate) senders: Vec<Sender>,
    /// What did not fit; nothing overtakes it.
    pub(crate) waiting: VecDeque<(usize, Element)>,
}

impl Chain {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { roots: Vec::new(), nodes: Vec::new(), exchanges: Vec::new(), now_ms: 0, clock }
    }

    /// Sends what waits; whether the chain can take more.
    pub(crate) fn ready(&mut self) -> Result<bool> {
        let mut ready = true;
        for exchange in &mut self.exchanges {
            ready &= exchange.flush()?;
        }
        for node in &self.nodes {
            if let Work::Sink(sink) = &node.work {
                ready &= sink.ready();
            }
        }
        Ok(ready)
    }

    /// Begins a turn: tells the operators the time, and passes down what they emit.
    pub(crate) fn begin_turn(&mut self, now_ms: i64, state: &mut dyn StateBackend) -> Result<()> {
        self.now_ms = now_ms;
        state.set_now(now_ms);
        for node in 0..self.nodes.len() {
            let ChainNode { work, metrics, .. } = &mut self.nodes[node];
            let Work::Operator(operator) = work else { continue };
            let mut out = Vec::new();
            operator.processing_time(&mut Cx::new(&mut out, state, metrics, now_ms))?;
            self.emit(node, out, state)?;
        }
        Ok(())
    }

    /// Passes an element of the head down the tree. Not for barriers and the end.
    pub(crate) fn push(&mut self, element: Element, state: &mut dyn StateBackend) -> Result<()> {
        let roots = self.roots.clone();
        self.fan_out(&roots, element, state)
    }

    /// Passes rows or a marker that came in on a port of the first node down the tree.
    pub(crate) fn push_to(
        &mut self,
        port: usize,
        element: Element,
        state: &mut dyn StateBackend,
    ) -> Result<()> {
        self.run(0, port, element, state)
    }

    /// Takes the barrier through the tree: each operator's state as it is now, then the barrier
    /// to the exchanges.
    pub(crate) fn barrier(
        &mut self,
        epoch: Epoch,
        state: &mut dyn StateBackend,
        part: &mut Part,
    ) -> Result<()> {
        self.freeze(epoch, state, part)?;
        self.broadcast(&Element::Barrier(epoch))
    }

    /// Each operator's state as it is now. After the end this is all: nobody reads barriers then.
    pub(crate) fn freeze(
        &mut self,
        epoch: Epoch,
        state: &mut dyn StateBackend,
        part: &mut Part,
    ) -> Result<()> {
        for node in &mut self.nodes {
            match &mut node.work {
                Work::Operator(operator) => {
                    let mut out = Vec::new();
                    let mut cx = Cx::new(&mut out, state, &node.metrics, self.now_ms);
                    let snapshot = operator.snapshot(&mut cx)?;
                    assert!(out.is_empty(), "an operator must not emit while it is frozen");
                    let states = snapshot.keyed.iter().map(|s| s.spec().clone()).collect();
                    let watermark = snapshot.watermark;
                    let entry = OperatorState { watermark, splits: Vec::new(), states };
                    part.operators.push((node.uid.clone(), entry));
                    part.frozen.extend(snapshot.keyed);
                }
                Work::Sink(sink) => part.prepares.push(sink.prepare(epoch)),
            }
        }
        Ok(())
    }

    /// Tells the exchanges that nothing follows.
    pub(crate) fn end(&mut self) -> Result<()> {
        self.broadcast(&Element::End)
    }

    fn broadcast(&mut self, element: &Element) -> Result<()> {
        self.exchanges.iter_mut().try_for_each(|exchange| exchange.broadcast(element))
    }

    fn fan_out(
        &mut self,
        outputs: &[Output],
        element: Element,
        state: &mut dyn StateBackend,
    ) -> Result<()> {
        let Some((last, others)) = outputs.split_last() else { return Ok(()) };
        for output in others {
            self.deliver(*output, element.clone(), state)?;
        }
        self.deliver(*last, element, state)
    }

    fn deliver(
        &mut self,
        output: Output,
        element: Element,
        state: &mut dyn StateBackend,
    ) -> Result<()> {
        match output {
            Output::Exchange(exchange) => self.exchanges[exchange].push(element),
            Output::Node(node, port) => self.run(node, port, element, state),
        }
    }

    fn run(
        &mut self,
        node: usize,
        port: usize,
        element: Element,
        state: &mut dyn StateBackend,
    ) -> Result<()> {
        let now_ms = self.now_ms;
        let entry = &mut self.nodes[node];
        let metrics = &entry.metrics;
        let (mut out, mut late) = (Vec::new(), Vec::new());
        match (&mut entry.work, element) {
            (Work::Operator(operator), Element::Batch(batch)) => {
                OperatorMetrics::add(&metrics.rows_in, batch.num_rows());
                let mut cx = Cx::new(&mut out, state, metrics, now_ms);
                if !entry.late.is_empty() {
                    cx = cx.keeping_late(&mut late);
                }
                operator.process(port, batch, &mut cx)?;
            }
            (Work::Operator(operator), Element::Watermark(watermark)) => {
                metrics.set_watermark(watermark);
                operator.watermark(watermark, &mut Cx::new(&mut out, state, metrics, now_ms))?;
            }
            (Work::Operator(operator), Element::Idle) => {
                operator.idle(&mut Cx::new(&mut out, state, metrics, now_ms))?;
            }
            (Work::Operator(_), other) => out.push(other),
            (Work::Sink(sink), Element::Batch(batch)) => {
                OperatorMetrics::add(&metrics.rows_in, batch.num_rows());
                sink.write(batch)?;
            }
            (Work::Sink(_), Element::Watermark(watermark)) => metrics.set_watermark(watermark),
            (Work::Sink(_), Element::Marker(since)) => {
                let micros = self.clock.now_micros().saturating_sub(since);
                metrics.age.observe(Duration::from_micros(u64::try_from(micros).unwrap_or(0)));
            }
            (Work::Sink(_), _) => {}
        }
        for rows in late {
            let outputs = self.nodes[node].late.clone();
            self.fan_out(&outputs, Element::Batch(rows), state)?;
        }
        self.emit(node, out, state)
    }

    /// Passes what a node emits down the tree.
    fn emit(
        &mut self,
        node: usize,
        elements: Vec<Element>,
        state: &mut dyn StateBackend,
    ) -> Result<()> {
        if elements.is_empty() {
            return Ok(());
        }
        let outputs = self.nodes[node].outputs.clone();
        for element in elements {
            if let Element::Batch(batch) = &element {
                OperatorMetrics::add(&self.nodes[node].metrics.rows_out, batch.num_rows());
            } else if !self.nodes[node].late.is_empty() {
                let late = self.nodes[node].late.clone();
                self.fan_out(&late, element.clone(), state)?;
            }
            self.fan_out(&outputs, element, state)?;
        }
        Ok(())
    }
}

impl ExchangeOut {
    fn push(&mut self, element: Element) -> Result<()> {
        match element {
            Element::Batch(batch) => match &mut self.routing {
                Routing::Direct => self.send(0, Element::Batch(batch)),
                Routing::Keyed(partitioner) => {
                    for (target, rows) in partitioner.partition(&batch)? {
                        self.send(target as usize, Element::Batch(rows))?;
                    }
                    Ok(())
                }
            },
            other => self.broadcast(&other),
        }
    }

    fn broadcast(&mut self, element: &Element) -> Result<()> {
        (0..self.senders.len()).try_for_each(|target| self.send(target, element.clone()))
    }

    fn send(&mut self, target: usize, element: Element) -> Result<()> {
        if !self.waiting.is_empty() {
            self.waiting.push_back((target, element));
            return Ok(());
        }
        match self.senders[target].try_send(element) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(element)) => {
                self.waiting.push_back((target, element));
                Ok(())
            }
            Err(TrySendError::Closed(_)) => Err(closed(target)),
        }
    }

    fn flush(&mut self) -> Result<bool> {
        while let Some((target, element)) = self.waiting.pop_front() {
            match self.senders[target].try_send(element) {
                Ok(()) => {}
                Err(TrySendError::Full(element)) => {
                    self.waiting.push_front((target, element));
                    return Ok(false);
                }
                Err(TrySendError::Closed(_)) => return Err(closed(target)),
            }
        }
        Ok(true)
    }
}

fn closed(target: usize) -> Error {
    Error::external(
        format!("sending to subtask {target} failed"),
        "the receiving side has gone away".to_string(),
    )
}
