//! Brings rows of keys to their runs, and gives the matches: for all keys at once.
//!
//! Conditions over a row alone are computed for all rows before any is looked at. The others are asked
//! in rounds: in each one for the next row of all keys, and all runs of these.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BinaryArray, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::{cast, concat, take, take_arrays};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use sabot_core::plan::{MatchCondition, MatchValue, PatternDesc, PlanNode};
use sabot_core::state::{FrozenState, StateBackend, StateField, StateSpec, ValueEncoding};
use sabot_core::{Cx, Evaluator, Result};
use sabot_types::OperatorUid;

use super::automaton::Automaton;
use super::runs::{Match, Rules, Runs, Scratch};
use super::stored::{self, Stored};
use super::values::{Place, Value, truths};
use crate::codec::RowCodec;
use crate::due::Due;
use crate::hot::{Hot, Slots};
use crate::keyed::{UniqueKeys, state_fields};
use crate::lists;
use crate::read_columns::ReadColumns;

/// The state's name.
const STATE_NAME: &str = "runs";

pub(super) struct Matcher {
    rules: Rules,
    conditions: Vec<Condition>,
    /// How many of them are over what a match has so far.
    over_matches: usize,
    values: Vec<Value>,
    measures: Vec<Value>,
    /// The columns of the input that are kept of rows.
    kept: Vec<usize>,
    rows: RowCodec,
    /// Around the bytes of runs.
    wrapper: RowCodec,
    hot: Hot,
    scratch: Scratch,
    schema: SchemaRef,
}

enum Condition {
    Always,
    Row(Arc<dyn Evaluator>),
    Match(OverMatch),
}

/// A condition over what a match has so far.
struct OverMatch {
    evaluator: Arc<dyn Evaluator>,
    reads: ReadColumns,
    /// Its number among those of its kind.
    number: usize,
}

/// Some keys with what is known of them.
struct Known<'a> {
    keys: &'a UniqueKeys,
    runs: Vec<Runs>,
    wakes: Vec<Option<i64>>,
    /// The bytes of rows of runs; behind these are those that are new.
    stored: Vec<&'a [u8]>,
    /// The columns that are kept, of all these rows.
    columns: Vec<ArrayRef>,
    /// The matches with their keys.
    found: Vec<(usize, Match)>,
}

/// What comes of rows.
pub(super) struct Answer {
    /// The matches.
    pub(super) matches: RecordBatch,
    /// Which keys, by number, have to be looked at again, and when.
    pub(super) wakes: Vec<(usize, i64)>,
}

/// The columns of the input that are kept of the rows of runs.
fn kept(desc: &PatternDesc) -> Vec<usize> {
    let values = desc.values.iter().chain(&desc.measures);
    let mut columns: Vec<usize> = values.filter_map(|value| value.column).collect();
    columns.sort_unstable();
    columns.dedup();
    columns
}

/// Describes the state.
pub(super) fn state_spec(
    operator: &OperatorUid,
    desc: &PatternDesc,
    input: &SchemaRef,
) -> StateSpec {
    let columns = state_fields(input, kept(desc));
    let columns: Vec<String> =
        columns.iter().map(|field| format!("{} {}", field.name, field.data_type)).collect();
    let pattern: Vec<String> = desc.variables.iter().map(ToString::to_string).collect();
    StateSpec {
        operator: operator.clone(),
        name: STATE_NAME.to_owned(),
        key: state_fields(input, desc.keys.iter().copied()),
        value: vec![StateField {
            name: format!("runs of ({}) with rows ({})", pattern.join(" "), columns.join(", ")),
            data_type: DataType::Binary.to_string(),
        }],
        namespace: "none".to_owned(),
        ttl_ms: None,
        encoding: ValueEncoding::Compact,
    }
}

