//! The versions of a table by key and time: one value for each.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BinaryArray, BinaryBuilder, BooleanArray, Int64Array, RecordBatch,
    TimestampMillisecondArray,
};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Int8Type, SchemaRef};
use sabot_core::metrics::OperatorMetrics;
use sabot_core::row_kind::{self, RowKind};
use sabot_core::state::{Namespace, StateField, StateHandle, StateSpec, ValueEncoding};
use sabot_core::{Cx, Result};
use sabot_types::{EventTime, KeyGroup, OperatorUid};

use crate::codec::RowCodec;
use crate::keyed::{UniqueKeys, state_fields};
use crate::multiset::{count_of, value_of};

/// The state's name.
const STATE_NAME: &str = "versions";

pub(super) struct Versions {
    state: StateHandle,
    /// What follows the key: the time.
    times: RowCodec,
    values: RowCodec,
    /// Whether rows have a kind, as their last column.
    updating: bool,
}

/// The versions of some keys.
pub(super) struct Found {
    /// Of each key its versions in the order of their times: time, row.
    of_key: Vec<Vec<(i64, u32)>>,
    /// The rows' columns.
    pub(super) columns: Vec<ArrayRef>,
    /// Whether each row says that its key has no version any more; none: no row does.
    gone: Option<Vec<bool>>,
}

impl Found {
    /// The row of the last version at `time`.
    pub(super) fn at(&self, key: usize, time: i64) -> Option<u32> {
        let versions = &self.of_key[key];
        let after = versions.partition_point(|(from, _)| *from <= time);
        let row = versions[after.checked_sub(1)?].1;
        (!self.is_gone(row)).then_some(row)
    }

    fn is_gone(&self, row: u32) -> bool {
        self.gone.as_ref().is_some_and(|gone| gone[row as usize])
    }
}

/// The rows that are versions, or say that there is none: all but those of which a new version
/// follows.
pub(super) fn without_replaced(batch: RecordBatch) -> Result<RecordBatch> {
    let Some(kinds) = row_kind::kinds(&batch) else { return Ok(batch) };
    let is_kept = |kind: &i8| RowKind::of(*kind) != RowKind::UpdateBefore;
    let kept: BooleanArray = kinds.values().iter().map(|kind| Some(is_kept(kind))).collect();
    Ok(filter_record_batch(&batch, &kept)?)
}

/// Describes the state.
pub(super) fn state_spec(operator: &OperatorUid, keys: &[usize], input: &SchemaRef) -> StateSpec {
    let mut key = state_fields(input, keys.iter().copied());
    key.push(StateField { name: "version".to_owned(), data_type: DataType::Int64.to_string() });
    StateSpec {
        operator: operator.clone(),
        name: STATE_NAME.to_owned(),
        key,
        value: state_fields(input, 0..input.fields().len()),
        namespace: "none".to_owned(),
        ttl_ms: None,
        encoding: ValueEncoding::Compact,
    }
}

impl Versions {
    pub(super) fn new(input: &SchemaRef, state: StateHandle) -> Result<Self> {
        Ok(Self {
            state,
            times: RowCodec::new([DataType::Int64])?,
            values: RowCodec::compact(input.fields().iter().map(|f| f.data_type().clone()))?,
            updating: row_kind::is_updating(input),
        })
    }

    pub(super) fn state(&self) -> StateHandle {
        self.state
    }

    /// Notes versions; of one key and time the last one stays. Drops those of the keys that no row
    /// behind `watermark` can ask for.
    pub(super) fn note(
        &self,
        keys: &UniqueKeys,
        times: &TimestampMillisecondArray,
        batch: &RecordBatch,
        watermark: EventTime,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let rows = batch.num_rows();
        let millis: ArrayRef = Arc::new(Int64Array::new(times.values().clone(), None));
        let suffixes = self.times.encode(&[millis], rows)?;
        let of_row = keys.of_row.iter().enumerate();
        let bytes = of_row.map(|(row, key)| [keys.bytes.value(*key), suffixes.value(row)].concat());
        let bytes = BinaryArray::from_iter_values(bytes);
        let groups: Vec<KeyGroup> = keys.of_row.iter().map(|key| keys.groups[*key]).collect();
        let values = self.values.encode(batch.columns(), rows)?;
        cx.state.put(self.state, Namespace::ONLY, &groups, &bytes, &values)?;
        OperatorMetrics::add(&cx.metrics.state_writes, rows);
        if watermark == EventTime::MIN {
            return Ok(());
        }
        let mut old = Old::default();
        cx.state.scan_prefixes(
            self.state,
            Namespace::ONLY,
            &keys.groups,
            &keys.bytes,
            &mut |key, suffix, _| Ok(old.visit(keys, key, suffix, watermark)),
        )?;
        self.delete(old, cx)
    }

