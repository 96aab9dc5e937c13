//! One side of a join: its rows in the state, each with how often it is there and, where it
//! matters, how many partners it has.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::{filter_record_batch, not};
use arrow::datatypes::{DataType, SchemaRef};
use sabot_core::row_kind;
use sabot_core::state::{StateField, StateHandle};
use sabot_core::{Cx, Result};

use super::lists::{Changed, Lists, Slots};
use super::slices::Slices;
use crate::codec::RowCodec;
use crate::keyed::{Keys, UniqueKeys, mask_of_all, state_fields, with_all};
use crate::multiset;
use crate::numbers::Numbers;
use crate::times::row_times;

pub(super) struct Side {
    pub(super) keys: Keys,
    pub(super) key_columns: Vec<usize>,
    /// How many columns its rows have, without the row kind.
    pub(super) columns: usize,
    pub(super) codec: RowCodec,
    pub(super) kept: Kept,
    /// Whether the number of a row's partners is kept with it.
    pub(super) tracked: bool,
    /// Whether rows also go.
    pub(super) updating: bool,
}

/// How its rows are kept.
pub(super) enum Kept {
    ByKey(Lists),
    /// They only come, and are over some time after their own.
    InSlices(Slices),
}

impl Kept {
    pub(super) fn state(&self) -> StateHandle {
        match self {
            Self::ByKey(lists) => lists.state(),
            Self::InSlices(slices) => slices.state(),
        }
    }
}

/// Rows of a side that keys meet.
pub(super) struct Found {
    slots: Slots,
    /// Their columns.
    pub(super) columns: Vec<ArrayRef>,
    /// How often each is there.
    pub(super) counts: Vec<i64>,
    /// How many partners each has; 0 where that is not kept.
    pub(super) partners: Vec<i64>,
    /// Where the rows of each key begin and end.
    pub(super) of_key: Vec<Range<usize>>,
}

/// The state's key: the join's, then what tells the rows of a key apart.
pub(super) fn key_fields(input: &SchemaRef, keys: &[usize]) -> Vec<StateField> {
    let mut fields = state_fields(input, keys.iter().copied());
    let number = StateField { name: "number".to_owned(), data_type: DataType::Int64.to_string() };
    fields.push(number);
    fields
}

/// The state's value: how often the row is there, how many partners it has, and the row.
pub(super) fn value_fields(input: &SchemaRef, tracked: bool) -> Vec<StateField> {
    let mut fields = multiset::value_fields();
    fields.extend(tracked.then(|| StateField {
        name: "partners".to_owned(),
        data_type: DataType::Int64.to_string(),
    }));
    fields.extend(state_fields(input, 0..row_kind::width(input)));
    fields
}

impl Side {
    /// The rows whose keys are all there; a null is equal to nothing.
    pub(super) fn with_keys(&self, batch: RecordBatch) -> Result<RecordBatch> {
        with_all(&self.key_columns, batch)
    }

    /// The rows with a null in their keys; none when there are none.
    pub(super) fn without_keys(&self, batch: &RecordBatch) -> Result<Option<RecordBatch>> {
        let mask = mask_of_all(&self.key_columns, batch)?;
        Ok(mask.map(|mask| filter_record_batch(batch, &not(&mask)?)).transpose()?)
    }

    /// The rows of these keys.
    pub(super) fn find(&mut self, keys: &UniqueKeys, cx: &mut Cx<'_>) -> Result<Found> {
        let lists = match &mut self.kept {
            Kept::ByKey(lists) => lists,
            Kept::InSlices(slices) => {
                let (rows, of_key) = slices.find(keys, cx)?;
                let (counts, partners) = (vec![1; rows.len()], vec![0; rows.len()]);
                let (slots, columns) = (Slots::default(), self.codec.decode(&rows)?);
                return Ok(Found { slots, columns, counts, partners, of_key });
            }
        };
        let slots = lists.look(keys, cx)?;
        let (mut counts, mut partners) = (Vec::new(), Vec::new());
        let mut of_key = Vec::with_capacity(keys.len());
        for rows in lists.rows(&slots) {
            of_key.push(counts.len()..counts.len() + rows.len());
            counts.extend(rows.iter().map(|row| row.count));
            partners.extend(rows.iter().map(|row| row.partners));
        }
        let columns = self.codec.decode_rows(lists.rows(&slots).flatten().map(|r| &*r.bytes));
        Ok(Found { columns: columns?, slots, counts, partners, of_key })
    }

    /// Notes rows that come and go, each with its number of partners where that is kept.
    pub(super) fn note(
        &mut self,
        keys: &UniqueKeys,
        batch: &RecordBatch,
        partners: &[i64],
        numbers: &mut Numbers,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let rows = self.codec.encode(row_kind::values(batch), batch.num_rows())?;
        let lists = match &mut self.kept {
            Kept::ByKey(lists) => lists,
            Kept::InSlices(slices) => {
                let times = row_times(batch, slices.row_time())?.values();
                return slices.append(keys, times, &rows, numbers, cx);
            }
        };
        if !(self.updating || self.tracked) {
            return lists.append(keys, &rows, numbers, cx);
        }
        let weights = row_kind::weights(batch);
        let slots = lists.find(keys, cx)?;
        let mut changed = Changed::default();
        for (row, key) in keys.of_row.iter().enumerate() {
            let weight = weights.as_ref().map_or(1, |weights| weights[row]);
            let partners = if self.tracked { partners[row] } else { 0 };
            let to = (&mut *numbers, &mut changed);
            lists.add(&slots, *key, rows.value(row), (weight, partners), to);
        }
        lists.write(changed, cx)
    }

    /// Changes the numbers of partners of rows that were found.
    pub(super) fn add_partners(
        &mut self,
        found: &Found,
        changes: &[i64],
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        // What is in slices has no numbers of partners.
        let Kept::ByKey(lists) = &mut self.kept else { return Ok(()) };
        let mut changed = Changed::default();
        for (key, of_key) in found.of_key.iter().enumerate() {
            for row in of_key.clone().filter(|row| changes[*row] != 0) {
                let place = row - of_key.start;
                lists.add_partners(&found.slots, key, place, changes[row], &mut changed);
            }
        }
        lists.write(changed, cx)
    }
}
