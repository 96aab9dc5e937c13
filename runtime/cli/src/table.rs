//! Rows of `print` sinks as aligned tables.

use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;
use arrow::util::display::FormatOptions;
use arrow::util::pretty::pretty_format_batches_with_options;
use indicatif::ProgressBar;
use sabot_connectors::PrintTarget;

/// Rows that wait to be shown, at most: beyond it the sink's thread shows them itself.
const ROWS_MAX: usize = 10_000;

/// Collects rows and shows them above the progress.
#[derive(Debug)]
pub struct Tables {
    pending: Mutex<Pending>,
    bar: ProgressBar,
}

#[derive(Debug, Default)]
struct Pending {
    rows: usize,
    /// By table, in the order of their first rows.
    tables: Vec<(String, Vec<RecordBatch>)>,
}

impl Tables {
    /// Shows rows above `bar`.
    pub fn above(bar: ProgressBar) -> Self {
        Self { pending: Mutex::default(), bar }
    }

    /// Shows what was collected.
    pub fn flush(&self) {
        let tables = {
            let mut pending = self.lock();
            pending.rows = 0;
            std::mem::take(&mut pending.tables)
        };
        if tables.is_empty() {
            return;
        }
        let text: String = tables.iter().map(|(name, batches)| render(name, batches)).collect();
        self.bar.suspend(|| {
            // Nobody reads on: the job itself is not harmed.
            let _ = std::io::stdout().lock().write_all(text.as_bytes());
            let _ = std::io::stdout().flush();
        });
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PrintTarget for Tables {
    fn print(&self, table: &str, rows: &RecordBatch) {
        let mut pending = self.lock();
        pending.rows += rows.num_rows();
        match pending.tables.iter_mut().find(|(name, _)| name == table) {
            Some((_, batches)) => batches.push(rows.clone()),
            None => pending.tables.push((table.to_owned(), vec![rows.clone()])),
        }
        let many = pending.rows > ROWS_MAX;
        drop(pending);
        if many {
            self.flush();
        }
    }
}

fn render(name: &str, batches: &[RecordBatch]) -> String {
    let options = FormatOptions::new()
        .with_null("NULL")
        .with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.3f"))
        .with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S%.3f%:z"));
    match pretty_format_batches_with_options(batches, &options) {
        Ok(table) => format!("{name}\n{table}\n"),
        Err(error) => format!("{name}: rows cannot be shown: {error}\n"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray, TimestampMillisecondArray};

    use super::*;

    #[test]
    fn rows_are_aligned_and_nulls_are_named() {
        let rows = RecordBatch::try_from_iter([
            ("w", Arc::new(TimestampMillisecondArray::from(vec![0, 1500])) as ArrayRef),
            ("place", Arc::new(StringArray::from(vec![Some("Chile"), None]))),
            ("n", Arc::new(Int64Array::from(vec![1, 20]))),
        ])
        .unwrap();
        let text = render("quakes", &[rows.slice(0, 1), rows.slice(1, 1)]);
        assert_eq!(
            text,
            "quakes\n\
             +-------------------------+-------+----+\n\
             | w                       | place | n  |\n\
             +-------------------------+-------+----+\n\
             | 1970-01-01 00:00:00.000 | Chile | 1  |\n\
             | 1970-01-01 00:00:01.500 | NULL  | 20 |\n\
             +-------------------------+-------+----+\n"
        );
    }
}
