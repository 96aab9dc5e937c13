//! What a sink stores by its key of rows that change: of each key the row that came last and is still
//! there.
//!
//! Rows of one key can be in the hands of several subtasks before, so that one comes before the one that
//! it stands for has gone, and there can be several at a time. Written as they come, the last message of
//! a key would be whichever was late.
//!
//! A batch is answered at once, with what a key has behind it, also where that is what it had before: what
//! the sink wrote before a failure may be something in between.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{BinaryArray, BinaryBuilder, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use sabot_core::metrics::OperatorMetrics;
use sabot_core::plan::{PlanNode, UpsertMaterializeDesc};
use sabot_core::row_kind::{self, RowKind};
use sabot_core::state::{
    Namespace, StateBackend, StateField, StateHandle, StateSpec, ValueEncoding, number,
};
use sabot_core::{Cx, Operator, OperatorSnapshot, Result};
use sabot_types::{KeyGroup, OperatorUid};

use crate::OperatorConfig;
use crate::codec::RowCodec;
use crate::emit::emit_in_parts;
use crate::hot::Hot;
use crate::keyed::{Keys, UniqueKeys, state_fields};

/// The state of the rows that came last: behind the number of each, and of how many are older.
const NEWEST: &str = "newest";
/// The state of older rows, by their numbers.
const OLDER: &str = "older";

/// The states' descriptions: the newest rows, older ones.
pub(crate) fn state_specs(
    operator: &OperatorUid,
    desc: &UpsertMaterializeDesc,
    input: &SchemaRef,
) -> [StateSpec; 2] {
    let number =
        |name: &str| StateField { name: name.to_owned(), data_type: DataType::Int64.to_string() };
    let key = state_fields(input, desc.keys.iter().copied());
    let row = state_fields(input, 0..row_kind::width(input));
    let key_and_number = key.iter().cloned().chain([number("$number")]).collect();
    let numbers_and_row =
        ["$number", "$older"].map(number).into_iter().chain(row.clone()).collect();
    let spec = |name: &str, key, value| {
        StateSpec {
            operator: operator.clone(),
            name: name.to_owned(),
            key,
            value,
            namespace: "none".to_owned(),
            ttl_ms: None,
            encoding: ValueEncoding::Compact,
        }
        .with_ttl(desc.ttl_ms)
    };
    [spec(NEWEST, key, numbers_and_row), spec(OLDER, key_and_number, row)]
}

pub(crate) struct UpsertMaterialize {
    keys: Keys,
    codec: RowCodec,
    newest: Hot,
    older: StateHandle,
    max_batch_rows: usize,
    schema: SchemaRef,
}

/// A row of a key.
struct Version<'r> {
    number: i64,
    row: &'r [u8],
    /// Whether it is among the older rows of the state.
    is_stored: bool,
}

/// The rows of a key.
#[derive(Default)]
struct Versions<'r> {
    /// Those that are known, the one that came last at the end.
    rows: Vec<Version<'r>>,
    /// How many older ones are not known.
    unread: i64,
    /// Numbers of older rows of the state that are gone.
    gone: Vec<i64>,
    /// The row that came last before, or one that went since.
    last: Option<&'r [u8]>,
    /// Whether there was a row before.
    had_row: bool,
    /// Whether another row was the last one meanwhile: the sink is told.
    is_touched: bool,
    /// Whether the state is told.
    is_changed: bool,
}

impl<'r> Versions<'r> {
    /// What the state has of the newest row.
    fn of(newest: Option<&'r [u8]>) -> Self {
        let Some(newest) = newest else { return Self::default() };
        let (number, rest) = newest.split_at(number::BYTES);
        let (older, row) = rest.split_at(number::BYTES);
        Self {
            rows: vec![Version { number: number::decode(number), row, is_stored: false }],
            unread: number::decode(older),
            last: Some(row),
            had_row: true,
            ..Self::default()
        }
    }

