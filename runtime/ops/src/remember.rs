//! What rows that change were given when they came: the time, the watermark, random bytes.
//!
//! An expression that reads such a thing would give another row when it goes. So it is kept under the
//! row, as answers of joins as of a time are.

use arrow::array::{RecordBatch, UInt32Array};
use arrow::datatypes::SchemaRef;
use sabot_core::ambient::{Ambient, AmbientReads};
use sabot_core::plan::{PlanNode, RememberDesc};
use sabot_core::state::{StateBackend, StateSpec};
use sabot_core::{Cx, Element, Error, Operator, OperatorSnapshot, Result, SeededRandom};
use sabot_types::EventTime;

use crate::OperatorConfig;
use crate::answered::{self, Answered, Left, Partners};

pub(crate) struct Remember {
    reads: AmbientReads,
    given: Answered,
    watermark: Option<EventTime>,
    random: SeededRandom,
}

fn left<'a>(desc: &'a RememberDesc, input: &'a SchemaRef) -> Left<'a> {
    Left { input, keys: &desc.keys, ttl_ms: desc.ttl_ms }
}

/// The state.
pub(crate) fn state_specs(
    node: &PlanNode,
    desc: &RememberDesc,
    input: &SchemaRef,
) -> Vec<StateSpec> {
    answered::state_spec(node, left(desc, input)).into_iter().collect()
}

impl Remember {
    pub(crate) fn new(
        node: &PlanNode,
        desc: &RememberDesc,
        input: &SchemaRef,
        config: &OperatorConfig,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        let given = Answered::new(node, left(desc, input), false, config, state)?;
        let no_changes =
            || Error::user(format!("operator {}: the rows of its input only come", node.name));
        Ok(Self {
            reads: desc.reads,
            given: given.ok_or_else(no_changes)?,
            watermark: None,
            random: SeededRandom::new(config.seed),
        })
    }
}

impl Operator for Remember {
    fn process(&mut self, _port: usize, batch: RecordBatch, cx: &mut Cx<'_>) -> Result<()> {
        let rows = batch.num_rows();
        let ambient =
            Ambient { now_ms: cx.now_ms, watermark: self.watermark, random: &self.random };
        let columns = ambient.columns(self.reads, rows)?.into_iter().flatten().collect();
        let mut given = Partners::default();
        given.add(UInt32Array::from_iter_values(0..rows as u32), columns);
        self.given.emit(&batch, &given, cx)
    }

    fn watermark(&mut self, watermark: EventTime, cx: &mut Cx<'_>) -> Result<()> {
        self.watermark = Some(watermark);
        cx.emit(Element::Watermark(watermark));
        Ok(())
    }

    fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<OperatorSnapshot> {
        Ok(OperatorSnapshot { keyed: vec![cx.state.freeze(self.given.state())?], watermark: None })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, AsArray, Int64Array};
    use arrow::datatypes::{DataType, Field, Int64Type, Schema, TimestampMillisecondType};
    use sabot_core::plan::NodeKind;
    use sabot_core::row_kind::{self, RowKind};
    use sabot_state::{Backend, open};

    use super::*;
    use crate::testing::{Driver, config, load, node};

    fn input() -> SchemaRef {
        Arc::new(Schema::new(vec![Field::new("k", DataType::Int64, true), row_kind::field()]))
    }

    fn batch(rows: &[(RowKind, i64)]) -> RecordBatch {
        let keys: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.1)));
        let kinds = row_kind::column(rows.iter().map(|row| row.0));
        RecordBatch::try_new(input(), vec![keys, kinds]).unwrap()
    }

    fn driver(backend: Box<dyn StateBackend>) -> Driver {
        let reads = AmbientReads { proc_time: true, watermark: true, random: true };
        let mut fields = vec![Field::new("k", DataType::Int64, true)];
        fields.extend(reads.remembered());
        fields.push(row_kind::field());
        let desc = NodeKind::Remember(RememberDesc { reads, keys: vec![0], ttl_ms: None });
        let node = node(desc, Arc::new(Schema::new(fields)));
        Driver::new(&node, &input(), &config(), backend)
    }

    /// Kind, key, time, watermark, random bytes.
    type Given = (&'static str, i64, i64, Option<i64>, Vec<u8>);

    fn emitted(driver: &mut Driver) -> Vec<Given> {
        let mut rows = Vec::new();
        for batch in driver.batches() {
            let kinds = row_kind::kinds(batch).unwrap();
            let keys = batch.column(0).as_primitive::<Int64Type>();
            let [times, watermarks] =
                [1, 2].map(|at| batch.column(at).as_primitive::<TimestampMillisecondType>());
            let random = batch.column(3).as_fixed_size_binary();
            for row in 0..batch.num_rows() {
                rows.push((
                    RowKind::of(kinds.value(row)).symbol(),
                    keys.value(row),
                    times.value(row),
                    watermarks.iter().nth(row).flatten(),
                    random.value(row).to_vec(),
                ));
            }
        }
        driver.out.clear();
        rows
    }

    #[test]
    fn a_row_goes_with_what_it_was_given_also_after_a_restore() {
        use RowKind::{Delete, Insert, UpdateAfter, UpdateBefore};
        let mut first = driver(open(Backend::Memory).unwrap());
        first.clock(100);
        first.process(batch(&[(Insert, 1), (UpdateAfter, 1), (Insert, 2)])).unwrap();
        let came = emitted(&mut first);
        assert_eq!(
            came.iter().map(|row| (row.1, row.2)).collect::<Vec<_>>(),
            [(1, 100), (1, 100), (2, 100)]
        );
        assert_ne!(came[0].4, came[1].4, "equal rows draw for themselves");
        first.watermark(7);
        first.clock(200);
        // The row that came last goes first; the one that comes has the time and the watermark of now.
        first.process(batch(&[(UpdateBefore, 1), (Insert, 3)])).unwrap();
        let next = emitted(&mut first);
        assert_eq!(next[0], ("-D", 1, 100, None, came[1].4.clone()));
        assert_eq!((next[1].1, next[1].2, next[1].3), (3, 200, Some(7)));

        let frozen = first.snapshot().keyed.remove(0);
        let mut backend = open(Backend::Memory).unwrap();
        load(frozen, &mut *backend);
        let mut second = driver(backend);
        second.clock(300);
        second.process(batch(&[(Delete, 3), (Delete, 1), (Delete, 2), (Delete, 9)])).unwrap();
        let gone = emitted(&mut second);
        assert_eq!(
            gone,
            [
                ("-D", 3, 200, Some(7), next[1].4.clone()),
                ("-D", 1, 100, None, came[0].4.clone()),
                ("-D", 2, 100, None, came[2].4.clone()),
            ]
        );
    }
}
