//! Which rows belong to which split, and when they are due.
//!
//! Of a table that n subtasks begin to read, each split has every nth row, so that a subtask makes its
//! rows in their order. A job that goes on with other subtasks, or at another rate, deals the rows
//! again from the first that no split has begun with; those before it stay with their splits, which
//! end there.

use sabot_core::{BoxError, Error, Result, SplitState};
use serde::{Deserialize, Serialize};

/// A split, and its position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Split {
    /// The row from which on rows were dealt.
    from: u64,
    /// It has every `of`th row, beginning with this one behind `from`.
    index: u64,
    of: u64,
    /// The row from which on they were dealt again.
    until: Option<u64>,
    /// Its next row, or one behind its end.
    pub(super) next_row: u64,
    due: Due,
}

/// When rows are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Due {
    /// A row, and its time in milliseconds since 1970.
    row: u64,
    ms: i64,
    rows_per_second: u64,
}

impl Due {
    fn of(self, row: u64) -> i64 {
        let millis = u128::from(row - self.row) * 1000 / u128::from(self.rows_per_second);
        self.ms.saturating_add(i64::try_from(millis).unwrap_or(i64::MAX))
    }
}

impl Split {
    /// Its name, which no other way of dealing rows gives.
    pub(super) fn name(&self) -> String {
        format!("rows-{}-{:05}-of-{}", self.from, self.index, self.of)
    }

    /// The row before which it ends, of a table with so many.
    pub(super) fn end(&self, rows: u64) -> u64 {
        self.until.map_or(rows, |until| until.min(rows))
    }

    /// When a row is due, in milliseconds since 1970.
    pub(super) fn due_ms(&self, row: u64) -> i64 {
        self.due.of(row)
    }

    /// Takes the next rows before `end`, at most `max`.
    pub(super) fn take(&mut self, end: u64, max: usize) -> Vec<u64> {
        let rows: Vec<u64> = (self.next_row..end).step_by(self.of as usize).take(max).collect();
        self.next_row += self.of * rows.len() as u64;
        rows
    }
}

/// How a table is read now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    pub(super) parallelism: u32,
    pub(super) rows_per_second: u64,
    /// The rows of the table.
    pub(super) rows: u64,
    pub(super) now_ms: i64,
}

impl Reading {
    /// All splits of all subtasks.
    pub(super) fn splits(self, restored: &[SplitState]) -> Result<Vec<Split>> {
        if restored.is_empty() {
            let due = Due { row: 0, ms: self.now_ms, rows_per_second: self.rows_per_second };
            return Ok(self.dealt(0, due).collect());
        }
        let mut splits = restored.iter().map(split_of).collect::<Result<Vec<_>>>()?;
        let open = || splits.iter().filter(|split| split.until.is_none());
        // From here on no row was made.
        let from = open().map(|split| split.next_row).max().unwrap_or_default();
        let is_same = open().count() == self.parallelism as usize
            && open().all(|split| split.due.rows_per_second == self.rows_per_second);
        let last_due = open().map(|split| split.due).max_by_key(|due| due.of(from));
        if let (false, Some(due), true) = (is_same, last_due, from < self.rows) {
            let due = if due.rows_per_second == self.rows_per_second {
                due
            } else {
                Due { row: from, ms: due.of(from), rows_per_second: self.rows_per_second }
            };
            for split in splits.iter_mut().filter(|split| split.until.is_none()) {
                split.until = Some(from);
            }
            splits.extend(self.dealt(from, due));
        }
        splits.retain(|split| split.until.is_none_or(|until| split.next_row < until));
        Ok(splits)
    }

    /// The splits of all rows from one on.
    fn dealt(self, from: u64, due: Due) -> impl Iterator<Item = Split> {
        let of = u64::from(self.parallelism.max(1));
        (0..of).map(move |index| Split {
            from,
            index,
            of,
            until: None,
            next_row: from + index,
            due,
        })
    }
}

fn split_of(state: &SplitState) -> Result<Split> {
    Split::deserialize(&state.position).map_err(|error| {
        let error: BoxError = error.into();
        Error::external(format!("reading the position of split {}", state.split), error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const READING: Reading =
        Reading { parallelism: 3, rows_per_second: 10, rows: 100, now_ms: 5000 };

    fn states(splits: &[Split]) -> Vec<SplitState> {
        let state = |split: &Split| SplitState {
            split: split.name(),
            position: serde_json::json!(split),
            finished: false,
            watermark: None,
        };
        splits.iter().map(state).collect()
    }

    #[test]
    fn rows_are_dealt_in_turn_and_due_at_their_rate() {
        let mut splits = READING.splits(&[]).unwrap();
        assert_eq!(splits[1].take(100, 3), [1, 4, 7]);
        assert_eq!(splits[1].take(11, 3), [10]);
        assert_eq!(splits[1].due_ms(25), 7500);
    }

    #[test]
    fn splits_go_on_as_they_are_with_as_many_subtasks() {
        let mut splits = READING.splits(&[]).unwrap();
        splits[0].take(100, 5);
        let now_ms = 999_000;
        assert_eq!(Reading { now_ms, ..READING }.splits(&states(&splits)).unwrap(), splits);
    }

    /// Every row comes once, and none at another time than that at which it was due before.
    #[test]
    fn rows_are_dealt_again_to_other_subtasks_and_at_another_rate() {
        for (parallelism, rows_per_second) in [(2, 10), (3, 20), (5, 1), (1, 1000)] {
            let mut splits = READING.splits(&[]).unwrap();
            let mut made = splits[0].take(100, 5);
            made.extend(splits[2].take(100, 1));
            let (now_ms, mut times) = (999_000, Vec::new());
            let reading = Reading { parallelism, rows_per_second, now_ms, ..READING };
            let mut splits = reading.splits(&states(&splits)).unwrap();
            // And once more, before the first ones have ended.
            splits = reading.splits(&states(&splits)).unwrap();
            for split in &mut splits {
                let end = split.end(100);
                let rows = split.take(end, 200);
                times.extend(rows.iter().map(|row| (*row, split.due_ms(*row))));
                made.extend(rows);
            }
            made.sort_unstable();
            assert_eq!(made, (0..100).collect::<Vec<u64>>(), "{parallelism} {rows_per_second}");
            times.sort_unstable();
            assert!(times.is_sorted_by_key(|(_, ms)| *ms));
            for (row, ms) in times {
                let wanted = match row {
                    0..15 => 5000 + row as i64 * 100,
                    _ => 6500 + (row as i64 - 15) * 1000 / rows_per_second as i64,
                };
                assert_eq!(ms, wanted, "row {row}");
            }
        }
    }
}