    /// Takes the older rows that the state has, by their numbers.
    fn know(&mut self, older: Vec<Version<'r>>) {
        self.unread = 0;
        self.rows.splice(0..0, older);
    }

    fn add(&mut self, row: &'r [u8]) {
        let number = self.rows.last().map_or(0, |last| last.number + 1);
        self.rows.push(Version { number, row, is_stored: false });
        (self.is_touched, self.is_changed) = (true, true);
    }

    fn remove(&mut self, row: &'r [u8]) {
        let Some(at) = self.rows.iter().rposition(|version| version.row == row) else {
            // Of a key that has no row, as where its time to live is over, the sink may have it.
            if self.rows.is_empty() {
                (self.last, self.is_touched) = (Some(row), true);
            }
            return;
        };
        self.is_changed = true;
        if at + 1 == self.rows.len() {
            (self.last, self.is_touched) = (Some(row), true);
        }
        let gone = self.rows.remove(at);
        self.gone.extend(gone.is_stored.then_some(gone.number));
    }

    /// What the sink is told.
    fn answer(&self) -> Option<(RowKind, &'r [u8])> {
        if !self.is_touched {
            return None;
        }
        match (self.rows.last(), self.last) {
            (Some(now), _) if self.had_row => Some((RowKind::UpdateAfter, now.row)),
            (Some(now), _) => Some((RowKind::Insert, now.row)),
            (None, last) => last.map(|last| (RowKind::Delete, last)),
        }
    }

    /// The newest row as the state has it.
    fn newest(&self) -> Option<Vec<u8>> {
        let now = self.rows.last()?;
        let older = self.unread + self.rows.len() as i64 - 1;
        Some([&number::encode(now.number)[..], &number::encode(older), now.row].concat())
    }
}

/// What the state of older rows is told.
#[derive(Default)]
struct Writes<'r> {
    groups: Vec<KeyGroup>,
    keys: Vec<Vec<u8>>,
    values: Vec<Option<&'r [u8]>>,
}

impl<'r> Writes<'r> {
    fn add(&mut self, keys: &UniqueKeys, key: usize, versions: &Versions<'r>) {
        let mut write = |number: i64, value| {
            self.groups.push(keys.groups[key]);
            self.keys.push([keys.bytes.value(key), &number::encode(number)].concat());
            self.values.push(value);
        };
        for number in &versions.gone {
            write(*number, None);
        }
        let Some((newest, older)) = versions.rows.split_last() else { return };
        if newest.is_stored {
            write(newest.number, None);
        }
        for version in older.iter().filter(|version| !version.is_stored) {
            write(version.number, Some(version.row));
        }
    }
}

impl UpsertMaterialize {
    pub(crate) fn new(
        node: &PlanNode,
        desc: &UpsertMaterializeDesc,
        input: &SchemaRef,
        config: &OperatorConfig,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        let [newest, older] = state_specs(&node.uid, desc, input);
        let (newest, older) = (state.open(&newest)?, state.open(&older)?);
        state.expect_prefixes(older, number::BYTES);
        let fields = input.fields()[..row_kind::width(input)].iter();
        Ok(Self {
            keys: Keys::new(node, &desc.keys, input, config)?,
            codec: RowCodec::compact(fields.map(|field| field.data_type().clone()))?,
            newest: Hot::new(newest, state)?,
            older,
            max_batch_rows: config.max_batch_rows.max(1),
            schema: Arc::clone(&node.schema),
        })
    }

    /// The older rows of some keys: of which key each is, its number and the row itself.
    fn older_rows(
        &self,
        keys: &UniqueKeys,
        wanted: &[usize],
        cx: &mut Cx<'_>,
    ) -> Result<(Vec<(usize, i64)>, BinaryArray)> {
        let (mut places, mut rows) = (Vec::new(), BinaryBuilder::new());
        if !wanted.is_empty() {
            let (groups, bytes) = keys.pick(wanted);
            let prefixes = BinaryArray::from_vec(bytes);
            cx.state.scan_prefixes(
                self.older,
                Namespace::ONLY,
                &groups,
                &prefixes,
                &mut |key, suffix, row| {
                    places.push((wanted[key], number::decode(suffix)));
                    rows.append_value(row);
                    Ok(ControlFlow::Continue(()))
                },
            )?;
            OperatorMetrics::add(&cx.metrics.state_reads, places.len());
        }
        Ok((places, rows.finish()))
    }

