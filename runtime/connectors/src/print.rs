//! The connector `print`: rows to standard output, as Flink prints them.
//!
//! A program that draws on the terminal itself takes the rows instead, by
//! [`set_print_target`].

mod row_text;

use std::io::Write;
use std::sync::{Arc, OnceLock};

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use futures::future::BoxFuture;
use sabot_core::row_kind::{self, RowKind};
use sabot_core::{Committable, Error, Result, Sink, SinkContext};
use sabot_types::Epoch;

use crate::options::{OptionError, Options, Role};
use crate::registry::{Connector, KnownOptions};
use row_text::RowText;

static TARGET: OnceLock<Arc<dyn PrintTarget>> = OnceLock::new();

/// Takes the rows of `print` sinks in place of standard output.
///
/// ```
/// use arrow::array::RecordBatch;
///
/// struct Count(std::sync::atomic::AtomicUsize);
///
/// impl sabot_connectors::PrintTarget for Count {
///     fn print(&self, _table: &str, rows: &RecordBatch) {
///         self.0.fetch_add(rows.num_rows(), std::sync::atomic::Ordering::Relaxed);
///     }
/// }
/// ```
pub trait PrintTarget: Send + Sync {
    /// Shows rows of `table`; of rows that change and go, the first column `op` tells the kind.
    /// Called from slots' threads: must return soon.
    fn print(&self, table: &str, rows: &RecordBatch);
}

/// Sends the rows of all `print` sinks of this process to `target`. Only the first call counts;
/// false when there was one before.
pub fn set_print_target(target: Arc<dyn PrintTarget>) -> bool {
    TARGET.set(target).is_ok()
}

#[derive(Debug)]
pub(crate) struct Print;

#[async_trait]
impl Connector for Print {
    fn name(&self) -> &'static str {
        "print"
    }

    fn options(&self, role: Role) -> Option<KnownOptions> {
        let names: &'static [&'static [&'static str]] = &[&["print-identifier", "standard-error"]];
        (role == Role::Sink).then_some(KnownOptions { names, prefix: None })
    }

    fn check(&self, _: Role, options: &Options<'_>, _: &SchemaRef) -> Result<(), OptionError> {
        options.boolean("standard-error").map(drop)
    }

    fn takes_changes(&self, _: &Options<'_>) -> bool {
        true
    }

    fn takes_partitions(&self) -> bool {
        true
    }

    async fn open_sink(&self, ctx: SinkContext) -> Result<Box<dyn Sink>> {
        let options = Options { table: &ctx.table, map: &ctx.options };
        let prefix = prefix(options.get("print-identifier"), ctx.subtask, ctx.parallelism);
        let to_stderr = options.boolean("standard-error")?.unwrap_or_default();
        Ok(Box::new(PrintSink { table: ctx.table, prefix, to_stderr }))
    }
}

/// What stands before every row: the identifier and, with several subtasks, their number from 1.
fn prefix(identifier: Option<&str>, subtask: u32, parallelism: u32) -> String {
    match (identifier.filter(|text| !text.is_empty()), parallelism > 1) {
        (Some(identifier), true) => format!("{identifier}:{}> ", subtask + 1),
        (Some(identifier), false) => format!("{identifier}> "),
        (None, true) => format!("{}> ", subtask + 1),
        (None, false) => String::new(),
    }
}

struct PrintSink {
    table: String,
    prefix: String,
    to_stderr: bool,
}

/// The rows with their kinds as texts in front, if they have kinds.
fn with_symbols(batch: &RecordBatch) -> Result<RecordBatch> {
    let Some(kinds) = row_kind::kinds(batch) else { return Ok(batch.clone()) };
    let symbols = kinds.values().iter().map(|kind| RowKind::of(*kind).symbol());
    let mut columns: Vec<ArrayRef> = vec![Arc::new(StringArray::from_iter_values(symbols))];
    columns.extend_from_slice(row_kind::values(batch));
    let mut fields = vec![Arc::new(Field::new("op", DataType::Utf8, false))];
    fields.extend(row_kind::without(batch.schema_ref()).fields().iter().cloned());
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

impl Sink for PrintSink {
    fn write(&mut self, batch: RecordBatch) -> Result<()> {
        if let Some(target) = TARGET.get() {
            target.print(&self.table, &with_symbols(&batch)?);
            return Ok(());
        }
        let text = RowText::of(&batch)?.lines(&self.prefix);
        let written = if self.to_stderr {
            std::io::stderr().lock().write_all(text.as_bytes())
        } else {
            std::io::stdout().lock().write_all(text.as_bytes())
        };
        written.map_err(|e| Error::external(format!("printing rows of {}", self.table), e))
    }

    fn prepare(&mut self, _: Epoch) -> BoxFuture<'static, Result<Vec<Committable>>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

#[cfg(test)]
mod tests;