impl Matcher {
    pub(super) fn open(
        node: &PlanNode,
        desc: &PatternDesc,
        input: &SchemaRef,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        let kept = kept(desc);
        let value = |value: &MatchValue| Value::new(&node.name, value, input, &kept);
        let values = desc.values.iter().map(value).collect::<Result<_>>()?;
        let measures = desc.measures.iter().map(value).collect::<Result<_>>()?;
        let computed = desc
            .values
            .iter()
            .map(|value| Arc::new(Field::new(&value.name, value.data_type.clone(), true)));
        let fields = input.fields().iter().cloned().chain(computed);
        let over = Schema::new(fields.collect::<Vec<_>>());
        let mut over_matches = 0;
        let condition = |condition: Option<&MatchCondition>| match condition {
            None => Condition::Always,
            Some(MatchCondition::Row(evaluator)) => Condition::Row(Arc::clone(evaluator)),
            Some(MatchCondition::Match(evaluator)) => {
                over_matches += 1;
                Condition::Match(OverMatch {
                    evaluator: Arc::clone(evaluator),
                    reads: ReadColumns::of([evaluator.as_ref()], &over),
                    number: over_matches - 1,
                })
            }
        };
        let conditions =
            desc.variables.iter().map(|v| v.condition.as_ref()).map(condition).collect();
        let handle = state.open(&state_spec(&node.uid, desc, input))?;
        Ok(Self {
            rules: Rules {
                automaton: Automaton::new(&desc.variables),
                after: desc.after,
                within_ms: desc.within_ms,
                operator: node.name.clone(),
                names: desc.variables.iter().map(|variable| variable.name.clone()).collect(),
            },
            conditions,
            over_matches,
            values,
            measures,
            rows: RowCodec::compact(kept.iter().map(|c| input.field(*c).data_type().clone()))?,
            kept,
            wrapper: RowCodec::compact([DataType::Binary])?,
            hot: Hot::new(handle, state)?,
            scratch: Scratch::default(),
            schema: Arc::clone(&node.schema),
        })
    }

    /// The matches that rows give, which are all of their keys up to `until`.
    pub(super) fn rows(&mut self, due: &Due, until: i64, cx: &mut Cx<'_>) -> Result<Answer> {
        self.answer(&due.keys, Some(due), until, cx)
    }

    /// The matches that are known now that time has come to `until`, of keys that are looked at
    /// because of that.
    pub(super) fn woken(
        &mut self,
        keys: &UniqueKeys,
        until: i64,
        cx: &mut Cx<'_>,
    ) -> Result<Answer> {
        self.answer(keys, None, until, cx)
    }

    fn answer(
        &mut self,
        keys: &UniqueKeys,
        due: Option<&Due>,
        until: i64,
        cx: &mut Cx<'_>,
    ) -> Result<Answer> {
        let slots = self.hot.find(&keys.groups, &keys.bytes, cx)?;
        let before = self.hot.column(&slots);
        let bytes = lists::decode(&before, &self.wrapper)?;
        let mut known = self.known(keys, &before, &bytes, due)?;
        let mut matches = Vec::new();
        match due {
            // These have been woken.
            None => known.wakes.fill(None),
            Some(due) if self.over_matches > 0 => self.in_rounds(due, &mut known)?,
            Some(due) => self.by_keys(due, &mut known)?,
        }
        for (key, runs) in known.runs.iter_mut().enumerate() {
            runs.advance(&self.rules, until, &mut matches)?;
            known.found.extend(matches.drain(..).map(|found| (key, found)));
        }
        let given = self.given(&known)?;
        let wakes = self.keep(&slots, known, due)?;
        Ok(Answer { matches: given, wakes })
    }

