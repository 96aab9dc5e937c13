//! One side of a join: its rows in the state, each with how often it is there and, where it
//! matters, how many partners it has.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};

use arrow::array::{Array, BinaryArray, BinaryBuilder, BooleanArray, RecordBatch};
use arrow::compute::{filter_record_batch, not};
use arrow::datatypes::DataType;
use sabot_core::metrics::OperatorMetrics;
use sabot_core::row_kind;
use sabot_core::state::{Namespace, StateField, StateHandle};
use sabot_core::{Cx, Result};
use sabot_types::KeyGroup;

use crate::codec::RowCodec;
use crate::keyed::{Keys, UniqueKeys};
use crate::multiset::{self, COUNT_BYTES, count_of, value_of};

pub(super) struct Side {
    pub(super) keys: Keys,
    pub(super) key_columns: Vec<usize>,
    pub(super) codec: RowCodec,
    pub(super) state: StateHandle,
    /// Whether the number of a row's partners is kept with it.
    pub(super) tracked: bool,
}

/// Rows of a side that keys meet.
pub(super) struct Found {
    pub(super) rows: BinaryArray,
    /// How often each is there.
    pub(super) counts: Vec<i64>,
    /// How many partners each has; empty where that is not kept.
    pub(super) partners: Vec<i64>,
    /// Where the rows of each key begin and end.
    pub(super) of_key: Vec<Range<usize>>,
}

/// The state's value.
pub(super) fn value_fields(tracked: bool) -> Vec<StateField> {
    let mut fields = multiset::value_fields();
    fields.extend(tracked.then(|| StateField {
        name: "partners".to_owned(),
        data_type: DataType::Int64.to_string(),
    }));
    fields
}

/// How often a row is there and how many partners it has.
fn tracked_value(count: i64, partners: i64) -> [u8; 2 * COUNT_BYTES] {
    let mut value = [0; 2 * COUNT_BYTES];
    value[..COUNT_BYTES].copy_from_slice(&value_of(count));
    value[COUNT_BYTES..].copy_from_slice(&value_of(partners));
    value
}

fn read_tracked(value: &[u8]) -> (i64, i64) {
    let (count, partners) = value.split_at(COUNT_BYTES.min(value.len()));
    (count_of(count), count_of(partners))
}

impl Side {
    /// The rows whose keys are all there; a null is equal to nothing.
    pub(super) fn with_keys(&self, batch: RecordBatch) -> Result<RecordBatch> {
        Ok(match self.key_mask(&batch)? {
            Some(mask) => filter_record_batch(&batch, &mask)?,
            None => batch,
        })
    }

    /// The rows with a null in their keys; none when there are none.
    pub(super) fn without_keys(&self, batch: &RecordBatch) -> Result<Option<RecordBatch>> {
        let mask = self.key_mask(batch)?;
        Ok(mask.map(|mask| filter_record_batch(batch, &not(&mask)?)).transpose()?)
    }

    /// Which rows have all their keys; none when all have.
    fn key_mask(&self, batch: &RecordBatch) -> Result<Option<BooleanArray>> {
        let mut mask: Option<BooleanArray> = None;
        for column in &self.key_columns {
            let column = batch.column(*column);
            if column.logical_null_count() > 0 {
                let valid = arrow::compute::is_not_null(column)?;
                mask = Some(match mask {
                    Some(mask) => arrow::compute::and(&mask, &valid)?,
                    None => valid,
                });
            }
        }
        Ok(mask)
    }

