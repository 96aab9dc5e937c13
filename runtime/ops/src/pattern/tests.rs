//! Rows are letters: each can be one of the variables that it names. What is expected is what Flink's
//! automaton gives.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, StringArray,
    TimestampMillisecondArray,
};
use arrow::datatypes::{
    DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMillisecondType,
};
use sabot_core::plan::{
    AfterMatch, AggregateFunction, MatchCondition, MatchFunction, MatchValue, NodeKind, OrderBy,
    PatternDesc, PatternVariable, PlanNode,
};
use sabot_core::state::StateBackend;
use sabot_core::{Evaluator, Random, SeededRandom};
use sabot_state::Backend;

use super::automaton::Automaton;
use super::runs::{Match, Rules, Runs, Scratch};
use crate::testing::{Driver, computed, config, node};

const TIME: DataType = DataType::Timestamp(TimeUnit::Millisecond, None);

/// `A`, `B*`, `C{2,3}?`.
fn variable(text: &str) -> PatternVariable {
    let (name, rest) = text.split_at(1);
    let (rest, reluctant) = match rest.len() > 1 && rest.ends_with('?') {
        true => (&rest[..rest.len() - 1], true),
        false => (rest, false),
    };
    let (min, max) = match rest {
        "" => (1, Some(1)),
        "*" => (0, None),
        "+" => (1, None),
        "?" => (0, Some(1)),
        counted => {
            let (min, max) = counted[1..counted.len() - 1].split_once(',').unwrap();
            (min.parse().unwrap(), max.parse().ok())
        }
    };
    let has_choice = max != Some(min) && (min, max) != (0, Some(1));
    let (name, greedy) = (name.to_owned(), has_choice && !reluctant);
    PatternVariable { name, min, max, greedy, condition: None }
}

fn variables(pattern: &str) -> Vec<PatternVariable> {
    pattern.split(' ').map(variable).collect()
}

fn rules(pattern: &str, after: AfterMatch, within_ms: Option<i64>) -> Rules {
    let variables = variables(pattern);
    Rules {
        automaton: Automaton::new(&variables),
        after,
        within_ms,
        operator: "test".to_owned(),
        names: variables.into_iter().map(|variable| variable.name).collect(),
    }
}

/// The matches as texts such as `A0 B1 B2`; rows come a second after each other.
fn matches(rules: &Rules, rows: &str) -> Result<Vec<String>, String> {
    let mut runs = Runs::new(rules);
    let (mut found, mut scratch): (Vec<Match>, _) = (Vec::new(), Scratch::default());
    for (at, letters) in rows.split(' ').enumerate() {
        let holds =
            |_: usize, variable: usize| letters.contains(&rules.names[variable].to_lowercase());
        let time = at as i64 * 1000;
        let step = runs.advance(rules, time, &mut found);
        step.map_err(|error| error.to_string())?;
        let step = runs.step(rules, (at as u32, time), holds, &mut scratch, &mut found);
        step.map_err(|error| error.to_string())?;
    }
    runs.advance(rules, i64::MAX, &mut found).unwrap();
    let text = |found: &Match| {
        let mut parts = Vec::new();
        for (index, name) in rules.names.iter().enumerate() {
            let mut rows = Vec::new();
            runs.rows(found.node, Some(index), &mut rows);
            assert_eq!(rows.len(), runs.count(found.node, Some(index)));
            for (back, row) in rows.iter().rev().enumerate() {
                assert_eq!(runs.row_before(found.node, Some(index), back), Some(*row));
            }
            parts.extend(rows.into_iter().map(|row| format!("{name}{row}")));
        }
        parts.join(" ")
    };
    Ok(found.iter().map(text).collect())
}

fn check(pattern: &str, after: AfterMatch, rows: &str, expected: &[&str]) {
    let found = matches(&rules(pattern, after, None), rows).unwrap();
    assert_eq!(found, expected, "{pattern} {after:?} over {rows}");
}