    /// What is known of keys, of which the state has `before`, those that are there as `bytes`.
    fn known<'a>(
        &self,
        keys: &'a UniqueKeys,
        before: &BinaryArray,
        bytes: &'a BinaryArray,
        due: Option<&Due>,
    ) -> Result<Known<'a>> {
        let (mut runs, mut wakes, mut stored) = (Vec::new(), Vec::new(), Vec::new());
        let mut bytes = bytes.iter().flatten();
        for key in 0..keys.len() {
            let there = bytes.by_ref().take(usize::from(before.is_valid(key))).next();
            let Some(there) = there else {
                runs.push(Runs::new(&self.rules));
                wakes.push(None);
                continue;
            };
            let first = stored.len() as u32;
            let variables = self.conditions.len();
            let found = stored::decode(there, first, &self.rules.automaton, variables)?;
            let Stored { runs: own, wakes: own_wakes, rows } = found;
            runs.push(own);
            wakes.push(own_wakes);
            stored.extend(rows);
        }
        let mut columns = self.rows.decode_rows(stored.iter().copied())?;
        if let Some(due) = due {
            for (column, kept) in columns.iter_mut().zip(&self.kept) {
                *column = concat(&[column.as_ref(), due.rows.column(*kept).as_ref()])?;
            }
        }
        Ok(Known { keys, runs, wakes, stored, columns, found: Vec::new() })
    }

    /// The conditions over rows alone, by variable; none where there is no such condition.
    fn of_rows(&self, rows: &RecordBatch) -> Result<Vec<Option<Vec<bool>>>> {
        let of_rows = self.conditions.iter().map(|condition| match condition {
            Condition::Row(evaluator) => Ok(Some(truths(&evaluator.evaluate(rows)?).collect())),
            Condition::Always | Condition::Match(_) => Ok(None),
        });
        of_rows.collect()
    }

    /// Brings rows to the runs of their keys, one key after the other.
    fn by_keys(&mut self, due: &Due, known: &mut Known<'_>) -> Result<()> {
        let of_rows = self.of_rows(&due.rows)?;
        let base = known.stored.len();
        let Self { rules, scratch, .. } = self;
        let mut matches = Vec::new();
        for (key, runs) in known.runs.iter_mut().enumerate() {
            for row in due.begins[key]..due.begins[key + 1] {
                let time = due.times[row];
                let holds = |_: usize, variable: usize| {
                    of_rows[variable].as_ref().is_none_or(|holds| holds[row])
                };
                runs.advance(rules, time, &mut matches)?;
                let at = ((base + row) as u32, time);
                runs.step(rules, at, holds, scratch, &mut matches)?;
            }
            known.found.extend(matches.drain(..).map(|found| (key, found)));
        }
        Ok(())
    }

    /// Brings rows to the runs of their keys, the next row of all keys at a time.
    fn in_rounds(&mut self, due: &Due, known: &mut Known<'_>) -> Result<()> {
        let of_rows = self.of_rows(&due.rows)?;
        let base = known.stored.len();
        let count = |key: &usize| due.begins[key + 1] - due.begins[*key];
        let mut keys: Vec<usize> = (0..due.keys.len()).collect();
        keys.sort_by_key(|key| std::cmp::Reverse(count(key)));
        let mut matches = Vec::new();
        for round in 0..keys.first().map_or(0, count) {
            keys.truncate(keys.partition_point(|key| count(key) > round));
            for key in &keys {
                let time = due.times[due.begins[*key] + round];
                known.runs[*key].advance(&self.rules, time, &mut matches)?;
                known.found.extend(matches.drain(..).map(|found| (*key, found)));
            }
            let (begins, answers) = self.asked(&keys, round, due, known)?;
            for (key, begin) in keys.iter().zip(begins) {
                let row = due.begins[*key] + round;
                let (conditions, width) = (&self.conditions, self.over_matches);
                let holds = |run: usize, variable: usize| match &conditions[variable] {
                    Condition::Always => true,
                    Condition::Row(_) => of_rows[variable].as_ref().is_some_and(|all| all[row]),
                    Condition::Match(over) => answers[begin + run * width + over.number],
                };
                let at = ((base + row) as u32, due.times[row]);
                known.runs[*key].step(&self.rules, at, holds, &mut self.scratch, &mut matches)?;
                known.found.extend(matches.drain(..).map(|found| (*key, found)));
            }
        }
        Ok(())
    }

    /// The conditions over what matches have so far, for the next row of keys: for each run one after
    /// the other, and where those of each key begin.
    fn asked(
        &self,
        keys: &[usize],
        round: usize,
        due: &Due,
        known: &Known<'_>,
    ) -> Result<(Vec<usize>, Vec<bool>)> {
        let base = known.stored.len();
        let mut asked: Vec<(Vec<Place>, Vec<usize>)> = vec![Default::default(); self.over_matches];
        let (mut begins, mut end) = (Vec::with_capacity(keys.len()), 0);
        for key in keys {
            begins.push(end);
            let row = due.begins[*key] + round;
            for run in known.runs[*key].partial.as_slice() {
                for variable in self.rules.automaton.asked(run.state) {
                    let Condition::Match(over) = &self.conditions[*variable] else { continue };
                    let next = Some(((base + row) as u32, *variable));
                    let (places, answers) = &mut asked[over.number];
                    places.push(Place { key: *key, node: run.node, next, time: due.times[row] });
                    answers.push(end + over.number);
                }
                end += self.over_matches;
            }
        }
        let mut answers = vec![false; end];
        let over = self.conditions.iter().filter_map(|condition| match condition {
            Condition::Match(over) => Some(over),
            Condition::Always | Condition::Row(_) => None,
        });
        for (over, (places, to)) in over.zip(asked).filter(|(_, (places, _))| !places.is_empty()) {
            let rows = places.iter().filter_map(|place| place.next);
            let rows = UInt32Array::from_iter_values(rows.map(|(row, _)| row - base as u32));
            let width = due.rows.num_columns();
            let batch =
                over.reads.batch(places.len(), |column| match column.checked_sub(width) {
                    None => Ok(take(due.rows.column(column), &rows, None)?),
                    Some(value) => self.values[value].at(&places, &known.runs, &known.columns),
                })?;
            for (holds, to) in truths(&over.evaluator.evaluate(&batch)?).zip(to) {
                answers[to] = holds;
            }
        }
        Ok((begins, answers))
    }

    /// The rows that are given of matches.
    fn given(&self, known: &Known<'_>) -> Result<RecordBatch> {
        let place = |(key, found): &(usize, Match)| Place {
            key: *key,
            node: found.node,
            next: None,
            time: found.time,
        };
        let places: Vec<Place> = known.found.iter().map(place).collect();
        if places.is_empty() {
            return Ok(RecordBatch::new_empty(Arc::clone(&self.schema)));
        }
        let of_key = UInt32Array::from_iter_values(places.iter().map(|place| place.key as u32));
        let mut columns = take_arrays(&known.keys.columns, &of_key, None)?;
        for measure in &self.measures {
            let values = measure.at(&places, &known.runs, &known.columns)?;
            columns.push(cast(&values, self.schema.field(columns.len()).data_type())?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(places.len()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }

    /// Keeps the runs; which keys have to be looked at again, and when.
    fn keep(
        &mut self,
        slots: &Slots,
        mut known: Known<'_>,
        due: Option<&Due>,
    ) -> Result<Vec<(usize, i64)>> {
        let mut wakes = Vec::new();
        for (key, runs) in known.runs.iter().enumerate() {
            if let (None, Some(deadline)) = (known.wakes[key], runs.deadline(&self.rules)) {
                known.wakes[key] = Some(deadline);
                wakes.push((key, deadline));
            }
        }
        let base = known.stored.len() as u32;
        let rows: Vec<Vec<u32>> = known.runs.iter().map(stored::needed_rows).collect();
        let is_new = |row: &u32| *row >= base;
        let new: UInt32Array = rows.iter().flatten().copied().filter(is_new).collect();
        let columns = take_arrays(&known.columns, &new, None)?;
        let new = self.rows.encode(&columns, if due.is_some() { new.len() } else { 0 })?;
        let (mut taken, mut values) = (0, Vec::with_capacity(known.runs.len()));
        for ((runs, rows), wakes) in known.runs.iter().zip(&rows).zip(&known.wakes) {
            let old = rows.partition_point(|row| *row < base);
            let bytes = |at: usize| match at.checked_sub(old) {
                None => known.stored[rows[at] as usize],
                Some(at) => new.value(taken + at),
            };
            let is_over = runs.is_new() && wakes.is_none();
            values.push((!is_over).then(|| stored::encode(runs, *wakes, rows, bytes)));
            taken += rows.len() - old;
        }
        let there = BinaryArray::from_iter_values(values.iter().flatten());
        let count = there.len();
        let there = self.wrapper.encode(&[Arc::new(there)], count)?;
        let mut there = there.iter().flatten();
        let wrapped = values.iter().map(|value| value.as_ref().and_then(|_| there.next()));
        self.hot.set(slots, wrapped);
        Ok(wakes)
    }

    pub(super) fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<Box<dyn FrozenState>> {
        self.hot.flush(cx)?;
        cx.state.freeze(self.hot.state())
    }
}
