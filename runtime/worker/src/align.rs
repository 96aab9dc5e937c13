//! Barrier alignment: which input channels wait, and when a barrier has come from all of them.

use sabot_types::Epoch;

/// The input channels of one tasklet, as far as barriers are concerned.
///
/// A channel that has delivered the barrier is blocked until every other channel has delivered
/// it too or has ended: rows after the barrier must not mix with rows before it.
#[derive(Debug)]
pub(crate) struct Aligner {
    channels: Vec<Channel>,
    pending: Option<Epoch>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Channel {
    Open,
    Blocked,
    Ended,
}

impl Aligner {
    pub(crate) fn new(channels: usize) -> Self {
        Self { channels: vec![Channel::Open; channels], pending: None }
    }

    /// Whether the channel may be read.
    pub(crate) fn may_read(&self, channel: usize) -> bool {
        self.channels[channel] == Channel::Open
    }

    /// A barrier came; the epoch when it has now come from all channels.
    pub(crate) fn barrier(&mut self, channel: usize, epoch: Epoch) -> Option<Epoch> {
        assert!(
            self.pending.is_none_or(|pending| pending == epoch),
            "a channel overtook the barrier that blocks it"
        );
        self.pending = Some(epoch);
        self.channels[channel] = Channel::Blocked;
        self.complete()
    }

    /// A channel ended, which counts as aligned; the epoch that this completes.
    pub(crate) fn end(&mut self, channel: usize) -> Option<Epoch> {
        self.channels[channel] = Channel::Ended;
        self.complete()
    }

    /// Whether nothing can come any more.
    pub(crate) fn all_ended(&self) -> bool {
        self.channels.iter().all(|channel| *channel == Channel::Ended)
    }

    fn complete(&mut self) -> Option<Epoch> {
        if self.channels.contains(&Channel::Open) {
            return None;
        }
        for channel in &mut self.channels {
            if *channel == Channel::Blocked {
                *channel = Channel::Open;
            }
        }
        self.pending.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const E1: Epoch = Epoch::new(1);

    #[test]
    fn barrier_waits_for_the_slowest_input() {
        let mut aligner = Aligner::new(3);
        assert_eq!(aligner.barrier(0, E1), None);
        assert!(!aligner.may_read(0) && aligner.may_read(1));
        assert_eq!(aligner.barrier(2, E1), None);
        assert_eq!(aligner.barrier(1, E1), Some(E1));
        assert!((0..3).all(|channel| aligner.may_read(channel)));
    }

    #[test]
    fn a_finished_input_counts_as_aligned() {
        let mut aligner = Aligner::new(2);
        assert_eq!(aligner.end(0), None);
        assert_eq!(aligner.barrier(1, E1), Some(E1));
        assert_eq!(aligner.barrier(1, E1.next()), Some(E1.next()));
    }

    #[test]
    fn an_input_that_ends_without_the_barrier_completes_it() {
        let mut aligner = Aligner::new(2);
        assert_eq!(aligner.barrier(0, E1), None);
        assert_eq!(aligner.end(1), Some(E1));
        assert!(aligner.may_read(0) && !aligner.all_ended());
        assert_eq!(aligner.end(0), None);
        assert!(aligner.all_ended());
    }
}