#[test]
fn quantifiers_take_rows_greedily_or_reluctantly() {
    use AfterMatch::PastLastRow as P;
    check("A B", P, "a b a x a b", &["A0 B1", "A4 B5"]);
    check("A B* C", P, "a c a b bc c", &["A0 C1", "A2 B3 B4 C5"]);
    check("A B* C", P, "a bc x", &[]);
    check("A B*? C", P, "a b bc c", &["A0 B1 C2"]);
    check("A+ B", P, "a ab ab b", &["A0 A1 A2 B3"]);
    check("A+? B", P, "a ab ab b", &["A0 B1", "A2 B3"]);
    check("A{2,} B", P, "a b a a b a a a b", &["A2 A3 B4", "A5 A6 A7 B8"]);
    check("A{2,3} B", P, "a a a a b", &["A1 A2 A3 B4"]);
    check("A{2,3}? B", P, "a a ab b", &["A0 A1 B2"]);
    check("A{2,2} B", P, "a a a b", &["A1 A2 B3"]);
    check("A B{0,2} C", P, "a c a b b c a b b b c", &["A0 C1", "A2 B3 B4 C5"]);
    check("A B? C", P, "a c a b c a bc c", &["A0 C1", "A2 B3 C4", "A5 C6"]);
    check("A? B", P, "b a b", &["B0", "A1 B2"]);
    check("A B+?", P, "a b b", &["A0 B1"]);
    check("A B{2,}?", P, "a b b b", &["A0 B1 B2"]);
    check("A+ B+ C", P, "a ab b bc c", &["A0 A1 B2 B3 C4"]);
    // What is always greedier than the next one never ends.
    check("A* B", P, "ab ab", &[]);
}

#[test]
fn the_next_match_begins_where_it_may() {
    use AfterMatch as M;
    check("A+ B", M::PastLastRow, "a a b a b", &["A0 A1 B2", "A3 B4"]);
    check("A+ B", M::ToNextRow, "a a b a b", &["A0 A1 B2", "A1 B2", "A3 B4"]);
    check("A B+ C", M::ToFirst(1), "a ab ab c", &["A0 B1 B2 C3", "A1 B2 C3"]);
    check("A B+ C", M::ToLast(1), "a ab ab c", &["A0 B1 B2 C3"]);
    check("A B", M::ToLast(1), "a ab ab b", &["A0 B1", "A1 B2", "A2 B3"]);
}

#[test]
fn a_match_waits_for_those_that_begin_before_it() {
    use AfterMatch::PastLastRow as P;
    // The run from 0 on is alive until 3, and would have skipped the other one.
    check("A B*? C? D", P, "a b x d", &[]);
    check("A B* C", P, "ab ab bc", &[]);
    let within = rules("A B* C", P, Some(3000));
    assert_eq!(matches(&within, "a ab b c").unwrap(), ["A1 B2 C3"]);
    let without = rules("A B* C", P, None);
    assert_eq!(matches(&without, "a ab b c").unwrap(), ["A0 B1 B2 C3"]);
}

#[test]
fn a_match_is_whole_within_its_time() {
    use AfterMatch::PastLastRow as P;
    assert_eq!(matches(&rules("A B* C", P, Some(2001)), "a b c").unwrap(), ["A0 B1 C2"]);
    assert_eq!(matches(&rules("A B* C", P, Some(2000)), "a b c").unwrap(), [""; 0]);
}

#[test]
fn what_cannot_be_skipped_to_is_an_error() {
    let error = matches(&rules("A? B", AfterMatch::ToFirst(0), None), "b").unwrap_err();
    assert!(error.contains("TO FIRST A cannot be done: a match has no row of it"), "{error}");
    let error = matches(&rules("A? B", AfterMatch::ToLast(0), None), "a b").unwrap_err();
    assert!(error.contains("a match begins with it"), "{error}");
}

fn input() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("k", DataType::Int64, true),
        Field::new("letters", DataType::Utf8, false),
        Field::new("id", DataType::Int64, false),
        Field::new("ts", TIME, false),
    ]))
}

#[derive(Debug, Clone)]
struct Row {
    k: i64,
    letters: &'static str,
    id: i64,
    ts: i64,
}

fn batch(rows: &[Row]) -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.k))),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.letters))),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.id))),
        Arc::new(TimestampMillisecondArray::from_iter_values(rows.iter().map(|row| row.ts))),
    ];
    RecordBatch::try_new(input(), columns).unwrap()
}

fn holds(batch: &RecordBatch, letter: char) -> ArrayRef {
    let letters = batch.column(1).as_string::<i32>();
    let all = letters.iter().map(|letters| letters.is_some_and(|all| all.contains(letter)));
    Arc::new(all.map(Some).collect::<BooleanArray>())
}

