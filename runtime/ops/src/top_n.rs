//! The first rows of each key in some order.
//!
//! Of rows that only come, those that are not among the first can never be again: the state is a
//! key's first rows, in one value. Of rows that go as well all have to be kept: key, then the row
//! in that order, to how often it is there; so the first rows of a key are the first entries
//! behind it.

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use sabot_core::plan::{PlanNode, TopNDesc};
use sabot_core::row_kind::{self, RowKind};
use sabot_core::state::{StateBackend, StateHandle, StateSpec};
use sabot_core::{Cx, Operator, OperatorSnapshot, Result};
use sabot_types::OperatorUid;

use crate::OperatorConfig;
use crate::emit::emit_in_parts;
use crate::hot::Hot;
use crate::keyed::{Keys, UniqueKeys, state_fields};
use crate::lists;
use crate::multiset;
use crate::ordered::{self, OrderedRow, OrderedRows};

/// The state's name.
const STATE_NAME: &str = "rows";

pub(crate) struct TopN {
    keys: Keys,
    ordered: OrderedRows,
    limit: usize,
    rank: bool,
    rows: Kept,
    max_batch_rows: usize,
    schema: SchemaRef,
}

/// What is kept of each key.
enum Kept {
    /// The first rows, for rows that only come.
    First(Hot),
    /// All rows.
    All(StateHandle),
}

/// The state's description.
pub(crate) fn state_spec(operator: &OperatorUid, desc: &TopNDesc, input: &SchemaRef) -> StateSpec {
    let (key, value) = if row_kind::is_updating(input) {
        (ordered::state_key(&desc.keys, &desc.order, input), multiset::value_fields())
    } else {
        let rows = ordered::description(&desc.order, input);
        let first = ordered::field(format!("first {} rows {rows}", desc.limit));
        (state_fields(input, desc.keys.iter().copied()), vec![first])
    };
    StateSpec {
        operator: operator.clone(),
        name: STATE_NAME.to_owned(),
        key,
        value,
        namespace: "none".to_owned(),
        ttl_ms: None,
    }
    .with_ttl(desc.ttl_ms)
}

impl TopN {
    pub(crate) fn new(
        node: &PlanNode,
        desc: &TopNDesc,
        input: &SchemaRef,
        config: &OperatorConfig,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        let TopNDesc { keys, order, limit, rank, ttl_ms: _ } = desc;
        let handle = state.open(&state_spec(&node.uid, desc, input))?;
        Ok(Self {
            keys: Keys::new(node, keys, input, config)?,
            ordered: OrderedRows::new(order, input)?,
            limit: *limit,
            rank: *rank,
            rows: if row_kind::is_updating(input) {
                Kept::All(handle)
            } else {
                Kept::First(Hot::new(handle, state)?)
            },
            max_batch_rows: config.max_batch_rows.max(1),
            schema: Arc::clone(&node.schema),
        })
    }

    /// Rows that come and go: notes them, and emits how the first rows of their keys change.
    fn update_all(
        &self,
        state: StateHandle,
        keys: &UniqueKeys,
        batch: &RecordBatch,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let changes = self.ordered.changes(keys, batch)?;
        let before = self.ordered.first(state, keys, self.limit, cx)?;
        self.ordered.note(state, keys, &changes, cx)?;
        let after = self.ordered.first(state, keys, self.limit, cx)?;
        let mut out = Changes::default();
        for (before, after) in before.iter().zip(&after) {
            out.add(self.rank, &as_slices(before), &as_slices(after));
        }
        self.emit(&out, cx)
    }

    /// Rows that only come: those that are among the first rows of their keys take their places.
    fn update_first(
        &mut self,
        keys: &UniqueKeys,
        batch: &RecordBatch,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let rows = self.ordered.places(batch)?;
        let Kept::First(hot) = &mut self.rows else { return Ok(()) };
        let slots = hot.find(&keys.groups, &keys.bytes, cx)?;
        let stored = hot.column(&slots);
        let lists = lists::decode(&stored, self.ordered.wrapper())?;
        let before = lists::read(&stored, &lists);
        // None: as before.
        let mut after: Vec<Option<Vec<&[u8]>>> = vec![None; keys.len()];
        for (row, key) in keys.of_row.iter().enumerate() {
            let first = after[*key].as_ref().unwrap_or(&before[*key]);
            let row = rows.row(row).data();
            if first.len() >= self.limit && first.last().is_none_or(|last| row >= *last) {
                continue;
            }
            let first = after[*key].get_or_insert_with(|| before[*key].clone());
            let at = first.partition_point(|other| *other <= row);
            first.insert(at, row);
            first.truncate(self.limit);
        }
        let mut out = Changes::default();
        let (mut changed, mut values) = (Vec::new(), Vec::new());
        for (key, after) in after.iter().enumerate() {
            let Some(after) = after else { continue };
            out.add(self.rank, &before[key], after);
            changed.push(key);
            values.push(after.as_slice());
        }
        let values = lists::write(&values, self.ordered.wrapper())?;
        hot.set(&slots.pick(&changed), values.iter());
        self.emit(&out, cx)
    }

