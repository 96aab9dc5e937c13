//! The last row of each key, kept so that rows which only say what is now, or that it is gone,
//! become changes: what was before goes with them.
//!
//! A row that is as its key's row was changes nothing, and neither does the going of one that is
//! not there: changes may come again. Old versions that come in are not needed.
//!
//! Each row is answered, also where several of a batch are of one key: what a sink wrote before a
//! failure may be any of them, and must be written over when they come again in other batches.

use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use sabot_core::plan::{LastRowDesc, PlanNode};
use sabot_core::row_kind::{self, RowKind};
use sabot_core::state::{StateBackend, StateSpec, ValueEncoding};
use sabot_core::{Cx, Error, Operator, OperatorSnapshot, Result};
use sabot_types::OperatorUid;

use crate::OperatorConfig;
use crate::codec::RowCodec;
use crate::emit::emit_in_parts;
use crate::hot::Hot;
use crate::keyed::{Keys, state_fields};

/// The state's name.
const STATE_NAME: &str = "last";

pub(crate) struct LastRow {
    operator: String,
    keys: Keys,
    codec: RowCodec,
    rows: Hot,
    max_batch_rows: usize,
    schema: SchemaRef,
}

/// The state's description.
pub(crate) fn state_spec(
    operator: &OperatorUid,
    desc: &LastRowDesc,
    input: &SchemaRef,
) -> StateSpec {
    StateSpec {
        operator: operator.clone(),
        name: STATE_NAME.to_owned(),
        key: state_fields(input, desc.keys.iter().copied()),
        value: state_fields(input, 0..row_kind::width(input)),
        namespace: "none".to_owned(),
        ttl_ms: None,
        encoding: ValueEncoding::Compact,
    }
    .with_ttl(desc.ttl_ms)
}

impl LastRow {
    pub(crate) fn new(
        node: &PlanNode,
        desc: &LastRowDesc,
        input: &SchemaRef,
        config: &OperatorConfig,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        let handle = state.open(&state_spec(&node.uid, desc, input))?;
        let fields = input.fields()[..row_kind::width(input)].iter();
        Ok(Self {
            operator: node.name.clone(),
            keys: Keys::new(node, &desc.keys, input, config)?,
            codec: RowCodec::compact(fields.map(|field| field.data_type().clone()))?,
            rows: Hot::new(handle, state)?,
            max_batch_rows: config.max_batch_rows.max(1),
            schema: Arc::clone(&node.schema),
        })
    }

    fn emit(&self, kinds: Vec<RowKind>, rows: &[&[u8]], cx: &mut Cx<'_>) -> Result<()> {
        if kinds.is_empty() {
            return Ok(());
        }
        let mut columns = self.codec.decode_rows(rows.iter().copied())?;
        for (field, column) in self.schema.fields().iter().zip(&columns) {
            if !field.is_nullable() && column.null_count() > 0 {
                return Err(Error::user(format!(
                    "{}: a row has NULL in column '{}', which is NOT NULL",
                    self.operator,
                    field.name()
                )));
            }
        }
        columns.push(row_kind::column(kinds));
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        emit_in_parts(&batch, self.max_batch_rows, cx);
        Ok(())
    }
}

impl Operator for LastRow {
    fn process(&mut self, _port: usize, batch: RecordBatch, cx: &mut Cx<'_>) -> Result<()> {
        let Some(kinds) = row_kind::kinds(&batch).filter(|kinds| !kinds.is_empty()) else {
            return Ok(());
        };
        let keys = self.keys.of(&batch)?;
        let rows = self.codec.encode(row_kind::values(&batch), batch.num_rows())?;
        let slots = self.rows.find(&keys.groups, &keys.bytes, cx)?;
        let before = self.rows.column(&slots);
        let mut now: Vec<_> = before.iter().collect();
        let mut is_changed = vec![false; now.len()];
        let (mut out_kinds, mut out) = (Vec::new(), Vec::new());
        for (row, (kind, key)) in kinds.values().iter().zip(&keys.of_row).enumerate() {
            let is = match RowKind::of(*kind) {
                RowKind::UpdateBefore => continue,
                RowKind::Delete => None,
                RowKind::Insert | RowKind::UpdateAfter => Some(rows.value(row)),
            };
            match (now[*key], is) {
                (None, Some(is)) => {
                    out_kinds.push(RowKind::Insert);
                    out.push(is);
                }
                (Some(was), Some(is)) if was != is => {
                    out_kinds.extend([RowKind::UpdateBefore, RowKind::UpdateAfter]);
                    out.extend([was, is]);
                }
                (Some(was), None) => {
                    out_kinds.push(RowKind::Delete);
                    out.push(was);
                }
                (Some(_), Some(_)) | (None, None) => continue,
            }
            now[*key] = is;
            is_changed[*key] = true;
        }
        let changed: Vec<usize> = (0..now.len()).filter(|key| is_changed[*key]).collect();
        let values = changed.iter().map(|key| now[*key]);
        self.rows.set(&slots.pick(&changed), values);
        self.emit(out_kinds, &out, cx)
    }

    fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<OperatorSnapshot> {
        self.rows.flush(cx)?;
        Ok(OperatorSnapshot { keyed: vec![cx.state.freeze(self.rows.state())?], watermark: None })
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, Int64Array, StringArray};
    use arrow::datatypes::{DataType, Field, Int64Type, Schema};
    use sabot_core::plan::NodeKind;
    use sabot_state::{Backend, open};

    use super::*;
    use crate::testing::{Driver, config, load, node};

    /// The value comes first, so that the key is not.
    fn schema(nullable: bool) -> SchemaRef {
        Arc::new(Schema::new(vec![
            Field::new("v", DataType::Utf8, nullable),
            Field::new("k", DataType::Int64, false),
            row_kind::field(),
        ]))
    }

    type Row = (RowKind, i64, Option<&'static str>);

    fn batch(rows: &[Row]) -> RecordBatch {
        let values: StringArray = rows.iter().map(|row| row.2).collect();
        let keys = Int64Array::from_iter_values(rows.iter().map(|row| row.1));
        let kinds = row_kind::column(rows.iter().map(|row| row.0));
        RecordBatch::try_new(schema(true), vec![Arc::new(values), Arc::new(keys), kinds]).unwrap()
    }

    fn driver(backend: Box<dyn StateBackend>, nullable: bool) -> Driver {
        let desc = NodeKind::LastRow(LastRowDesc { keys: vec![1], ttl_ms: None });
        Driver::new(&node(desc, schema(nullable)), &schema(true), &config(), backend)
    }

    fn emitted(driver: &mut Driver) -> Vec<String> {
        let mut lines = Vec::new();
        for batch in driver.batches() {
            let kinds = row_kind::kinds(batch).unwrap();
            let (values, keys) = (batch.column(0).as_string::<i32>(), batch.column(1));
            for row in 0..batch.num_rows() {
                let kind = RowKind::of(kinds.value(row)).symbol();
                let key = keys.as_primitive::<Int64Type>().value(row);
                let value = if values.is_valid(row) { values.value(row) } else { "NULL" };
                lines.push(format!("{kind} {key} {value}"));
            }
        }
        driver.out.clear();
        lines
    }

    #[test]
    fn what_was_goes_when_something_else_comes_also_after_a_restore() {
        use RowKind::{Delete, Insert, UpdateAfter, UpdateBefore};
        let mut first = driver(open(Backend::Memory).unwrap(), true);
        first
            .process(batch(&[
                (Insert, 1, Some("a")),
                (Insert, 2, Some("b")),
                // Of a key that is not there.
                (Delete, 3, None),
                (UpdateAfter, 2, Some("c")),
            ]))
            .unwrap();
        assert_eq!(emitted(&mut first), ["+I 1 a", "+I 2 b", "-U 2 b", "+U 2 c"]);
        first
            .process(batch(&[
                (Insert, 1, Some("a")),
                (UpdateBefore, 2, Some("c")),
                (UpdateAfter, 2, Some("d")),
            ]))
            .unwrap();
        assert_eq!(emitted(&mut first), ["-U 2 c", "+U 2 d"]);
        let frozen = first.snapshot().keyed.remove(0);
        let mut backend = open(Backend::Memory).unwrap();
        load(frozen, &mut *backend);
        let mut second = driver(backend, true);
        second
            .process(batch(&[
                (Delete, 1, None),
                (UpdateBefore, 2, Some("d")),
                (Insert, 3, None),
                (Delete, 1, None),
            ]))
            .unwrap();
        assert_eq!(emitted(&mut second), ["-D 1 a", "+I 3 NULL"]);
        second.process(batch(&[(Insert, 1, Some("e"))])).unwrap();
        assert_eq!(emitted(&mut second), ["+I 1 e"]);
    }

    #[test]
    fn what_comes_and_goes_in_one_batch_is_told() {
        use RowKind::{Delete, Insert};
        let mut driver = driver(open(Backend::Memory).unwrap(), true);
        driver.process(batch(&[(Insert, 1, Some("a")), (Delete, 1, None)])).unwrap();
        assert_eq!(emitted(&mut driver), ["+I 1 a", "-D 1 a"]);
        driver.process(batch(&[(Insert, 1, Some("a"))])).unwrap();
        assert_eq!(emitted(&mut driver), ["+I 1 a"]);
        let there_and_back = [(Insert, 1, Some("b")), (Insert, 1, Some("a")), (Delete, 2, None)];
        driver.process(batch(&there_and_back)).unwrap();
        assert_eq!(emitted(&mut driver), ["-U 1 a", "+U 1 b", "-U 1 b", "+U 1 a"]);
    }

    #[test]
    fn null_in_a_column_that_is_not_null_is_refused_only_of_rows_that_are_there() {
        let mut driver = driver(open(Backend::Memory).unwrap(), false);
        driver.process(batch(&[(RowKind::Delete, 1, None)])).unwrap();
        let error = driver.process(batch(&[(RowKind::Insert, 1, None)])).unwrap_err().to_string();
        assert!(error.contains("NULL in column 'v'"), "{error}");
    }
}
