//! The connector `values`: the numbers of the rows that a query lists with `VALUES`.
//!
//! The planner alone makes such tables, whose other columns it computes from the number; nobody can
//! declare one. There is one split, which one subtask reads, and its position is the next number.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use async_trait::async_trait;
use sabot_core::{BoxError, Error, Result, Source, SourceContext, SourcePoll, SplitState};
use serde::{Deserialize, Serialize};

use crate::options::{OptionError, Options, Role};
use crate::registry::{Connector, KnownOptions};
use crate::splits::{OwnSplit, deal};

/// How many rows there are.
const ROWS: &str = "rows";
const SPLIT: &str = "rows";

#[derive(Debug)]
pub(crate) struct Values;

#[async_trait]
impl Connector for Values {
    fn name(&self) -> &'static str {
        "values"
    }

    fn is_internal(&self) -> bool {
        true
    }

    fn options(&self, role: Role) -> Option<KnownOptions> {
        (role == Role::Source).then_some(KnownOptions { names: &[&[ROWS]], prefix: None })
    }

    fn check(&self, _: Role, options: &Options<'_>, schema: &SchemaRef) -> Result<(), OptionError> {
        rows(options)?;
        let other = schema.fields().iter().find(|field| field.data_type() != &DataType::Int64);
        other.map_or(Ok(()), |field| {
            Err(OptionError::Column {
                table: options.table.to_owned(),
                column: field.name().clone(),
                problem: "is no BIGINT, which numbers of rows are".to_owned(),
            })
        })
    }

    fn is_bounded(&self, _: &Options<'_>) -> bool {
        true
    }

    async fn open_source(&self, ctx: SourceContext) -> Result<Box<dyn Source>> {
        let rows = rows(&Options { table: &ctx.table, map: &ctx.options })?;
        let own = deal([SPLIT.to_owned()], &ctx.restored, ctx.subtask, ctx.parallelism);
        let split = own.iter().find(|split| split.name == SPLIT);
        Ok(Box::new(ValuesSource {
            names: split.iter().map(|split| split.name.clone()).collect(),
            split: split.map(Split::restored).transpose()?,
            rows,
            schema: ctx.schema,
        }))
    }
}

fn rows(options: &Options<'_>) -> Result<i64, OptionError> {
    let expected = "a number of rows";
    let rows = options.required(ROWS, expected)?.parse().ok();
    rows.filter(|rows| *rows >= 0).ok_or_else(|| options.bad(ROWS, expected))
}

struct ValuesSource {
    names: Vec<String>,
    /// None where another subtask reads it.
    split: Option<Split>,
    rows: i64,
    schema: SchemaRef,
}

#[derive(Debug)]
struct Split {
    next: i64,
    /// Whether the end was announced.
    ended: bool,
}

/// The split's position.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Position {
    next_row: i64,
}

impl Split {
    fn restored(own: &OwnSplit) -> Result<Self> {
        let position = match &own.position {
            None => Position::default(),
            Some(position) => Position::deserialize(position).map_err(|error| {
                let error: BoxError = error.into();
                Error::external(format!("reading the position of split {SPLIT}"), error)
            })?,
        };
        Ok(Self { next: position.next_row, ended: own.finished })
    }
}

impl Source for ValuesSource {
    fn poll(&mut self, max_rows: usize) -> Result<SourcePoll> {
        let Some(split) = self.split.as_mut().filter(|split| !split.ended) else {
            return Ok(SourcePoll::Finished);
        };
        if split.next >= self.rows {
            split.ended = true;
            return Ok(SourcePoll::SplitFinished(0));
        }
        let end = self.rows.min(split.next.saturating_add(max_rows.max(1) as i64));
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(split.next..end));
        split.next = end;
        let columns = self.schema.fields().iter().map(|_| Arc::clone(&numbers)).collect();
        let rows = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        Ok(SourcePoll::Batch { split: 0, rows })
    }

    fn splits(&self) -> &[String] {
        &self.names
    }

    fn positions(&self) -> Vec<SplitState> {
        let state = |split: &Split| SplitState {
            split: SPLIT.to_owned(),
            position: serde_json::json!(Position { next_row: split.next }),
            finished: split.ended,
            watermark: None,
        };
        self.split.iter().map(state).collect()
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::Int64Type;

    use super::*;
    use crate::testing::{read_with_rescale, schema, source_context, world};

    #[tokio::test]
    async fn every_number_is_read_once_over_restores_at_other_parallelisms() {
        let options = [("connector", "values"), ("rows", "100")];
        let ctx = source_context(&world(1).env, &options, schema(&[("row", DataType::Int64)]));
        for (before, first, after) in [(1, 0, 1), (1, 30, 3), (2, 0, 5), (1, 100, 2)] {
            let rows = read_with_rescale(&ctx, before, first, after).await.unwrap();
            let mut numbers = rows.column(0).as_primitive::<Int64Type>().values().to_vec();
            numbers.sort_unstable();
            assert_eq!(numbers, (0..100).collect::<Vec<i64>>(), "{before} to {after} subtasks");
        }
    }

    #[test]
    fn no_table_is_declared_with_it() {
        assert!(!crate::connector_names().contains(&Values.name()));
    }
}