/// The condition of a variable: that rows name it.
fn condition(name: &str) -> Arc<dyn Evaluator> {
    computed(
        DataType::Boolean,
        match name {
            "A" => |batch| holds(batch, 'a'),
            "B" => |batch| holds(batch, 'b'),
            _ => |batch| holds(batch, 'c'),
        },
    )
}

/// As the condition of `B`, and the ids of its rows are never more than 30 apart.
fn near(batch: &RecordBatch) -> ArrayRef {
    let named = holds(batch, 'b');
    let ids = batch.column(2).as_primitive::<Int64Type>();
    let first = batch.column(4).as_primitive::<Int64Type>();
    let near = (0..batch.num_rows())
        .map(|row| named.as_boolean().value(row) && ids.value(row) - first.value(row) <= 30);
    Arc::new(near.map(Some).collect::<BooleanArray>())
}

fn value(name: &str, variable: usize, column: usize, function: MatchFunction) -> MatchValue {
    let data_type = DataType::Int64;
    let (variable, column) = (Some(variable), Some(column));
    MatchValue { name: name.to_owned(), variable, column, function, data_type }
}

fn plan(row_time: Option<usize>, over_matches: bool, within_ms: Option<i64>) -> PlanNode {
    let mut variables = variables("A B* C");
    for variable in &mut variables {
        variable.condition = Some(MatchCondition::Row(condition(&variable.name)));
    }
    let mut values = Vec::new();
    if over_matches {
        values.push(value("FIRST(B.id)", 1, 2, MatchFunction::First(0)));
        let near = computed(DataType::Boolean, near);
        variables[1].condition = Some(MatchCondition::Match(near));
    }
    let count = MatchFunction::Aggregate(AggregateFunction::Count);
    let sum = MatchFunction::Aggregate(AggregateFunction::Sum);
    let time = MatchValue {
        name: "MATCH_ROWTIME()".to_owned(),
        variable: None,
        column: None,
        function: MatchFunction::Time,
        data_type: TIME,
    };
    let measures = vec![
        value("LAST(A.id)", 0, 2, MatchFunction::Last(0)),
        value("COUNT(B.id)", 1, 2, count),
        value("SUM(B.id)", 1, 2, sum),
        value("LAST(B.id, 1)", 1, 2, MatchFunction::Last(1)),
        value("FIRST(C.id)", 2, 2, MatchFunction::First(0)),
        time,
    ];
    let mut fields = vec![input().field(0).clone()];
    fields.extend(measures.iter().map(|m| Field::new(&m.name, m.data_type.clone(), true)));
    let order = row_time.map(|column| OrderBy { column, descending: false, nulls_first: true });
    let desc = PatternDesc {
        keys: vec![0],
        order: order.into_iter().collect(),
        row_time,
        variables,
        after: AfterMatch::ToNextRow,
        within_ms,
        values,
        measures,
    };
    node(NodeKind::Pattern(desc), Arc::new(Schema::new(fields)))
}

fn backend(dir: &Path, seed: u64) -> Box<dyn StateBackend> {
    let rocks = Backend::RocksDb { dir: dir.to_path_buf(), cache_size_mb: 8 };
    sabot_state::open(if seed.is_multiple_of(2) { Backend::Memory } else { rocks }).unwrap()
}

/// What was emitted, sorted.
fn collect(driver: &mut Driver, to: &mut Vec<Vec<Option<i64>>>) {
    for batch in driver.batches() {
        let times = batch.column(6).as_primitive::<TimestampMillisecondType>();
        for row in 0..batch.num_rows() {
            let number = |column: usize| {
                let column = batch.column(column).as_primitive::<Int64Type>();
                column.is_valid(row).then(|| column.value(row))
            };
            to.push((0..6).map(number).chain([Some(times.value(row))]).collect());
        }
    }
    driver.out.clear();
    to.sort();
}

fn random_rows(random: &mut SeededRandom, count: i64) -> Vec<Row> {
    let letters = ["a", "ab", "b", "bc", "c", "x", "b", "b"];
    let row = |id| {
        let below = |n: u64| random.next_u64() % n;
        let letters = letters[below(letters.len() as u64) as usize];
        Row { k: below(5) as i64, letters, id, ts: id * 100 + below(1000) as i64 }
    };
    (0..count).map(row).collect()
}

