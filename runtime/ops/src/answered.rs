//! What rows that can go were answered with, so that each takes with it what it brought.
//!
//! A join as of a time answers a row with what is there when its turn comes. What the row would meet
//! when it goes can be something else, so the answers to rows that change are kept: each under its
//! row, with a number, since equal rows can have been answered differently. The last answer to a row
//! goes first.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BinaryBuilder, RecordBatch, UInt32Array, new_null_array,
};
use arrow::compute::{concat, take_arrays};
use arrow::datatypes::{DataType, FieldRef, SchemaRef};
use hashbrown::HashMap;
use sabot_core::metrics::OperatorMetrics;
use sabot_core::plan::PlanNode;
use sabot_core::row_kind::{self, RowKind};
use sabot_core::state::{
    Namespace, StateBackend, StateField, StateHandle, StateSpec, ValueEncoding, number,
};
use sabot_core::{Cx, Result};
use sabot_types::KeyGroup;

use crate::OperatorConfig;
use crate::codec::RowCodec;
use crate::emit::emit_in_parts;
use crate::keyed::{Keys, state_fields};
use crate::multiset::{count_of, value_of};

/// The state's name.
const STATE_NAME: &str = "answers";
/// The number of the row of an answer without partners: it holds nulls.
const ALONE: i64 = -1;

/// The answers that are kept.
pub(crate) struct Answered {
    state: StateHandle,
    keys: Keys,
    /// A left row's columns.
    rows: RowCodec,
    /// A right row's columns.
    partners: RowCodec,
    /// The left columns, the right ones, the row kind.
    schema: SchemaRef,
    /// How many columns the left side has.
    width: usize,
    keeps_alone: bool,
    max_batch_rows: usize,
}

/// The left rows of a join as of a time.
#[derive(Clone, Copy)]
pub(crate) struct Left<'a> {
    pub(crate) input: &'a SchemaRef,
    /// The key columns' indexes.
    pub(crate) keys: &'a [usize],
    /// How long their answers are known, in milliseconds; none: for ever.
    pub(crate) ttl_ms: Option<u64>,
}

/// Describes the state of a join; none if its left rows only come.
pub(crate) fn state_spec(node: &PlanNode, left: Left<'_>) -> Option<StateSpec> {
    let Left { input, keys, ttl_ms } = left;
    if !row_kind::is_updating(input) {
        return None;
    }
    let width = row_kind::width(input);
    let mut key = state_fields(input, keys.iter().copied().chain(0..width));
    let number =
        |name: &str| StateField { name: name.to_owned(), data_type: DataType::Int64.to_string() };
    key.extend(["answer", "partner"].map(number));
    Some(StateSpec {
        operator: node.uid.clone(),
        name: STATE_NAME.to_owned(),
        key,
        value: state_fields(&node.schema, width..row_kind::width(&node.schema)),
        namespace: "none".to_owned(),
        ttl_ms,
        encoding: ValueEncoding::Compact,
    })
}

/// The partners of a batch's rows.
#[derive(Default)]
pub(crate) struct Partners {
    /// The rows of the batch, and the columns of a partner for each.
    parts: Vec<(UInt32Array, Vec<ArrayRef>)>,
}

impl Partners {
    /// Adds one for each of these rows.
    pub(crate) fn add(&mut self, rows: UInt32Array, columns: Vec<ArrayRef>) {
        self.parts.push((rows, columns));
    }
}

/// One answer to a row.
struct Given {
    number: i64,
    /// The partners, as indexes of values.
    partners: Vec<u32>,
    is_alone: bool,
    is_stored: bool,
}

/// Different rows, and the answers to each, the last one at the end.
struct Answers {
    groups: Vec<KeyGroup>,
    rows: Vec<Vec<u8>>,
    given: Vec<Vec<Given>>,
}

/// What the backend is told.
#[derive(Default)]
struct Writes {
    groups: Vec<KeyGroup>,
    keys: Vec<Vec<u8>>,
    /// The values' indexes; none: the row goes.
    values: Vec<Option<u32>>,
}

