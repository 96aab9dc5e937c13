//! Left rows beside right ones, of joins in which a left row is answered once and for all.
//!
//! A left row without a partner is known to have none when it is answered. Nothing of the output goes
//! again but with a left row that goes itself, which takes with it what it was answered with ([`Answered`]).

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, UInt32Array, new_null_array};
use arrow::compute::{filter, filter_record_batch, take_arrays};
use arrow::datatypes::{SchemaRef, UInt32Type};
use sabot_core::plan::{JoinKind, PlanNode};
use sabot_core::row_kind;
use sabot_core::state::{StateBackend, StateHandle};
use sabot_core::{Cx, Error, Evaluator, Result};

use crate::OperatorConfig;
use crate::answered::{Answered, Left, Partners};
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
    /// Of left rows that can go.
    answered: Option<Answered>,
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
    left: &'a RecordBatch,
    /// What each left row adds to the number of rows; none when all come.
    weights: Option<Vec<i64>>,
    /// For each left row whether it has had a partner.
    matched: Vec<bool>,
    /// Where left rows can go, what they have had.
    partners: Partners,
}

impl Pairing {
    pub(crate) fn new(
        node: &PlanNode,
        kind: JoinKind,
        condition: Option<&Arc<dyn Evaluator>>,
        left: Left<'_>,
        config: &OperatorConfig,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        if !matches!(kind, JoinKind::Inner | JoinKind::Left) {
            let (name, kind) = (&node.name, kind.title());
            return Err(Error::user(format!(
                "operator {name}: a {kind} cannot be one as of a time"
            )));
        }
        let keeps_alone = kind == JoinKind::Left;
        Ok(Self {
            keeps_alone,
            condition: condition.cloned(),
            max_batch_rows: config.max_batch_rows.max(1),
            schema: Arc::new(row_kind::without(&node.schema)),
            answered: Answered::new(node, left, keeps_alone, config, state)?,
        })
    }

    /// The state, where left rows can go.
    pub(crate) fn state(&self) -> Option<StateHandle> {
        self.answered.as_ref().map(Answered::state)
    }

    /// Begins with a batch of left rows.
    pub(crate) fn answer<'a>(&'a self, left: &'a RecordBatch) -> Answer<'a> {
        Answer {
            pairing: self,
            left,
            weights: row_kind::weights(left),
            matched: vec![false; left.num_rows()],
            partners: Partners::default(),
        }
    }
}

impl Answer<'_> {
    /// Whether a left row comes. One that goes is given no partners: it has had them.
    pub(crate) fn comes(&self, row: usize) -> bool {
        self.weights.as_ref().is_none_or(|weights| weights[row] > 0)
    }

    /// Gives left rows that come those of the pairs for which the condition is true; `right` are the
    /// right rows' columns.
    pub(crate) fn emit(&mut self, pairs: Pairs, right: &[ArrayRef], cx: &mut Cx<'_>) -> Result<()> {
        let Some((rows, batch)) = self.wanted(pairs, right)? else { return Ok(()) };
        if self.pairing.answered.is_some() {
            let width = row_kind::width(self.left.schema_ref());
            self.partners.add(rows, batch.columns()[width..].to_vec());
            return Ok(());
        }
        for row in rows.values() {
            self.matched[*row as usize] = true;
        }
        emit_in_parts(&batch, self.pairing.max_batch_rows, cx);
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
        let mut columns = take_arrays(row_kind::values(self.left), &left, None)?;
        columns.extend(take_arrays(right, &right_rows, None)?);
        let batch = RecordBatch::try_new(Arc::clone(schema), columns)?;
        let Some(condition) = condition else { return Ok(Some((left, batch))) };
        let kept = condition.evaluate(&batch)?;
        let kept = kept.as_boolean();
        let left = filter(&left, kept)?.as_primitive::<UInt32Type>().clone();
        Ok(Some((left, filter_record_batch(&batch, kept)?)))
    }

    /// Emits the left rows that have had no partner, where they are kept; all, where left rows can go.
    pub(crate) fn finish(self, cx: &mut Cx<'_>) -> Result<()> {
        let Pairing { keeps_alone, max_batch_rows, schema, answered, .. } = self.pairing;
        if let Some(answered) = answered {
            return answered.emit(self.left, &self.partners, cx);
        }
        if !keeps_alone {
            return Ok(());
        }
        let alone = (0_u32..).zip(&self.matched).filter(|(_, matched)| !**matched);
        let alone = UInt32Array::from_iter_values(alone.map(|(row, _)| row));
        let mut columns = take_arrays(self.left.columns(), &alone, None)?;
        let rows = alone.len();
        let right = &schema.fields()[columns.len()..];
        columns.extend(right.iter().map(|field| new_null_array(field.data_type(), rows)));
        emit_in_parts(&RecordBatch::try_new(Arc::clone(schema), columns)?, *max_batch_rows, cx);
        Ok(())
    }
}
