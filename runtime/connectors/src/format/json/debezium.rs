//! Changes as Debezium writes them: the row before, the row after, and what was done.
//!
//! A record is decoded as one object of both rows and then taken apart: `c` and `r` (the rows that
//! a table has when it is read first) come, `d` goes, `u` is the old row that goes and the new one
//! that comes.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StructArray};
use arrow::compute::interleave;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use sabot_core::row_kind::{self, RowKind};

const PAYLOAD: &str = "payload";
const BEFORE: &str = "before";
const AFTER: &str = "after";
const OP: &str = "op";

/// What is decoded of a record, for rows whose fields are decoded as `wire`.
pub(super) fn wire_schema(wire: &Fields) -> SchemaRef {
    // Which of the rows is there, and so what must not be NULL in it, is checked later.
    let nullable = |field: &Arc<Field>| field.as_ref().clone().with_nullable(true);
    let row = DataType::Struct(wire.iter().map(nullable).collect());
    Arc::new(Schema::new(vec![
        Field::new(BEFORE, row.clone(), true),
        Field::new(AFTER, row, true),
        Field::new(OP, DataType::Utf8, true),
    ]))
}

/// The same for a record that has its schema beside it.
pub(super) fn beside_schema(record: &SchemaRef) -> SchemaRef {
    let payload = DataType::Struct(record.fields().clone());
    Arc::new(Schema::new(vec![Field::new(PAYLOAD, payload, true)]))
}

/// A row of the output: which of a record's rows it is.
type Place = (usize, usize);

/// Rows with their kinds, and of each the index of its record.
pub(super) struct Changes {
    pub(super) rows: RecordBatch,
    pub(super) records: Vec<usize>,
}

/// Takes decoded records apart; `convert` makes a column of the table out of a decoded one.
pub(super) fn changes(
    records: &RecordBatch,
    schema: &SchemaRef,
    convert: impl Fn(&Field, &ArrayRef) -> Result<ArrayRef, String>,
) -> Result<Changes, String> {
    let payload = payload(records)?;
    let rows = [row_of(&payload, BEFORE)?, row_of(&payload, AFTER)?];
    let ops = payload.column_by_name(OP).ok_or_else(|| format!("field '{OP}' is missing"))?;
    let ops = ops.as_string::<i32>();
    let (mut places, mut kinds) = (Vec::new(), Vec::new());
    for record in 0..payload.len() {
        let op = ops.is_valid(record).then(|| ops.value(record));
        for (side, kind) in kinds_of(op)? {
            if rows[*side].is_null(record) {
                return Err(missing(op.unwrap_or_default(), *side));
            }
            places.push((*side, record));
            kinds.push(*kind);
        }
    }
    let mut columns = Vec::with_capacity(schema.fields().len());
    for (index, field) in schema.fields()[..row_kind::width(schema)].iter().enumerate() {
        let [before, after] = [0, 1].map(|side| convert(field, rows[side].column(index)));
        columns.push(pick([&before?, &after?], &places)?);
    }
    columns.push(row_kind::column(kinds));
    let count = RecordBatchOptions::new().with_row_count(Some(places.len()));
    let rows = RecordBatch::try_new_with_options(Arc::clone(schema), columns, &count)
        .map_err(|error| super::decode::reason(&error))?;
    Ok(Changes { rows, records: places.into_iter().map(|(_, record)| record).collect() })
}

/// The object with the rows, which stands by itself or beside its schema.
fn payload(records: &RecordBatch) -> Result<StructArray, String> {
    let Some(payload) = records.column_by_name(PAYLOAD).filter(|_| records.num_columns() == 1)
    else {
        return Ok(StructArray::from(records.clone()));
    };
    let payload = payload.as_struct();
    if payload.null_count() > 0 {
        return Err(format!(
            "field '{PAYLOAD}' is missing: without a schema around it, set \
             'debezium-json.schema-include' = 'false'"
        ));
    }
    Ok(payload.clone())
}

fn row_of<'p>(payload: &'p StructArray, name: &str) -> Result<&'p StructArray, String> {
    let row = payload.column_by_name(name).and_then(|column| column.as_struct_opt());
    row.ok_or_else(|| format!("field '{name}' is missing"))
}

/// What becomes of a record's rows: 0 is the one before, 1 the one after.
fn kinds_of(op: Option<&str>) -> Result<&'static [(usize, RowKind)], String> {
    match op {
        Some("c" | "r") => Ok(&[(1, RowKind::Insert)]),
        Some("u") => Ok(&[(0, RowKind::UpdateBefore), (1, RowKind::UpdateAfter)]),
        Some("d") => Ok(&[(0, RowKind::Delete)]),
        Some(other) => Err(format!("field 'op' is {other:?}: expected c, r, u or d")),
        None => {
            Err("field 'op' is missing: expected c, r, u or d; of a record that has its schema \
                     beside it, set 'debezium-json.schema-include' = 'true'"
                .to_owned())
        }
    }
}

fn missing(op: &str, side: usize) -> String {
    if side == 1 {
        return format!("field 'after' is NULL in a change with the op {op}");
    }
    format!(
        "field 'before' is NULL in a change with the op {op}: have the database log whole rows \
         (of PostgreSQL: REPLICA IDENTITY FULL)"
    )
}

fn pick(sides: [&ArrayRef; 2], places: &[Place]) -> Result<ArrayRef, String> {
    let sides = sides.map(AsRef::as_ref);
    interleave(&sides, places).map_err(|error| error.to_string())
}
