//! A slot: all tasklets of one worker thread, their state backend, and the checkpoints in which
//! they take part.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;

use futures::future::BoxFuture;
use sabot_core::state::{FrozenState, StateBackend};
use sabot_core::{Committable, Error, Result, Turn};
use sabot_snapshot::OperatorState;
use sabot_types::{Epoch, OperatorUid};

use crate::chain::Part;
use crate::tasklet::Tasklet;

/// What the pod tells a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SlotCommand {
    Checkpoint { epoch: Epoch, then_pause: bool },
    Resume,
    Stop,
}

/// What a slot tells the pod.
pub(crate) enum SlotEvent {
    /// All tasklets have passed the barrier: encode and upload.
    Frozen(Frozen),
    /// Everything has ended.
    Ended,
    /// The slot cannot go on.
    Failed(Error),
}

/// A slot's part of a checkpoint before it is encoded.
pub(crate) struct Frozen {
    pub(crate) epoch: Epoch,
    pub(crate) operators: BTreeMap<OperatorUid, OperatorState>,
    pub(crate) states: Vec<Box<dyn FrozenState>>,
    pub(crate) prepares: Vec<BoxFuture<'static, Result<Vec<Committable>>>>,
    pub(crate) finished: bool,
}

pub(crate) struct Slot {
    pub(crate) tasklets: Vec<Tasklet>,
    pub(crate) backend: Box<dyn StateBackend>,
    pub(crate) commands: mpsc::Receiver<SlotCommand>,
    pub(crate) events: Box<dyn FnMut(SlotEvent) + Send>,
    pub(crate) state_bytes: Arc<AtomicU64>,
    /// For each tasklet the last checkpoint that it took part in.
    pub(crate) passed: Vec<Epoch>,
    pub(crate) pending: VecDeque<Pending>,
    /// The checkpoint that parks the job; tasklets pause once they have passed it.
    pub(crate) parked_at: Option<Epoch>,
    pub(crate) ended: bool,
}

/// A checkpoint that not all tasklets have passed.
pub(crate) struct Pending {
    frozen: Frozen,
    waiting: usize,
    /// Whether the coordinator's command has come; a barrier from another pod may be faster.
    commanded: bool,
}

impl Slot {
    /// One turn: commands, then a turn of each tasklet.
    pub(crate) fn turn(&mut self) -> Turn {
        match self.try_turn() {
            Ok(turn) => turn,
            Err(error) => {
                (self.events)(SlotEvent::Failed(error));
                Turn::Stop
            }
        }
    }

    fn try_turn(&mut self) -> Result<Turn> {
        loop {
            match self.commands.try_recv() {
                Ok(SlotCommand::Stop) | Err(mpsc::TryRecvError::Disconnected) => {
                    return Ok(Turn::Stop);
                }
                Ok(command) => self.command(command),
                Err(mpsc::TryRecvError::Empty) => break,
            }
        }
        let (mut busy, mut soon) = (false, false);
        for index in 0..self.tasklets.len() {
            let outcome = self.tasklets[index].turn(self.backend.as_mut())?;
            busy |= outcome.busy;
            soon |= outcome.rests;
            for (epoch, part) in outcome.passed {
                self.contribute(index, epoch, part);
            }
        }
        self.parts_of_ended()?;
        self.report_complete();
        self.backend.catch_up()?;
        if !self.ended && self.tasklets.iter().all(Tasklet::ended) {
            self.ended = true;
            (self.events)(SlotEvent::Ended);
        }
        Ok(match (busy, soon) {
            (true, _) => Turn::Busy,
            (false, true) => Turn::Soon,
            (false, false) => Turn::Idle,
        })
    }

    fn command(&mut self, command: SlotCommand) {
        match command {
            SlotCommand::Checkpoint { epoch, then_pause } => {
                self.pending(epoch).commanded = true;
                if then_pause {
                    self.parked_at = Some(epoch);
                    self.pause_parked();
                }
                for tasklet in &mut self.tasklets {
                    if let Tasklet::Source(source) = tasklet
                        && !source.ended
                    {
                        source.barriers.push_back((epoch, then_pause));
                    }
                }
            }
            SlotCommand::Resume => {
                self.parked_at = None;
                for tasklet in &mut self.tasklets {
                    *tasklet.paused() = false;
                }
            }
            SlotCommand::Stop => {}
        }
    }

    fn pending(&mut self, epoch: Epoch) -> &mut Pending {
        if let Some(at) = self.pending.iter().position(|p| p.frozen.epoch == epoch) {
            return &mut self.pending[at];
        }
        self.pending.push_back(Pending {
            frozen: Frozen {
                epoch,
                operators: BTreeMap::new(),
                states: Vec::new(),
                prepares: Vec::new(),
                finished: false,
            },
            waiting: self.tasklets.len(),
            commanded: false,
        });
        self.pending.back_mut().expect("an element was just pushed")
    }

    fn contribute(&mut self, tasklet: usize, epoch: Epoch, part: Part) {
        self.passed[tasklet] = epoch;
        self.pause_parked();
        let pending = self.pending(epoch);
        pending.waiting -= 1;
        pending.frozen.operators.extend(part.operators);
        pending.frozen.states.extend(part.frozen);
        pending.frozen.prepares.extend(part.prepares);
    }

    /// A parked job does nothing, also not by the clock: what would fire belongs to whoever goes on.
    fn pause_parked(&mut self) {
        let Some(parked_at) = self.parked_at else { return };
        for (tasklet, passed) in self.tasklets.iter_mut().zip(&self.passed) {
            if *passed >= parked_at {
                *tasklet.paused() = true;
            }
        }
    }

    /// No barrier passes a tasklet that has ended: it takes part as it is.
    fn parts_of_ended(&mut self) -> Result<()> {
        let due: Vec<Epoch> =
            self.pending.iter().filter(|p| p.commanded).map(|p| p.frozen.epoch).collect();
        for epoch in due {
            for index in 0..self.tasklets.len() {
                if self.tasklets[index].ended() && self.passed[index] < epoch {
                    let part =
                        self.tasklets[index].part_when_ended(epoch, self.backend.as_mut())?;
                    self.contribute(index, epoch, part);
                }
            }
        }
        Ok(())
    }

    fn report_complete(&mut self) {
        while self.pending.front().is_some_and(|p| p.waiting == 0) {
            let Some(pending) = self.pending.pop_front() else { return };
            let mut frozen = pending.frozen;
            frozen.finished = self.tasklets.iter().all(Tasklet::ended);
            self.state_bytes.store(self.backend.size_bytes(), Ordering::Relaxed);
            (self.events)(SlotEvent::Frozen(frozen));
        }
    }
}