impl Writes {
    fn add(&mut self, answers: &Answers, row: usize, given: &Given, is_put: bool) {
        for (partner, value) in (0_i64..).zip(&given.partners) {
            let partner = if given.is_alone { ALONE } else { partner };
            let (number, partner) = (value_of(given.number), value_of(partner));
            let key = [answers.rows[row].as_slice(), &number, &partner].concat();
            self.groups.push(answers.groups[row]);
            self.keys.push(key);
            self.values.push(is_put.then_some(*value));
        }
    }
}

/// The rows that an answer gives.
#[derive(Default)]
struct Output {
    left: Vec<u32>,
    /// Indexes of values.
    right: Vec<u32>,
    kinds: Vec<RowKind>,
}

impl Output {
    fn add(&mut self, row: usize, given: &Given, kind: RowKind) {
        self.left.extend(std::iter::repeat_n(row as u32, given.partners.len()));
        self.right.extend(&given.partners);
        self.kinds.extend(std::iter::repeat_n(kind, given.partners.len()));
    }
}

impl Answered {
    /// For a join whose left rows can go; none for others. Left rows without a partner stand beside nulls
    /// if `keeps_alone`.
    pub(crate) fn new(
        node: &PlanNode,
        left: Left<'_>,
        keeps_alone: bool,
        config: &OperatorConfig,
        state: &mut dyn StateBackend,
    ) -> Result<Option<Self>> {
        let Some(spec) = state_spec(node, left) else { return Ok(None) };
        let handle = state.open(&spec)?;
        state.expect_prefixes(handle, 2 * number::BYTES);
        let width = row_kind::width(left.input);
        let types = |fields: &[FieldRef]| -> Vec<DataType> {
            fields.iter().map(|field| field.data_type().clone()).collect()
        };
        let output = &node.schema.fields()[..row_kind::width(&node.schema)];
        Ok(Some(Self {
            state: handle,
            keys: Keys::new(node, left.keys, left.input, config)?,
            rows: RowCodec::new(types(&output[..width]))?,
            partners: RowCodec::compact(types(&output[width..]))?,
            schema: Arc::clone(&node.schema),
            width,
            keeps_alone,
            max_batch_rows: config.max_batch_rows.max(1),
        }))
    }

    pub(crate) fn state(&self) -> StateHandle {
        self.state
    }

    /// Emits the answers to the rows that come, which have these partners, and what the rows that go
    /// were answered with. Of a row whose answer is no longer known nothing comes out.
    pub(crate) fn emit(
        &self,
        batch: &RecordBatch,
        partners: &Partners,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let (new, mut partners_of) = self.encoded(batch.num_rows(), partners)?;
        let mut values = BinaryBuilder::new();
        new.iter().flatten().for_each(|value| values.append_value(value));
        // The last of the new values stands for no partner.
        let alone = (new.len() - 1) as u32;
        let (mut answers, answers_of) = self.answers(batch, &mut values, new.len(), cx)?;

        let mut output = Output::default();
        let mut writes = Writes::default();
        let is_shown = |given: &Given| self.keeps_alone || !given.is_alone;
        let weights = row_kind::weights(batch).unwrap_or_default();
        for (row, (weight, answer)) in weights.iter().zip(&answers_of).enumerate() {
            let of_row = &mut answers.given[*answer];
            if *weight > 0 {
                let mut partners = std::mem::take(&mut partners_of[row]);
                let is_alone = partners.is_empty();
                partners.extend(is_alone.then_some(alone));
                let number = of_row.last().map_or(0, |last| last.number + 1);
                let given = Given { number, partners, is_alone, is_stored: false };
                if is_shown(&given) {
                    output.add(row, &given, RowKind::Insert);
                }
                of_row.push(given);
            } else if let Some(gone) = of_row.pop() {
                if is_shown(&gone) {
                    output.add(row, &gone, RowKind::Delete);
                }
                if gone.is_stored {
                    writes.add(&answers, *answer, &gone, false);
                }
            }
        }
        for (row, given) in answers.given.iter().enumerate() {
            for given in given.iter().filter(|given| !given.is_stored) {
                writes.add(&answers, row, given, true);
            }
        }
        let values = values.finish();
        self.write(writes, &values, cx)?;

        let Output { left, right, kinds } = output;
        let mut columns = take_arrays(row_kind::values(batch), &UInt32Array::from(left), None)?;
        let right = UInt32Array::from(right);
        columns.extend(take_arrays(&self.partners.decode(&values)?, &right, None)?);
        columns.push(row_kind::column(kinds));
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        emit_in_parts(&batch, self.max_batch_rows, cx);
        Ok(())
    }