/// Rows out of order, with watermarks and restores anywhere, give what they give at once.
fn run(over_matches: bool, within_ms: Option<i64>, seed: u64) -> usize {
    let plan = plan(Some(3), over_matches, within_ms);
    let mut random = SeededRandom::new(seed);
    let rows = random_rows(&mut random, 600);
    let mut all =
        Driver::new(&plan, &input(), &config(), sabot_state::open(Backend::Memory).unwrap());
    all.process(batch(&rows)).unwrap();
    all.watermark(i64::MAX);
    let (mut expected, mut found) = (Vec::new(), Vec::new());
    collect(&mut all, &mut expected);

    let dirs = tempfile::tempdir().unwrap();
    let mut driver = Driver::new(&plan, &input(), &config(), backend(dirs.path(), seed));
    let mut watermark = 0;
    for (at, part) in rows.chunks(7).enumerate() {
        driver.process(batch(part)).unwrap();
        if random.next_u64().is_multiple_of(3) {
            let earlier = watermark;
            watermark = at as i64 * 700;
            driver.watermark(watermark - 1);
            let before = found.len();
            collect(&mut driver, &mut found);
            let late = found.iter().filter(|row| row[6].unwrap() < earlier).count();
            assert!(late <= before, "none is late");
        }
        if random.next_u64().is_multiple_of(5) {
            let dir = dirs.path().join(at.to_string());
            let snapshot = driver.snapshot();
            driver = Driver::restored(&plan, &input(), snapshot, backend(&dir, seed));
        }
    }
    driver.watermark(i64::MAX);
    collect(&mut driver, &mut found);
    assert_eq!(found, expected, "seed {seed}");
    found.len()
}

#[test]
fn matches_do_not_depend_on_watermarks_and_restores() {
    for seed in 0..6 {
        for over_matches in [false, true] {
            for within_ms in [None, Some(2500)] {
                assert!(run(over_matches, within_ms, seed) > 20, "{over_matches} {within_ms:?}");
            }
        }
    }
}

/// Rows of the state that a snapshot has, by name.
fn kept(driver: &mut Driver) -> Vec<(String, usize)> {
    let count = |frozen: Box<dyn sabot_core::state::FrozenState>| {
        let (mut rows, name) = (0, frozen.spec().name.clone());
        frozen
            .visit(&mut |_| {
                rows += 1;
                Ok(())
            })
            .unwrap();
        (name, rows)
    };
    driver.snapshot().keyed.into_iter().map(count).collect()
}

#[test]
fn what_is_too_old_is_gone() {
    let memory = || sabot_state::open(Backend::Memory).unwrap();
    let plan = plan(Some(3), false, Some(5000));
    let mut driver = Driver::new(&plan, &input(), &config(), memory());
    let rows: Vec<Row> = (0..50).map(|k| Row { k, letters: "ab", id: k, ts: 1000 + k }).collect();
    driver.process(batch(&rows)).unwrap();
    driver.watermark(3000);
    let runs = |kept: Vec<(String, usize)>| kept.into_iter().find(|(name, _)| name == "runs");
    assert_eq!(runs(kept(&mut driver)), Some(("runs".to_owned(), 50)));
    driver.watermark(6024);
    assert_eq!(runs(kept(&mut driver)), Some(("runs".to_owned(), 25)));
    driver.watermark(9000);
    let left = kept(&mut driver);
    assert!(left.iter().all(|(name, rows)| *rows == 0 || name == "fired"), "{left:?}");
}

#[test]
fn rows_without_event_time_are_answered_as_they_come() {
    let memory = || sabot_state::open(Backend::Memory).unwrap();
    let plan = plan(None, true, Some(1000));
    let mut driver = Driver::new(&plan, &input(), &config(), memory());
    let row = |id, letters| Row { k: 1, letters, id, ts: 0 };
    driver.clock(10_000);
    driver.process(batch(&[row(1, "a"), row(2, "b")])).unwrap();
    let snapshot = driver.snapshot();
    let mut driver = Driver::restored(&plan, &input(), snapshot, memory());
    driver.clock(10_500);
    driver.process(batch(&[row(3, "c"), row(4, "a")])).unwrap();
    let mut found = Vec::new();
    collect(&mut driver, &mut found);
    let some = Some;
    assert_eq!(found, [[some(1), some(1), some(1), some(2), None, some(3), some(10_500)].to_vec()]);
    driver.clock(11_500);
    driver.process(batch(&[row(5, "c")])).unwrap();
    collect(&mut driver, &mut found);
    assert_eq!(found.len(), 1, "it is too late for 4");
    assert_eq!(kept(&mut driver)[0].1, 0);
}
