//! Left rows beside right ones, of joins in which a left row is answered once and for all.
//!
//! A left row without a partner is known to have none when it is answered. Nothing of the output goes
//! again but with a left row that goes itself ([`Answered`](crate::answered::Answered)).

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, UInt32Array, new_null_array};
use arrow::compute::{filter, filter_record_batch, take_arrays};
use arrow::datatypes::{Schema, SchemaRef, UInt32Type};
use sabot_core::plan::{JoinKind, PlanNode};
use sabot_core::{Cx, Error, Evaluator, Result};

use crate::OperatorConfig;
use crate::answered::{Partners, output_fields};
use crate::emit::emit_in_parts;

/// Pairs that are made before they are used.
const PAIRS: usize = 8192;

/// Makes the output of one batch of left rows after the other.
pub(crate) struct Pairing {
    /// Whether left rows without a partner stand beside nulls.
    keeps_alone: bool,
    condition: Option<Arc<dyn Evaluator>>,
    max_batch_rows: usize,
    /// The left columns, then the right ones.
    schema: SchemaRef,
}

/// The partners of a batch of left rows, by their indexes.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    left: Vec<u32>,
    right: Vec<u32>,
}

impl Pairs {
    /// Adds a left row and a right one.
    pub(crate) fn push(&mut self, left: usize, right: u32) {
        self.left.push(left as u32);
        self.right.push(right);
    }

    /// Whether there are so many that they should be used.
    pub(crate) fn are_many(&self) -> bool {
        self.left.len() >= PAIRS
    }
}

/// One batch of left rows while it is answered.
pub(crate) struct Answer<'a> {
    pairing: &'a Pairing,
    left: &'a [ArrayRef],
    /// For each left row whether it has had a partner.
    matched: Vec<bool>,
}

impl Pairing {
    pub(crate) fn new(
        node: &PlanNode,
        kind: JoinKind,
        condition: Option<&Arc<dyn Evaluator>>,
        config: &OperatorConfig,
    ) -> Result<Self> {
        if !matches!(kind, JoinKind::Inner | JoinKind::Left) {
            let (name, kind) = (&node.name, kind.title());
            return Err(Error::user(format!(
                "operator {name}: a {kind} cannot be one as of a time"
            )));
        }
        Ok(Self {
            keeps_alone: kind == JoinKind::Left,
            condition: condition.cloned(),
            max_batch_rows: config.max_batch_rows.max(1),
            schema: Arc::new(Schema::new(output_fields(node).to_vec())),
        })
    }

    /// Whether left rows without a partner stand beside nulls.
    pub(crate) fn keeps_alone(&self) -> bool {
        self.keeps_alone
    }

    /// Begins with the columns of a batch of `rows` left rows.
    pub(crate) fn answer<'a>(&'a self, left: &'a [ArrayRef], rows: usize) -> Answer<'a> {
        Answer { pairing: self, left, matched: vec![false; rows] }
    }
}

impl Answer<'_> {
    /// Emits those of the pairs for which the condition is true; `right` are the right rows'
    /// columns.
    pub(crate) fn emit(&mut self, pairs: Pairs, right: &[ArrayRef], cx: &mut Cx<'_>) -> Result<()> {
        if let Some((rows, batch)) = self.wanted(pairs, right)? {
            for row in rows.values() {
                self.matched[*row as usize] = true;
            }
            emit_in_parts(&batch, self.pairing.max_batch_rows, cx);
        }
        Ok(())
    }

    /// Keeps the right rows of those pairs instead of emitting them.
    pub(crate) fn keep(
        &self,
        pairs: Pairs,
        right: &[ArrayRef],
        partners: &mut Partners,
    ) -> Result<()> {
        if let Some((rows, batch)) = self.wanted(pairs, right)? {
            partners.add(rows, batch.columns()[self.left.len()..].to_vec());
        }
        Ok(())
    }

    /// The pairs for which the condition is true: their left rows' indexes, their columns.
    fn wanted(
        &self,
        pairs: Pairs,
        right: &[ArrayRef],
    ) -> Result<Option<(UInt32Array, RecordBatch)>> {
        if pairs.left.is_empty() {
            return Ok(None);
        }
        let Pairing { condition, schema, .. } = self.pairing;
        let (left, right_rows) = (UInt32Array::from(pairs.left), UInt32Array::from(pairs.right));
        let mut columns = take_arrays(self.left, &left, None)?;
        columns.extend(take_arrays(right, &right_rows, None)?);
        let batch = RecordBatch::try_new(Arc::clone(schema), columns)?;
        let Some(condition) = condition else { return Ok(Some((left, batch))) };
        let kept = condition.evaluate(&batch)?;
        let kept = kept.as_boolean();
        let left = filter(&left, kept)?.as_primitive::<UInt32Type>().clone();
        Ok(Some((left, filter_record_batch(&batch, kept)?)))
    }

    /// Emits the left rows that have had no partner, where they are kept.
    pub(crate) fn finish(self, cx: &mut Cx<'_>) -> Result<()> {
        let Pairing { keeps_alone: true, max_batch_rows, schema, .. } = self.pairing else {
            return Ok(());
        };
        let alone = (0_u32..).zip(&self.matched).filter(|(_, matched)| !**matched);
        let alone = UInt32Array::from_iter_values(alone.map(|(row, _)| row));
        let mut columns = take_arrays(self.left, &alone, None)?;
        let rows = alone.len();
        let right = &schema.fields()[columns.len()..];
        columns.extend(right.iter().map(|field| new_null_array(field.data_type(), rows)));
        emit_in_parts(&RecordBatch::try_new(Arc::clone(schema), columns)?, *max_batch_rows, cx);
        Ok(())
    }
}