    fn write_older(&self, writes: &Writes<'_>, cx: &mut Cx<'_>) -> Result<()> {
        if writes.groups.is_empty() {
            return Ok(());
        }
        let keys = BinaryArray::from_iter_values(&writes.keys);
        let values: BinaryArray = writes.values.iter().copied().collect();
        cx.state.put(self.older, Namespace::ONLY, &writes.groups, &keys, &values)?;
        OperatorMetrics::add(&cx.metrics.state_writes, writes.groups.len());
        Ok(())
    }
}

impl Operator for UpsertMaterialize {
    fn process(&mut self, _port: usize, batch: RecordBatch, cx: &mut Cx<'_>) -> Result<()> {
        let Some(kinds) = row_kind::kinds(&batch).filter(|kinds| !kinds.is_empty()) else {
            return Ok(());
        };
        let keys = self.keys.of(&batch)?;
        let rows = self.codec.encode(row_kind::values(&batch), batch.num_rows())?;
        let slots = self.newest.find(&keys.groups, &keys.bytes, cx)?;
        let before = self.newest.column(&slots);
        let mut versions: Vec<Versions<'_>> = before.iter().map(Versions::of).collect();

        let changes = || {
            let kinds = kinds.values().iter().map(|kind| RowKind::of(*kind).is_added());
            keys.of_row.iter().copied().zip(kinds)
        };
        // Older rows count only where one goes.
        let mut wanted: Vec<usize> = changes().filter(|change| !change.1).map(|c| c.0).collect();
        wanted.sort_unstable();
        wanted.dedup();
        wanted.retain(|key| versions[*key].unread > 0);
        let (places, older) = self.older_rows(&keys, &wanted, cx)?;
        let mut known: Vec<Vec<Version<'_>>> = Vec::new();
        known.resize_with(keys.len(), Vec::new);
        for ((key, number), row) in places.into_iter().zip(older.iter().flatten()) {
            known[key].push(Version { number, row, is_stored: true });
        }
        for key in wanted {
            versions[key].know(std::mem::take(&mut known[key]));
        }

        for (row, (key, is_added)) in changes().enumerate() {
            let row = rows.value(row);
            if is_added { versions[key].add(row) } else { versions[key].remove(row) }
        }
        let changed: Vec<usize> = (0..keys.len()).filter(|key| versions[*key].is_changed).collect();
        let mut writes = Writes::default();
        for key in &changed {
            writes.add(&keys, *key, &versions[*key]);
        }
        self.write_older(&writes, cx)?;
        let newest: Vec<_> = changed.iter().map(|key| versions[*key].newest()).collect();
        self.newest.set(&slots.pick(&changed), newest.iter().map(Option::as_deref));

        let answers: Vec<_> = versions.iter().filter_map(Versions::answer).collect();
        if answers.is_empty() {
            return Ok(());
        }
        let mut columns = self.codec.decode_rows(answers.iter().map(|(_, row)| *row))?;
        columns.push(row_kind::column(answers.iter().map(|(kind, _)| *kind)));
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        emit_in_parts(&batch, self.max_batch_rows, cx);
        Ok(())
    }

    fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<OperatorSnapshot> {
        self.newest.flush(cx)?;
        let keyed = [self.newest.state(), self.older].map(|state| cx.state.freeze(state));
        Ok(OperatorSnapshot { keyed: keyed.into_iter().collect::<Result<_>>()?, watermark: None })
    }
}

#[cfg(test)]
mod tests;
