//! Joins by keys. Each side keeps its rows; a row that comes meets those of the other side that
//! are there.
//!
//! A side's state: key, then a number, to how often a row is there and the row. So the rows of a
//! key are read in one go, and keys stay short. A side whose rows are shown by whether they have
//! partners also keeps how many each has.

mod entries;
mod lists;
mod pairs;
mod partners;
mod side;
mod slices;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use sabot_core::plan::{JoinDesc, JoinKind, PlanNode};
use sabot_core::row_kind;
use sabot_core::state::{StateBackend, StateSpec, ValueEncoding};
use sabot_core::{Cx, Element, Evaluator, Operator, OperatorSnapshot, Result};
use sabot_types::{EventTime, OperatorUid};

use crate::OperatorConfig;
use crate::codec::RowCodec;
use crate::first_of::Candidates;
use crate::keyed::Keys;
use crate::numbers::{self, Numbers};
use crate::read_columns::ReadColumns;
use lists::Lists;
use side::{Kept, Side};
use slices::Slices;

/// The states' names, by port.
const STATE_NAMES: [&str; 2] = ["left", "right"];

pub(crate) struct Join {
    kind: JoinKind,
    sides: [Side; 2],
    numbers: Numbers,
    condition: Option<Condition>,
    /// Which of the pairs of a batch are wanted.
    candidates: Option<Candidates>,
    max_batch_rows: usize,
    schema: SchemaRef,
    /// The columns of both sides without the row kinds.
    pairs: SchemaRef,
}

/// What keeps pairs.
struct Condition {
    is_kept: Arc<dyn Evaluator>,
    read: ReadColumns,
}

/// The states of both sides.
pub(crate) fn state_specs(
    operator: &OperatorUid,
    desc: &JoinDesc,
    inputs: &[SchemaRef],
) -> Vec<StateSpec> {
    let sides = STATE_NAMES.into_iter().zip(&desc.keys).zip(inputs).enumerate();
    let spec = |(port, ((name, keys), input)): (usize, ((&str, &Vec<usize>), &SchemaRef))| {
        StateSpec {
            operator: operator.clone(),
            name: name.to_owned(),
            key: side::key_fields(input, keys),
            value: side::value_fields(input, desc.kind.tracks(port)),
            namespace: match desc.until[port] {
                Some(until) => format!("slice-end {}", slices::slice_ms(until)),
                None => "none".to_owned(),
            },
            ttl_ms: None,
            encoding: ValueEncoding::Compact,
        }
        .with_ttl(desc.ttl_ms[port])
    };
    sides.map(spec).chain([numbers::state_spec(operator)]).collect()
}

impl Join {
    pub(crate) fn new(
        node: &PlanNode,
        desc: &JoinDesc,
        inputs: &[SchemaRef],
        config: &OperatorConfig,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        let specs = state_specs(&node.uid, desc, inputs);
        let pairs = Arc::new(pairs_schema(node, desc.kind, inputs));
        let condition = desc.condition.as_ref().map(|condition| Condition {
            is_kept: Arc::clone(condition),
            read: ReadColumns::of([&**condition], &pairs),
        });
        let candidates = desc.first.as_ref().map(|first| Candidates::new(first, &pairs));
        let mut side = |port: usize| -> Result<Side> {
            let values = row_kind::without(&inputs[port]);
            let tracked = desc.kind.tracks(port);
            let handle = state.open(&specs[port])?;
            Ok(Side {
                keys: Keys::new(node, &desc.keys[port], &inputs[port], config)?,
                key_columns: desc.keys[port].clone(),
                columns: values.fields().len(),
                codec: RowCodec::compact(values.fields().iter().map(|f| f.data_type().clone()))?,
                kept: match desc.until[port] {
                    Some(until) => Kept::InSlices(Slices::new(handle, until, state)?),
                    None => Kept::ByKey(Lists::new(handle, tracked, state)?),
                },
                tracked,
                updating: row_kind::is_updating(&inputs[port]),
            })
        };
        Ok(Self {
            kind: desc.kind,
            sides: [side(0)?, side(1)?],
            numbers: Numbers::open(&specs[2], config.key_range, state)?,
            condition,
            candidates: candidates.transpose()?,
            max_batch_rows: config.max_batch_rows.max(1),
            schema: Arc::clone(&node.schema),
            pairs,
        })
    }
}

fn pairs_schema(node: &PlanNode, kind: JoinKind, inputs: &[SchemaRef]) -> Schema {
    if !kind.is_left_only() {
        return row_kind::without(&node.schema);
    }
    let fields = inputs.iter().map(|input| row_kind::without(input).fields);
    Schema::new(
        fields.flat_map(|side| side.iter().cloned().collect::<Vec<_>>()).collect::<Vec<_>>(),
    )
}

impl Operator for Join {
    fn process(&mut self, port: usize, batch: RecordBatch, cx: &mut Cx<'_>) -> Result<()> {
        match self.kind {
            JoinKind::Inner => self.meet(port, batch, cx),
            _ => self.meet_and_track(port, &batch, cx),
        }
    }

    fn watermark(&mut self, watermark: EventTime, cx: &mut Cx<'_>) -> Result<()> {
        for side in &mut self.sides {
            if let Kept::InSlices(slices) = &mut side.kept {
                slices.expire(watermark, cx)?;
            }
        }
        cx.emit(Element::Watermark(watermark));
        Ok(())
    }

    fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<OperatorSnapshot> {
        let sides = self.sides.iter().map(|side| cx.state.freeze(side.kept.state()));
        let mut keyed: Vec<_> = sides.collect::<Result<_>>()?;
        keyed.push(self.numbers.snapshot(cx)?);
        Ok(OperatorSnapshot { keyed, watermark: None })
    }
}
