//! The first rows of each key in some order.
//!
//! Of rows that only come, a key's first ones are kept; without an order these are the ones that
//! came first, and stay. Of rows that go as well all have to be
//! kept: key, then the row in that order, to how often it is there; so the first rows of a key are
//! the first entries behind it.

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use sabot_core::plan::{PlanNode, TopNDesc};
use sabot_core::row_kind::{self, RowKind};
use sabot_core::state::{StateBackend, StateField, StateHandle, StateSpec, ValueEncoding};
use sabot_core::{Cx, Operator, OperatorSnapshot, Result};
use sabot_types::OperatorUid;

use crate::OperatorConfig;
use crate::emit::emit_in_parts;
use crate::first_rows::{FirstChanges, FirstRows};
use crate::keyed::{Keys, UniqueKeys, state_fields};
use crate::multiset;
use crate::ordered::{self, OrderedRow, OrderedRows};

/// The state's name.
const STATE_NAME: &str = "rows";

pub(crate) struct TopN {
    keys: Keys,
    limit: usize,
    rank: bool,
    rows: Kept,
    max_batch_rows: usize,
    schema: SchemaRef,
}

/// What is kept of each key.
enum Kept {
    /// The first rows, for rows that only come.
    First(FirstRows),
    /// All rows.
    All(StateHandle, OrderedRows),
}

/// The state's description.
pub(crate) fn state_spec(operator: &OperatorUid, desc: &TopNDesc, input: &SchemaRef) -> StateSpec {
    let (key, value) = if row_kind::is_updating(input) {
        (ordered::state_key(&desc.keys, &desc.order, input), multiset::value_fields())
    } else {
        let rows = ordered::description(&desc.order, input);
        let by = if desc.order.is_empty() { "to come, of" } else { "by" };
        let mut key = state_fields(input, desc.keys.iter().copied());
        key.push(StateField {
            name: format!("number of the first {} rows {by} {rows}", desc.limit),
            data_type: DataType::Int64.to_string(),
        });
        (key, state_fields(input, 0..row_kind::width(input)))
    };
    StateSpec {
        operator: operator.clone(),
        name: STATE_NAME.to_owned(),
        key,
        value,
        namespace: "none".to_owned(),
        ttl_ms: None,
        encoding: ValueEncoding::Sortable,
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
            limit: *limit,
            rank: *rank,
            rows: if row_kind::is_updating(input) {
                Kept::All(handle, OrderedRows::new(order, input)?)
            } else {
                Kept::First(FirstRows::new(handle, (order, *limit), input, state)?)
            },
            max_batch_rows: config.max_batch_rows.max(1),
            schema: Arc::clone(&node.schema),
        })
    }

    /// Rows that come and go: notes them; how the first rows of their keys change.
    fn update_all(
        (state, ordered): (StateHandle, &OrderedRows),
        (limit, by_rank): (usize, bool),
        keys: &UniqueKeys,
        batch: &RecordBatch,
        cx: &mut Cx<'_>,
    ) -> Result<FirstChanges> {
        let changes = ordered.changes(keys, batch)?;
        let before = ordered.first(state, keys, limit, cx)?;
        ordered.note(state, keys, &changes, cx)?;
        let after = ordered.first(state, keys, limit, cx)?;
        let mut out = Changes::default();
        for (before, after) in before.iter().zip(&after) {
            out.add(by_rank, &as_slices(before), &as_slices(after));
        }
        let (_, columns) = ordered.columns(out.rows.iter().copied())?;
        Ok(FirstChanges { kinds: out.kinds, ranks: out.ranks, columns })
    }

    /// Emits how the first rows changed.
    fn emit(
        &self,
        FirstChanges { kinds, ranks, mut columns }: FirstChanges,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        if kinds.is_empty() {
            return Ok(());
        }
        if self.rank {
            columns.push(Arc::new(Int64Array::from(ranks)));
        }
        if row_kind::is_updating(&self.schema) {
            columns.push(row_kind::column(kinds));
        }
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
        let changes = match &mut self.rows {
            Kept::First(first) => first.update(&keys, &batch, self.rank, cx)?,
            Kept::All(state, ordered) => {
                let how = (self.limit, self.rank);
                Some(Self::update_all((*state, ordered), how, &keys, &batch, cx)?)
            }
        };
        changes.map_or(Ok(()), |changes| self.emit(changes, cx))
    }

    fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<OperatorSnapshot> {
        let state = match &mut self.rows {
            Kept::All(state, _) => *state,
            Kept::First(first) => {
                first.flush(cx)?;
                first.state()
            }
        };
        let keyed = vec![cx.state.freeze(state)?];
        Ok(OperatorSnapshot { keyed, watermark: None })
    }
}

fn as_slices(rows: &[OrderedRow]) -> Vec<&[u8]> {
    rows.iter().map(Vec::as_slice).collect()
}