    /// Emits how the first rows changed.
    fn emit(&self, out: &Changes<'_>, cx: &mut Cx<'_>) -> Result<()> {
        if out.kinds.is_empty() {
            return Ok(());
        }
        let (_, mut columns) = self.ordered.columns(out.rows.iter().copied())?;
        if self.rank {
            columns.push(Arc::new(Int64Array::from(out.ranks.clone())));
        }
        columns.push(row_kind::column(out.kinds.iter().copied()));
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        emit_in_parts(&batch, self.max_batch_rows, cx);
        Ok(())
    }
}

/// Changes to be emitted.
#[derive(Default)]
struct Changes<'a> {
    kinds: Vec<RowKind>,
    rows: Vec<&'a [u8]>,
    ranks: Vec<i64>,
}

impl<'a> Changes<'a> {
    /// How the first rows of a key change.
    fn add(&mut self, by_rank: bool, before: &[&'a [u8]], after: &[&'a [u8]]) {
        if by_rank {
            self.by_rank(before, after);
        } else {
            self.by_row(before, after);
        }
    }

    fn push(&mut self, kind: RowKind, row: &'a [u8], index: usize) {
        self.kinds.push(kind);
        self.rows.push(row);
        self.ranks.push(index as i64 + 1);
    }

    /// A rank whose row changed is updated.
    fn by_rank(&mut self, before: &[&'a [u8]], after: &[&'a [u8]]) {
        for index in 0..before.len().max(after.len()) {
            match (before.get(index), after.get(index)) {
                (Some(was), Some(is)) if was != is => {
                    self.push(RowKind::UpdateBefore, was, index);
                    self.push(RowKind::UpdateAfter, is, index);
                }
                (Some(was), None) => self.push(RowKind::Delete, was, index),
                (None, Some(is)) => self.push(RowKind::Insert, is, index),
                (Some(_), Some(_)) | (None, None) => {}
            }
        }
    }

    /// Rows that left go, rows that entered come; both are ordered alike.
    fn by_row(&mut self, before: &[&'a [u8]], after: &[&'a [u8]]) {
        let (mut old, mut new) = (before.iter().peekable(), after.iter().peekable());
        let mut entered = Vec::new();
        loop {
            match (old.peek(), new.peek()) {
                (Some(was), Some(is)) if was == is => {
                    old.next();
                    new.next();
                }
                (Some(was), Some(is)) if was > is => {
                    entered.push(*is);
                    new.next();
                }
                (None, Some(is)) => {
                    entered.push(*is);
                    new.next();
                }
                (Some(was), _) => {
                    self.push(RowKind::Delete, was, 0);
                    old.next();
                }
                (None, None) => break,
            }
        }
        for row in entered {
            self.push(RowKind::Insert, row, 0);
        }
    }
}

impl Operator for TopN {
    fn process(&mut self, _port: usize, batch: RecordBatch, cx: &mut Cx<'_>) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let keys = self.keys.of(&batch)?;
        match self.rows {
            Kept::All(state) => self.update_all(state, &keys, &batch, cx),
            Kept::First(_) => self.update_first(&keys, &batch, cx),
        }
    }

    fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<OperatorSnapshot> {
        let state = match &mut self.rows {
            Kept::All(state) => *state,
            Kept::First(hot) => {
                hot.flush(cx)?;
                hot.state()
            }
        };
        let keyed = vec![cx.state.freeze(state)?];
        Ok(OperatorSnapshot { keyed, watermark: None })
    }
}

fn as_slices(rows: &[OrderedRow]) -> Vec<&[u8]> {
    rows.iter().map(Vec::as_slice).collect()
}