    /// The partners as values, behind them nulls, and for each row the indexes of its own.
    fn encoded(&self, rows: usize, partners: &Partners) -> Result<(BinaryArray, Vec<Vec<u32>>)> {
        let mut of_row = vec![Vec::new(); rows];
        let mut next = 0;
        for (rows, _) in &partners.parts {
            for row in rows.values() {
                of_row[*row as usize].push(next);
                next += 1;
            }
        }
        let right = &self.schema.fields()[self.width..self.schema.fields().len() - 1];
        let columns = right.iter().enumerate().map(|(column, field)| {
            let nulls = new_null_array(field.data_type(), 1);
            let parts = partners.parts.iter().map(|(_, columns)| columns[column].as_ref());
            Ok(concat(&parts.chain([nulls.as_ref()]).collect::<Vec<_>>())?)
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        Ok((self.partners.encode(&columns, next as usize + 1)?, of_row))
    }

    /// The answers that are kept for a batch's rows, their values behind the `known` ones of
    /// `values`, and for each row whose they are.
    fn answers(
        &self,
        batch: &RecordBatch,
        values: &mut BinaryBuilder,
        known: usize,
        cx: &mut Cx<'_>,
    ) -> Result<(Answers, Vec<usize>)> {
        let keys = self.keys.of(batch)?;
        let rows = self.rows.encode(row_kind::values(batch), batch.num_rows())?;
        let mut answers = Answers { groups: Vec::new(), rows: Vec::new(), given: Vec::new() };
        let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
        let mut of_row = Vec::with_capacity(batch.num_rows());
        for (row, key) in keys.of_row.iter().enumerate() {
            let bytes = [keys.bytes.value(*key), rows.value(row)].concat();
            let place = *places.entry_ref(bytes.as_slice()).or_insert_with(|| {
                answers.groups.push(keys.groups[*key]);
                answers.rows.push(bytes.clone());
                answers.rows.len() - 1
            });
            of_row.push(place);
        }
        answers.given.resize_with(answers.rows.len(), Vec::new);
        let prefixes = BinaryArray::from_iter_values(&answers.rows);
        let given = &mut answers.given;
        let mut next = known as u32;
        cx.state.scan_prefixes(
            self.state,
            Namespace::ONLY,
            &answers.groups,
            &prefixes,
            &mut |row, suffix, value| {
                let (number, partner) = suffix.split_at(number::BYTES);
                let number = count_of(number);
                let is_alone = count_of(partner) == ALONE;
                values.append_value(value);
                match given[row].last_mut().filter(|last| last.number == number) {
                    Some(last) => last.partners.push(next),
                    None => given[row].push(Given {
                        number,
                        partners: vec![next],
                        is_alone,
                        is_stored: true,
                    }),
                }
                next += 1;
                Ok(ControlFlow::Continue(()))
            },
        )?;
        OperatorMetrics::add(&cx.metrics.state_reads, next as usize - known);
        Ok((answers, of_row))
    }

    fn write(&self, writes: Writes, values: &BinaryArray, cx: &mut Cx<'_>) -> Result<()> {
        let Writes { groups, keys, values: indexes } = writes;
        if groups.is_empty() {
            return Ok(());
        }
        let keys = BinaryArray::from_iter_values(keys);
        let values: BinaryArray =
            indexes.iter().map(|index| index.map(|index| values.value(index as usize))).collect();
        cx.state.put(self.state, Namespace::ONLY, &groups, &keys, &values)?;
        OperatorMetrics::add(&cx.metrics.state_writes, groups.len());
        Ok(())
    }
}
