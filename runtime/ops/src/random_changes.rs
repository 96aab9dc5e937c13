//! Tests of the operators whose rows change: random rows come and go, with restores in between,
//! and what is left of the output is what a plain computation makes of what is left of the input.

mod joins;
mod over;
mod ttl;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use sabot_core::plan::{
    AggregateDesc, AggregateFunction, GroupAggregateDesc, NodeKind, OrderBy, PlanNode, TopNDesc,
};
use sabot_core::row_kind::{self, RowKind};
use sabot_core::state::{StateBackend, StateField, StateSpec};
use sabot_core::{Random, SeededRandom};
use sabot_state::Backend;

use crate::codec::RowCodec;
use crate::testing::{Driver, config, load, node};

/// A row of the input: key, value, text.
type Row = (i64, Option<i64>, &'static str);
/// Rows with how often they are there, as texts of their columns.
type Rows = BTreeMap<Vec<String>, i64>;

const TEXTS: [&str; 4] = ["", "a", "ab", "b"];
const STEPS: usize = 60;
const SEEDS: u64 = 8;

fn input(updating: bool) -> SchemaRef {
    let mut fields = vec![
        Field::new("k", DataType::Int64, true),
        Field::new("v", DataType::Int64, true),
        Field::new("t", DataType::Utf8, false),
    ];
    fields.extend(updating.then(row_kind::field));
    Arc::new(Schema::new(fields))
}

fn batch(rows: &[(Row, RowKind)], updating: bool) -> RecordBatch {
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|((k, ..), _)| *k))),
        Arc::new(rows.iter().map(|((_, v, _), _)| *v).collect::<Int64Array>()),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|((.., t), _)| *t))),
    ];
    if updating {
        columns.push(row_kind::column(rows.iter().map(|(_, kind)| *kind)));
    }
    RecordBatch::try_new(input(updating), columns).unwrap()
}

/// A run of one operator.
struct Run {
    node: PlanNode,
    inputs: Vec<SchemaRef>,
    driver: Driver,
    /// What is there of each input.
    there: Vec<Vec<Row>>,
    output: Rows,
    random: SeededRandom,
    updating: bool,
}

fn backend(dir: &Path, seed: u64) -> Box<dyn StateBackend> {
    let rocks = Backend::RocksDb { dir: dir.to_path_buf(), cache_size_mb: 8 };
    sabot_state::open(if seed.is_multiple_of(2) { Backend::Memory } else { rocks }).unwrap()
}

impl Run {
    fn new(node: PlanNode, ports: usize, updating: bool, seed: u64, dir: &Path) -> Self {
        let inputs = vec![input(updating); ports];
        let driver = Driver::with_inputs(&node, &inputs, &config(), backend(dir, seed));
        let random = SeededRandom::new(seed);
        let there = vec![Vec::new(); ports];
        Self { node, inputs, driver, there, output: Rows::new(), random, updating }
    }

    fn below(&self, n: u64) -> usize {
        (self.random.next_u64() % n) as usize
    }

    fn change(&mut self, port: usize) -> (Row, RowKind) {
        if self.updating && !self.there[port].is_empty() && self.below(5) < 2 {
            let at = self.below(self.there[port].len() as u64);
            let kind = [RowKind::UpdateBefore, RowKind::Delete][self.below(2)];
            return (self.there[port].swap_remove(at), kind);
        }
        let value = (self.below(6) > 0).then(|| self.below(7) as i64 - 3);
        let row = (self.below(4) as i64, value, TEXTS[self.below(4)]);
        self.there[port].push(row);
        let kinds = [RowKind::Insert, RowKind::UpdateAfter];
        (row, if self.updating { kinds[self.below(2)] } else { RowKind::Insert })
    }

    fn step(&mut self) {
        let port = self.below(self.inputs.len() as u64);
        let rows = 1 + self.below(8);
        let changes: Vec<_> = (0..rows).map(|_| self.change(port)).collect();
        self.driver.process_from(port, batch(&changes, self.updating)).unwrap();
        self.collect();
    }

    /// Starts anew from a snapshot in a backend of the other kind.
    fn restore(&mut self, seed: u64, dir: &Path) {
        let snapshot = self.driver.snapshot();
        let mut fresh = backend(dir, seed);
        for frozen in snapshot.keyed {
            let spec = frozen.spec().clone();
            load(frozen, &mut *fresh);
            assert_described(&spec, &mut *fresh);
        }
        let now_ms = self.driver.now_ms;
        self.driver = Driver::with_inputs(&self.node, &self.inputs, &config(), fresh);
        self.driver.clock(now_ms);
    }

    fn collect(&mut self) {
        let options = FormatOptions::new().with_null("NULL");
        for batch in self.driver.batches() {
            let columns = row_kind::values(batch).iter();
            let columns: Vec<_> =
                columns.map(|c| ArrayFormatter::try_new(c.as_ref(), &options).unwrap()).collect();
            let weights = row_kind::weights(batch);
            for row in 0..batch.num_rows() {
                let cells: Vec<_> = columns.iter().map(|c| c.value(row).to_string()).collect();
                let count = self.output.entry(cells).or_insert(0);
                *count += weights.as_ref().map_or(1, |w| w[row]);
                assert!(*count >= 0, "a row went before it came");
            }
        }
        self.driver.out.clear();
        self.output.retain(|_, count| *count > 0);
    }
}