    /// The versions of these keys up to `watermark`; drops those that no row behind `answered` can
    /// ask for, the watermark up to which all rows are answered.
    pub(super) fn find(
        &self,
        keys: &UniqueKeys,
        watermark: EventTime,
        answered: EventTime,
        cx: &mut Cx<'_>,
    ) -> Result<Found> {
        let mut of_key = vec![Vec::new(); keys.len()];
        let (mut values, mut rows) = (BinaryBuilder::new(), 0);
        let mut old = Old::default();
        cx.state.scan_prefixes(
            self.state,
            Namespace::ONLY,
            &keys.groups,
            &keys.bytes,
            &mut |key, suffix, value| {
                let time = count_of(suffix);
                if time > watermark.millis() {
                    return Ok(ControlFlow::Break(()));
                }
                let _ = old.visit(keys, key, suffix, answered);
                of_key[key].push((time, rows));
                values.append_value(value);
                rows += 1;
                Ok(ControlFlow::Continue(()))
            },
        )?;
        OperatorMetrics::add(&cx.metrics.state_reads, rows as usize);
        let mut columns = self.values.decode(&values.finish())?;
        let kinds = self.updating.then(|| columns.pop()).flatten();
        let gone = kinds.map(|kinds| {
            let kinds = kinds.as_primitive::<Int8Type>();
            kinds.values().iter().map(|kind| !RowKind::of(*kind).is_added()).collect()
        });
        let found = Found { of_key, columns, gone };
        // A key that has had no version for so long needs no row that says so.
        for (key, versions) in found.of_key.iter().enumerate().filter(|_| self.updating) {
            let behind = versions.partition_point(|(from, _)| *from <= answered.millis());
            let last = behind.checked_sub(1).map(|last| versions[last]);
            if let Some((time, _)) = last.filter(|(_, row)| found.is_gone(*row)) {
                old.groups.push(keys.groups[key]);
                old.keys.push([keys.bytes.value(key), &value_of(time)].concat());
            }
        }
        self.delete(old, cx)?;
        Ok(found)
    }

    fn delete(&self, old: Old, cx: &mut Cx<'_>) -> Result<()> {
        let Old { groups, keys, .. } = old;
        if groups.is_empty() {
            return Ok(());
        }
        let nothing = BinaryArray::new_null(groups.len());
        let keys = BinaryArray::from_iter_values(keys);
        cx.state.put(self.state, Namespace::ONLY, &groups, &keys, &nothing)?;
        OperatorMetrics::add(&cx.metrics.state_writes, groups.len());
        Ok(())
    }
}

/// Versions that others have replaced before the watermark, while versions are visited in the
/// order of keys and times.
#[derive(Default)]
struct Old {
    /// The last version that was visited.
    last: Option<(usize, Vec<u8>)>,
    groups: Vec<KeyGroup>,
    keys: Vec<Vec<u8>>,
}

impl Old {
    /// Takes the next version; breaks at one behind the watermark.
    fn visit(
        &mut self,
        keys: &UniqueKeys,
        key: usize,
        suffix: &[u8],
        watermark: EventTime,
    ) -> ControlFlow<()> {
        if count_of(suffix) > watermark.millis() {
            return ControlFlow::Break(());
        }
        let version = [keys.bytes.value(key), suffix].concat();
        if let Some((before, replaced)) = self.last.replace((key, version))
            && before == key
        {
            self.groups.push(keys.groups[key]);
            self.keys.push(replaced);
        }
        ControlFlow::Continue(())
    }
}