    /// The rows of these keys.
    pub(super) fn find(&self, keys: &UniqueKeys, cx: &mut Cx<'_>) -> Result<Found> {
        let mut rows = BinaryBuilder::new();
        let (mut counts, mut partners) = (Vec::new(), Vec::new());
        let mut of_key = vec![0..0; keys.len()];
        cx.state.scan_prefixes(
            self.state,
            Namespace::ONLY,
            &keys.groups,
            &keys.bytes,
            &mut |key, row, value| {
                if of_key[key].is_empty() {
                    of_key[key] = counts.len()..counts.len();
                }
                rows.append_value(row);
                if self.tracked {
                    let (count, known) = read_tracked(value);
                    counts.push(count);
                    partners.push(known);
                } else {
                    counts.push(count_of(value));
                }
                of_key[key].end += 1;
                Ok(ControlFlow::Continue(()))
            },
        )?;
        OperatorMetrics::add(&cx.metrics.state_reads, counts.len());
        Ok(Found { rows: rows.finish(), counts, partners, of_key })
    }

    /// Notes rows that come and go, each with its number of partners where that is kept.
    pub(super) fn note(
        &self,
        keys: &UniqueKeys,
        batch: &RecordBatch,
        partners: &[i64],
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let rows = self.codec.encode(row_kind::values(batch), batch.num_rows())?;
        let weights = row_kind::weights(batch);
        // By key and row: a row of the batch that is it, and how its count changes.
        let mut changes: BTreeMap<Vec<u8>, (usize, i64)> = BTreeMap::new();
        for (row, key) in keys.of_row.iter().enumerate() {
            let bytes = [keys.bytes.value(*key), rows.value(row)].concat();
            let weight = weights.as_ref().map_or(1, |weights| weights[row]);
            changes.entry(bytes).or_insert((row, 0)).1 += weight;
        }
        changes.retain(|_, (_, change)| *change != 0);
        let group = |(row, _): &(usize, i64)| keys.groups[keys.of_row[*row]];
        let groups: Vec<KeyGroup> = changes.values().map(group).collect();
        let bytes = BinaryArray::from_iter_values(changes.keys());
        if self.tracked {
            let known = changes.into_values().map(|(row, change)| (change, partners[row]));
            return self.note_tracked(&groups, &bytes, &known.collect::<Vec<_>>(), cx);
        }
        let changes: Vec<i64> = changes.into_values().map(|(_, change)| change).collect();
        multiset::add(self.state, &groups, &bytes, &changes, cx)?;
        Ok(())
    }

    /// Changes the counts of rows, and says how many partners each has.
    fn note_tracked(
        &self,
        groups: &[KeyGroup],
        rows: &BinaryArray,
        changes: &[(i64, i64)],
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let stored = cx.state.get(self.state, Namespace::ONLY, groups, rows)?;
        let after = stored.iter().zip(changes).map(|(stored, (change, partners))| {
            let count = stored.map_or(0, |value| read_tracked(value).0) + change;
            (count != 0).then(|| tracked_value(count, *partners))
        });
        let after: BinaryArray = after.collect();
        cx.state.put(self.state, Namespace::ONLY, groups, rows, &after)?;
        OperatorMetrics::add(&cx.metrics.state_reads, groups.len());
        OperatorMetrics::add(&cx.metrics.state_writes, groups.len());
        Ok(())
    }

    /// Changes the numbers of partners of rows that were found.
    pub(super) fn add_partners(
        &self,
        keys: &UniqueKeys,
        found: &Found,
        changes: &[i64],
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let (mut groups, mut rows, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for (key, of_key) in found.of_key.iter().enumerate() {
            for row in of_key.clone().filter(|row| changes[*row] != 0) {
                groups.push(keys.groups[key]);
                rows.push([keys.bytes.value(key), found.rows.value(row)].concat());
                values.push(tracked_value(found.counts[row], found.partners[row] + changes[row]));
            }
        }
        if groups.is_empty() {
            return Ok(());
        }
        let rows = BinaryArray::from_iter_values(rows);
        let values = BinaryArray::from_iter_values(values);
        cx.state.put(self.state, Namespace::ONLY, &groups, &rows, &values)?;
        OperatorMetrics::add(&cx.metrics.state_writes, groups.len());
        Ok(())
    }
}