/// Rows of a state are what its description says: they can be shown without the operator.
fn assert_described(spec: &StateSpec, backend: &mut dyn StateBackend) {
    let mut seen = spec.clone();
    // The backend keeps to itself when rows were written.
    seen.value.retain(|field| field.name != StateField::WRITTEN);
    let (keys, values) = (RowCodec::of_keys(&seen).unwrap(), RowCodec::of_values(&seen).unwrap());
    let state = backend.open(spec).unwrap();
    for namespace in backend.namespaces(state).unwrap() {
        backend
            .scan(state, namespace, 100, &mut |rows| {
                keys.decode(&rows.keys)?;
                values.decode(&rows.values)?;
                Ok(())
            })
            .unwrap();
    }
}

/// Runs an operator with both backends over rows that only come and over rows that go too.
fn check(ports: usize, plan: impl Fn(bool) -> PlanNode, expected: impl Fn(&[Vec<Row>]) -> Rows) {
    for seed in 0..SEEDS {
        let updating = seed % 4 > 1;
        let dir = tempfile::tempdir().unwrap();
        let folder = |n: usize| dir.path().join(n.to_string());
        let mut run = Run::new(plan(updating), ports, updating, seed, &folder(0));
        for step in 1..=STEPS {
            run.step();
            if step % 17 == 0 {
                run.restore(seed + step as u64, &folder(step));
            }
            assert_eq!(run.output, expected(&run.there), "seed {seed}, step {step}");
        }
    }
    ttl::check(ports, plan, expected);
}

fn cells(row: &[&dyn std::fmt::Display]) -> Vec<String> {
    row.iter().map(|cell| format!("{cell}")).collect()
}

fn null_or(value: Option<i64>) -> String {
    value.map_or("NULL".to_owned(), |value| value.to_string())
}

fn count(rows: impl Iterator<Item = Vec<String>>) -> Rows {
    let mut counts = Rows::new();
    for row in rows {
        *counts.entry(row).or_insert(0) += 1;
    }
    counts
}

#[test]
fn groups_are_those_of_the_rows_that_are_left() {
    let aggregate = |name: &str, function, distinct, argument: Option<usize>| AggregateDesc {
        name: name.to_owned(),
        function,
        distinct,
        argument,
        filter: None,
        data_type: if argument == Some(2) { DataType::Utf8 } else { DataType::Int64 },
    };
    let plan = |_| {
        let aggregates = vec![
            aggregate("COUNT(*)", AggregateFunction::Count, false, None),
            aggregate("SUM(v)", AggregateFunction::Sum, false, Some(1)),
            aggregate("MIN(v)", AggregateFunction::Min, false, Some(1)),
            aggregate("MAX(t)", AggregateFunction::Max, false, Some(2)),
            aggregate("SUM(DISTINCT v)", AggregateFunction::Sum, true, Some(1)),
        ];
        let names = ["n", "sum", "min", "max", "distinct"];
        let mut fields = vec![Field::new("k", DataType::Int64, true)];
        for (name, aggregate) in names.iter().zip(&aggregates) {
            fields.push(Field::new(*name, aggregate.data_type.clone(), true));
        }
        fields.push(row_kind::field());
        let desc = GroupAggregateDesc { keys: vec![0], aggregates, ttl_ms: None };
        node(NodeKind::GroupAggregate(desc), Arc::new(Schema::new(fields)))
    };
    check(1, plan, |there| {
        let mut groups: BTreeMap<i64, Vec<Row>> = BTreeMap::new();
        for row in &there[0] {
            groups.entry(row.0).or_default().push(*row);
        }
        count(groups.into_iter().map(|(key, rows)| {
            let values: Vec<i64> = rows.iter().filter_map(|row| row.1).collect();
            let mut distinct = values.clone();
            distinct.sort_unstable();
            distinct.dedup();
            let sum = |values: &[i64]| null_or((!values.is_empty()).then(|| values.iter().sum()));
            cells(&[
                &key,
                &rows.len(),
                &sum(&values),
                &null_or(values.iter().min().copied()),
                &rows.iter().map(|row| row.2).max().unwrap(),
                &sum(&distinct),
            ])
        }))
    });
}

fn first_rows(rank: bool, limit: usize) {
    let plan = |updating| {
        let mut fields: Vec<Field> = row_kind::without(&input(updating))
            .fields()
            .iter()
            .map(|f| f.as_ref().clone())
            .collect();
        fields.extend(rank.then(|| Field::new("rank", DataType::Int64, false)));
        fields.push(row_kind::field());
        let desc = TopNDesc {
            keys: vec![0],
            order: vec![OrderBy { column: 1, descending: true, nulls_first: false }],
            limit,
            rank,
            ttl_ms: None,
        };
        node(NodeKind::TopN(desc), Arc::new(Schema::new(fields)))
    };
    check(1, plan, |there| {
        let mut sorted = there[0].clone();
        // Nulls are lower than everything, and descending comes last.
        sorted.sort_by(|a, b| {
            (a.0, std::cmp::Reverse(a.1), a.2).cmp(&(b.0, std::cmp::Reverse(b.1), b.2))
        });
        let mut ranks: BTreeMap<i64, i64> = BTreeMap::new();
        let ranked = sorted.into_iter().map(|row| {
            let next = ranks.entry(row.0).or_insert(0);
            *next += 1;
            (row, *next)
        });
        count(ranked.filter(|(_, at)| *at <= limit as i64).map(|(row, at)| {
            let mut cells = cells(&[&row.0, &null_or(row.1), &row.2]);
            cells.extend(rank.then(|| at.to_string()));
            cells
        }))
    });
}

#[test]
fn first_rows_are_those_of_the_rows_that_are_left() {
    first_rows(false, 3);
    first_rows(false, 1);
}

#[test]
fn ranks_are_those_of_the_rows_that_are_left() {
    first_rows(true, 3);
    first_rows(true, 1);
}
