//! Filters, then projects.

use std::sync::{Arc, OnceLock};

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::FilterBuilder;
use arrow::datatypes::{DataType, SchemaRef};
use sabot_core::ambient::{Ambient, AmbientReads};
use sabot_core::plan::{CalcDesc, PlanNode};
use sabot_core::{Cx, Element, Error, Evaluator, Operator, Result, SeededRandom};
use sabot_types::EventTime;

use crate::read_columns::ReadColumns;

pub(crate) struct Calc {
    shared: Vec<Arc<dyn Evaluator>>,
    filter: Option<Arc<dyn Evaluator>>,
    columns: Vec<Arc<dyn Evaluator>>,
    /// What the columns read: only that is filtered. Known from the first batch on.
    read: OnceLock<ReadColumns>,
    /// What the filter and the columns read beside the rows.
    reads: AmbientReads,
    watermark: Option<EventTime>,
    random: SeededRandom,
    schema: SchemaRef,
}

impl Calc {
    /// One that draws random numbers from `seed`.
    pub(crate) fn new(node: &PlanNode, desc: &CalcDesc, seed: u64) -> Result<Self> {
        Self::of(&node.name, desc, Arc::clone(&node.schema), seed)
    }

    /// The calculation of an operator with this name that gives columns of this schema.
    pub(crate) fn of(
        operator: &str,
        desc: &CalcDesc,
        schema: SchemaRef,
        seed: u64,
    ) -> Result<Self> {
        let CalcDesc { shared, filter, columns } = desc;
        let wrong = |what: String| Error::user(format!("operator {operator}: {what}"));
        if let Some(filter) = filter
            && *filter.data_type() != DataType::Boolean
        {
            return Err(wrong(format!(
                "the filter {} is of type {}: it must be a boolean",
                filter.sql(),
                filter.data_type()
            )));
        }
        let fields = schema.fields();
        if fields.len() != columns.len() {
            return Err(wrong(format!("{} columns for {} fields", columns.len(), fields.len())));
        }
        for (column, field) in columns.iter().zip(fields) {
            if column.data_type() != field.data_type() {
                return Err(wrong(format!(
                    "{} is of type {}: column {} must be of type {}",
                    column.sql(),
                    column.data_type(),
                    field.name(),
                    field.data_type()
                )));
            }
        }
        Ok(Self {
            shared: shared.clone(),
            filter: filter.clone(),
            columns: columns.clone(),
            read: OnceLock::new(),
            reads: AmbientReads::of(filter.iter().chain(columns)),
            watermark: None,
            random: SeededRandom::new(seed),
            schema,
        })
    }

    /// The batch with what is shared behind its columns.
    fn with_shared(&self, batch: RecordBatch) -> Result<RecordBatch> {
        if self.shared.is_empty() {
            return Ok(batch);
        }
        let mut columns = batch.columns().to_vec();
        for value in &self.shared {
            columns.push(value.evaluate(&batch)?);
        }
        let types = self.shared.iter().map(|value| value.data_type());
        let schema = CalcDesc::with_shared(batch.schema_ref(), types);
        Ok(RecordBatch::try_new(schema, columns)?)
    }

    fn project(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
        self.columns.iter().map(|column| column.evaluate(batch)).collect()
    }

    /// The output's columns of the rows that `mask` keeps.
    fn filtered(&self, batch: &RecordBatch, mask: &BooleanArray) -> Result<Vec<ArrayRef>> {
        let readers = self.columns.iter().map(|column| &**column);
        let read = self.read.get_or_init(|| ReadColumns::of(readers, batch.schema_ref()));
        let filter = FilterBuilder::new(mask).optimize().build();
        let filtered = |column| Ok(filter.filter(batch.column(column))?);
        self.project(&read.batch(filter.count(), filtered)?)
    }

    /// What it knows at `now_ms`.
    pub(crate) fn ambient(&self, now_ms: i64) -> Ambient<'_> {
        Ambient { now_ms, watermark: self.watermark, random: &self.random }
    }

    /// What it gives of a batch at `now_ms`; none for no rows.
    pub(crate) fn apply(&self, batch: RecordBatch, now_ms: i64) -> Result<Option<RecordBatch>> {
        let batch = self.with_shared(batch)?;
        let batch = self.ambient(now_ms).append(&batch, self.reads)?;
        let mut rows = batch.num_rows();
        let mut columns = None;
        if let Some(filter) = &self.filter {
            let mask = filter.evaluate(&batch)?;
            let mask = mask.as_boolean();
            let kept = mask.true_count();
            if kept < rows && kept > 0 {
                columns = Some(self.filtered(&batch, mask)?);
            }
            rows = kept;
        }
        if rows == 0 {
            return Ok(None);
        }
        let columns = match columns {
            Some(columns) => columns,
            None => self.project(&batch)?,
        };
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let schema = Arc::clone(&self.schema);
        Ok(Some(RecordBatch::try_new_with_options(schema, columns, &options)?))
    }
}

impl Operator for Calc {
    fn process(&mut self, _port: usize, batch: RecordBatch, cx: &mut Cx<'_>) -> Result<()> {
        if let Some(batch) = self.apply(batch, cx.now_ms)? {
            cx.emit(Element::Batch(batch));
        }
        Ok(())
    }

    fn watermark(&mut self, watermark: EventTime, cx: &mut Cx<'_>) -> Result<()> {
        self.watermark = Some(watermark);
        cx.emit(Element::Watermark(watermark));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
