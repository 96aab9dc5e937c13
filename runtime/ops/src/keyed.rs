//! Rows by key: the keys of a batch as bytes, each once, with their key groups.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, RecordBatch, RecordBatchOptions, UInt32Array,
};
use arrow::compute::{and, filter_record_batch, is_not_null, take_arrays};
use arrow::datatypes::{Schema, SchemaRef};
use datafusion_physical_plan::aggregates::group_values::new_group_values;
use datafusion_physical_plan::aggregates::order::GroupOrdering;
use sabot_core::plan::PlanNode;
use sabot_core::state::StateField;
use sabot_core::{Error, Result, column_hash};
use sabot_types::{KeyGroup, KeyGroupCount, KeyGroupRange};

use crate::OperatorConfig;
use crate::codec::RowCodec;
use crate::error::computing;

/// A subtask, as the owner of key groups.
pub(crate) struct Owner {
    /// For messages.
    pub(crate) operator: String,
    key_groups: KeyGroupCount,
    key_range: KeyGroupRange,
}

impl Owner {
    pub(crate) fn new(node: &PlanNode, config: &OperatorConfig) -> Self {
        Self {
            operator: node.name.clone(),
            key_groups: config.key_groups,
            key_range: config.key_range,
        }
    }

    /// The keys' groups, all of which the subtask must own: state in other groups would be lost
    /// at the next restore.
    pub(crate) fn groups_of(
        &self,
        schema: &SchemaRef,
        keys: &[ArrayRef],
        rows: usize,
    ) -> Result<Vec<KeyGroup>> {
        let Self { operator, key_groups, key_range } = self;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(schema), keys.to_vec(), &options)?;
        let columns: Vec<usize> = (0..keys.len()).collect();
        let mut groups = Vec::new();
        column_hash::key_groups(&batch, &columns, *key_groups, &mut groups)?;
        match groups.iter().find(|group| !key_range.contains(**group)) {
            None => Ok(groups),
            Some(group) => Err(Error::state(
                format!("writing the state of {operator}"),
                format!("a row belongs to key group {group}, but the subtask owns {key_range}"),
            )),
        }
    }
}

/// The key columns of an operator's input.
pub(crate) struct Keys {
    owner: Owner,
    columns: Vec<usize>,
    schema: SchemaRef,
    codec: RowCodec,
}

/// The keys of a batch, each once.
pub(crate) struct UniqueKeys {
    /// For each row of the batch its key's index here.
    pub(crate) of_row: Vec<usize>,
    /// The keys' columns.
    pub(crate) columns: Vec<ArrayRef>,
    /// The keys' key groups.
    pub(crate) groups: Vec<KeyGroup>,
    /// The keys as bytes, none of which begins with another.
    pub(crate) bytes: BinaryArray,
}

impl UniqueKeys {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.groups.len()
    }

    /// The keys with these indexes: their groups and bytes.
    pub(crate) fn pick(&self, indexes: &[usize]) -> (Vec<KeyGroup>, Vec<&[u8]>) {
        indexes.iter().map(|index| (self.groups[*index], self.bytes.value(*index))).unzip()
    }
}

impl Keys {
    pub(crate) fn new(
        node: &PlanNode,
        columns: &[usize],
        input: &SchemaRef,
        config: &OperatorConfig,
    ) -> Result<Self> {
        let schema = input.project(columns)?;
        Ok(Self {
            owner: Owner::new(node, config),
            columns: columns.to_vec(),
            codec: RowCodec::new(schema.fields().iter().map(|f| f.data_type().clone()))?,
            schema: Arc::new(schema),
        })
    }

    /// The keys of a batch.
    pub(crate) fn of(&self, batch: &RecordBatch) -> Result<UniqueKeys> {
        let columns: Vec<ArrayRef> =
            self.columns.iter().map(|c| Arc::clone(batch.column(*c))).collect();
        let (of_row, firsts) = unique(&self.schema, &columns, batch.num_rows())?;
        let columns = take_arrays(&columns, &firsts, None)?;
        let bytes = self.codec.encode(&columns, firsts.len())?;
        let groups = self.owner.groups_of(&self.schema, &columns, firsts.len())?;
        Ok(UniqueKeys { of_row, columns, groups, bytes })
    }
}

/// For each row the number of its value among the different values of `columns`, and for each of
/// these the row in which it first occurs.
pub(crate) fn unique(
    schema: &SchemaRef,
    columns: &[ArrayRef],
    rows: usize,
) -> Result<(Vec<usize>, UInt32Array)> {
    let mut of_row = Vec::with_capacity(rows);
    if columns.is_empty() {
        of_row.resize(rows, 0);
    } else {
        let mut values =
            new_group_values(Arc::clone(schema), &GroupOrdering::None).map_err(computing)?;
        values.intern(columns, &mut of_row).map_err(computing)?;
    }
    // New values are not always numbered in the order of rows.
    let count = of_row.iter().max().map_or(0, |last| last + 1);
    let mut firsts = vec![0; count];
    for (row, number) in of_row.iter().enumerate().rev() {
        firsts[*number] = row as u32;
    }
    Ok((of_row, UInt32Array::from(firsts)))
}

/// Describes columns in a state's key or value.
pub(crate) fn state_fields(
    schema: &Schema,
    columns: impl IntoIterator<Item = usize>,
) -> Vec<StateField> {
    let field = |column| {
        let field = schema.field(column);
        StateField { name: field.name().clone(), data_type: field.data_type().to_string() }
    };
    columns.into_iter().map(field).collect()
}

/// Which rows have a value in each of these columns; none when all have.
pub(crate) fn mask_of_all(columns: &[usize], batch: &RecordBatch) -> Result<Option<BooleanArray>> {
    let mut mask: Option<BooleanArray> = None;
    for column in columns {
        let column = batch.column(*column);
        if column.logical_null_count() > 0 {
            let valid = is_not_null(column)?;
            mask = Some(match mask {
                Some(mask) => and(&mask, &valid)?,
                None => valid,
            });
        }
    }
    Ok(mask)
}

/// The rows that have a value in each of these columns.
pub(crate) fn with_all(columns: &[usize], batch: RecordBatch) -> Result<RecordBatch> {
    Ok(match mask_of_all(columns, &batch)? {
        Some(mask) => filter_record_batch(&batch, &mask)?,
        None => batch,
    })
}
