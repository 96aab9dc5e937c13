//! Watermarks: the minimum over splits and over input channels, with idleness.

use std::time::Duration;

use sabot_types::EventTime;

/// What follows for the operators downstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Advance {
    /// Event time has come to here.
    To(EventTime),
    /// Every input is idle.
    Idle,
}

/// The minimum over inputs that are neither idle nor ended; never goes back.
#[derive(Debug)]
pub(crate) struct MinWatermark {
    inputs: Vec<Input>,
    current: EventTime,
    idle: bool,
}

#[derive(Debug, Clone, Copy)]
struct Input {
    watermark: EventTime,
    state: InputState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InputState {
    Active,
    Idle,
    Ended,
}

impl MinWatermark {
    pub(crate) fn new(inputs: usize) -> Self {
        let input = Input { watermark: EventTime::MIN, state: InputState::Active };
        Self { inputs: vec![input; inputs], current: EventTime::MIN, idle: false }
    }

    /// The watermark of the input itself.
    pub(crate) fn of(&self, input: usize) -> EventTime {
        self.inputs[input].watermark
    }

    /// The lowest of the inputs that are active; none: none is.
    pub(crate) fn lowest_active(&self) -> Option<EventTime> {
        let active = self.inputs.iter().filter(|i| i.state == InputState::Active);
        active.map(|i| i.watermark).min()
    }

    /// Starts an input at a restored watermark; told downstream with its next one.
    pub(crate) fn restore(&mut self, input: usize, watermark: EventTime) {
        self.inputs[input].watermark = watermark;
    }

    /// An input's watermark came (also the sign that it is active again).
    pub(crate) fn advance(&mut self, input: usize, watermark: EventTime) -> Option<Advance> {
        let entry = &mut self.inputs[input];
        entry.watermark = entry.watermark.max(watermark);
        if entry.state != InputState::Ended {
            entry.state = InputState::Active;
        }
        self.combined()
    }

    /// An input is idle: it no longer holds back the others.
    pub(crate) fn idle(&mut self, input: usize) -> Option<Advance> {
        if self.inputs[input].state == InputState::Active {
            self.inputs[input].state = InputState::Idle;
        }
        self.combined()
    }

    /// Nothing more comes from an input.
    pub(crate) fn end(&mut self, input: usize) -> Option<Advance> {
        self.inputs[input].state = InputState::Ended;
        self.combined()
    }

    fn combined(&mut self) -> Option<Advance> {
        match self.lowest_active() {
            Some(min) => {
                let was_idle = std::mem::replace(&mut self.idle, false);
                if min > self.current {
                    self.current = min;
                    Some(Advance::To(min))
                } else {
                    // Tells downstream that this input takes part again.
                    (was_idle && self.current > EventTime::MIN).then_some(Advance::To(self.current))
                }
            }
            None if self.inputs.iter().any(|i| i.state == InputState::Idle) => {
                (!std::mem::replace(&mut self.idle, true)).then_some(Advance::Idle)
            }
            None => None,
        }
    }
}

/// Since when each split has had no rows.
#[derive(Debug)]
pub(crate) struct IdleSplits {
    timeout: Duration,
    last_row: Vec<Option<Duration>>,
}

impl IdleSplits {
    pub(crate) fn new(splits: usize, timeout: Duration, now: Duration) -> Self {
        Self { timeout, last_row: vec![Some(now); splits] }
    }

    /// The split had rows, or has ended.
    pub(crate) fn touch(&mut self, split: usize, now: Duration) {
        self.last_row[split] = Some(now);
    }

    /// The split is not read for now, which makes it neither idle nor active.
    pub(crate) fn hold(&mut self, split: usize, now: Duration) {
        if let Some(last_row) = &mut self.last_row[split] {
            *last_row = now.max(*last_row);
        }
    }

    /// The splits that have become idle by `now`, each told once until it is touched again.
    pub(crate) fn newly_idle(&mut self, now: Duration) -> Vec<usize> {
        let mut idle = Vec::new();
        for (split, last) in self.last_row.iter_mut().enumerate() {
            if last.is_some_and(|last| now.saturating_sub(last) >= self.timeout) {
                *last = None;
                idle.push(split);
            }
        }
        idle
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(millis: i64) -> EventTime {
        EventTime::from_millis(millis)
    }

    #[test]
    fn the_slowest_input_holds_the_watermark_back() {
        let mut min = MinWatermark::new(2);
        assert_eq!(min.advance(0, t(10)), None);
        assert_eq!(min.advance(1, t(5)), Some(Advance::To(t(5))));
        assert_eq!(min.advance(1, t(20)), Some(Advance::To(t(10))));
        assert_eq!(min.advance(1, t(15)), None);
    }

    #[test]
    fn an_idle_input_does_not_hold_back_and_cannot_turn_time_back() {
        let mut min = MinWatermark::new(2);
        assert_eq!(min.advance(0, t(10)), None);
        assert_eq!(min.idle(1), Some(Advance::To(t(10))));
        assert_eq!(min.advance(1, t(3)), None);
        assert_eq!(min.advance(1, t(12)), None);
        assert_eq!(min.advance(0, t(11)), Some(Advance::To(t(11))));
    }

    #[test]
    fn all_idle_is_told_once_and_ended_inputs_do_not_count() {
        let mut min = MinWatermark::new(2);
        assert_eq!(min.end(0), None);
        assert_eq!(min.idle(1), Some(Advance::Idle));
        assert_eq!(min.idle(1), None);
        assert_eq!(min.advance(1, t(1)), Some(Advance::To(t(1))));
    }

    #[test]
    fn a_split_is_idle_after_its_timeout_and_told_once() {
        let s = Duration::from_secs;
        let mut splits = IdleSplits::new(2, s(2), s(0));
        splits.touch(0, s(1));
        assert_eq!(splits.newly_idle(s(2)), [1]);
        assert_eq!(splits.newly_idle(s(3)), [0]);
        assert!(splits.newly_idle(s(9)).is_empty());
        splits.touch(1, s(9));
        splits.hold(0, s(9));
        splits.hold(1, s(10));
        assert!(splits.newly_idle(s(11)).is_empty());
        assert_eq!(splits.newly_idle(s(12)), [1]);
    }
}
