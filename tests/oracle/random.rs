//! Random queries over the generated events: as Flink SQL, and as DataFusion answers them.
//!
//! Every part of a query has the columns `k` (a text), `n` and `i` (whole numbers) and `x` (a float,
//! a multiple of 1/8, so that sums do not depend on an order), so that all parts go together. Those
//! whose rows come in the order of time have `ts` as well, and some of them each time once. Orders
//! are total: rows that are equal in them are equal in all their columns.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use sabot_core::{Random, SeededRandom};
use sabot_tests::sim::SimFile;

/// A query in both dialects.
#[derive(Debug, Clone)]
pub(crate) struct RandomQuery {
    pub(crate) flink: String,
    pub(crate) answer: String,
    /// Whether its rows change and go.
    pub(crate) changes: bool,
}

/// The columns of a sink of any of them.
pub(crate) const COLUMNS: &str = "k STRING, n BIGINT, x DOUBLE, i BIGINT";

/// Files and rows of each that are read.
const FILES: usize = 3;
const ROWS: usize = 130;

/// The begin of the generated events, of which each has a time of its own.
pub(crate) fn few(files: Vec<SimFile>) -> Vec<SimFile> {
    let mut times = BTreeSet::new();
    let shorter = |file: SimFile| {
        let lines = file.content.lines().take(ROWS);
        let lines: Vec<&str> = lines.filter(|line| times.insert(time(line))).collect();
        SimFile { content: lines.join("\n") + "\n", ..file }
    };
    files.into_iter().take(FILES).map(shorter).collect()
}

/// The time of an event, in milliseconds.
fn time(line: &str) -> i64 {
    let event: serde_json::Value = serde_json::from_str(line).expect("an event is JSON");
    event["ms"].as_i64().expect("an event has a time")
}

/// The query of a seed.
pub(crate) fn query(seed: u64) -> RandomQuery {
    let maker = Maker(SeededRandom::new(seed));
    let mut query = maker.rows(3);
    let (flink, answer) = (&query.flink, &query.answer);
    query.flink = format!("SELECT k, n, x, i FROM ({flink}) AS q");
    query.answer = format!("SELECT k, n, x, i FROM ({answer}) AS q");
    query
}

struct Maker(SeededRandom);

impl Maker {
    fn below(&self, n: u64) -> u64 {
        self.0.next_u64() % n
    }

    fn one<T: Copy>(&self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    /// Rows of any kind, at most so many operators deep.
    fn rows(&self, depth: u64) -> RandomQuery {
        if depth == 0 || self.below(8) == 0 {
            return self.base();
        }
        match self.below(13) {
            0 | 1 => self.groups(&self.rows(depth - 1)),
            2 => self.join(&self.rows(depth - 1), &self.rows(depth.saturating_sub(2))),
            3 => self.members(&self.rows(depth - 1), &self.rows(depth.saturating_sub(2))),
            4 => self.first(&self.rows(depth - 1)),
            5 => self.union(&self.rows(depth - 1), &self.rows(depth.saturating_sub(2))),
            6 => self.over_changes(&self.rows(depth - 1)),
            7 | 8 => self.windows(&self.timed(depth - 1)),
            9 => self.window_join(&self.base(), &self.base()),
            10 => self.window_first(&self.timed(depth - 1)),
            11 => self.elements(&self.rows(depth - 1), ""),
            _ => self.timed(depth),
        }
    }

    /// Rows in the order of time, at most so many operators deep.
    fn timed(&self, depth: u64) -> RandomQuery {
        if depth == 0 {
            return self.base();
        }
        match self.below(6) {
            0 => self.interval_join(&self.base(), &self.base()),
            1 => self.over_times(&self.timed(depth - 1)),
            2 => self.elements(&self.timed(depth - 1), ", ts"),
            3 => self.over_rows(&self.once(depth - 1)),
            _ => self.base(),
        }
    }

    /// Rows in the order of time, each of another time, at most so many operators deep.
    fn once(&self, depth: u64) -> RandomQuery {
        if depth == 0 {
            return self.base();
        }
        match self.below(4) {
            0 => self.over_times(&self.once(depth - 1)),
            1 => self.over_rows(&self.once(depth - 1)),
            _ => self.base(),
        }
    }

    fn both(&self, text: &str) -> RandomQuery {
        let text = text.to_owned();
        RandomQuery { flink: text.clone(), answer: text, changes: false }
    }

    /// Events, or some of them.
    fn base(&self) -> RandomQuery {
        let key = self.one(&["kind", "kind", "site", "note"]);
        let number = self.one(&["amount", "amount", "id % 10", "amount % 7"]);
        let condition = match self.below(6) {
            0 => "amount > 0".to_owned(),
            1 => "kind <> 'view' OR ok".to_owned(),
            2 => "note IS NOT NULL".to_owned(),
            3 => format!("id % 3 <> {}", self.below(3)),
            _ => "id % 2 < 2".to_owned(),
        };
        let text = format!(
            "SELECT {key} AS k, {number} AS n, ratio AS x, id AS i, ts FROM events WHERE {condition}"
        );
        self.both(&text)
    }

    /// Aggregates of `n`, `x` and `i`.
    fn aggregates(&self) -> String {
        let n =
            self.one(&["COUNT(*)", "SUM(n)", "MIN(n)", "MAX(n)", "COUNT(n)", "COUNT(DISTINCT n)"]);
        let x = self.one(&["SUM(x)", "MIN(x)", "MAX(x)"]);
        let i = self.one(&["MIN(i)", "MAX(i)", "COUNT(i)"]);
        format!("{n} AS n, {x} AS x, {i} AS i")
    }

    fn over(&self, of: &RandomQuery, text: impl Fn(&str) -> String) -> RandomQuery {
        RandomQuery { flink: text(&of.flink), answer: text(&of.answer), changes: of.changes }
    }

    fn groups(&self, of: &RandomQuery) -> RandomQuery {
        let aggregates = self.aggregates();
        let having = self.one(&["", "", " HAVING COUNT(*) > 1"]);
        let groups = self.over(of, |rows| {
            format!("SELECT k, {aggregates} FROM ({rows}) AS q GROUP BY k{having}")
        });
        RandomQuery { changes: true, ..groups }
    }

    /// What joins two relations: few rows of each find partners.
    fn partners(&self) -> &'static str {
        self.one(&[
            "a.i = b.i",
            "a.n = b.n AND a.k = b.k",
            "a.n = b.n AND a.i < b.i",
            "a.i = b.n",
            "a.i = b.i AND a.x < b.x",
        ])
    }

    fn join(&self, a: &RandomQuery, b: &RandomQuery) -> RandomQuery {
        let kind = self.one(&["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]);
        let partners = self.partners();
        let text = |a: &str, b: &str| {
            format!(
                "SELECT a.k AS k, b.n AS n, a.x AS x, b.i AS i FROM ({a}) AS a {kind} ({b}) AS b \
                 ON {partners}"
            )
        };
        RandomQuery {
            flink: text(&a.flink, &b.flink),
            answer: text(&a.answer, &b.answer),
            changes: a.changes || b.changes || kind != "JOIN",
        }
    }

    fn members(&self, a: &RandomQuery, b: &RandomQuery) -> RandomQuery {
        let form = self.below(3);
        let partners = self.partners();
        let text = |a: &str, b: &str| match form {
            0 => format!("SELECT k, n, x, i FROM ({a}) AS a WHERE k IN (SELECT k FROM ({b}) AS b)"),
            1 => format!(
                "SELECT k, n, x, i FROM ({a}) AS a WHERE EXISTS (SELECT 1 FROM ({b}) AS b WHERE \
                 {partners})"
            ),
            _ => format!(
                "SELECT k, n, x, i FROM ({a}) AS a WHERE NOT EXISTS (SELECT 1 FROM ({b}) AS b \
                 WHERE {partners})"
            ),
        };
        RandomQuery {
            flink: text(&a.flink, &b.flink),
            answer: text(&a.answer, &b.answer),
            changes: a.changes || b.changes || form == 2,
        }
    }

    fn order(&self) -> &'static str {
        self.one(&[
            "n DESC NULLS LAST, i NULLS FIRST, x NULLS FIRST",
            "x NULLS FIRST, n NULLS FIRST, i NULLS FIRST",
            "i DESC NULLS LAST, x DESC NULLS LAST, n NULLS FIRST",
        ])
    }

    fn first(&self, of: &RandomQuery) -> RandomQuery {
        let (limit, order) = (1 + self.below(4), self.order());
        let rank = self.one(&["i", "r"]);
        let rows = self.over(of, |rows| {
            format!(
                "SELECT k, n, x, CAST({rank} AS BIGINT) AS i FROM (SELECT k, n, x, i, \
                 ROW_NUMBER() OVER (PARTITION BY k ORDER BY {order}) AS r FROM ({rows}) AS q) AS p \
                 WHERE r <= {limit}"
            )
        });
        RandomQuery { changes: true, ..rows }
    }

    fn union(&self, a: &RandomQuery, b: &RandomQuery) -> RandomQuery {
        let all = self.one(&["UNION ALL", "UNION ALL", "UNION"]);
        let text = |a: &str, b: &str| {
            format!("SELECT k, n, x, i FROM ({a}) AS a {all} SELECT k, n, x, i FROM ({b}) AS b")
        };
        RandomQuery {
            flink: text(&a.flink, &b.flink),
            answer: text(&a.answer, &b.answer),
            changes: a.changes || b.changes,
        }
    }

    fn over_changes(&self, of: &RandomQuery) -> RandomQuery {
        let (back, order) = (self.below(4), self.order());
        let frame = match self.below(3) {
            0 => "UNBOUNDED".to_owned(),
            _ => back.to_string(),
        };
        let n = self.one(&["SUM(n)", "COUNT(*)", "MAX(n)", "MIN(n)", "COUNT(n)"]);
        if self.below(2) == 0 {
            let rows = self.over(of, |rows| {
                format!(
                    "SELECT k, {n} OVER (PARTITION BY k ORDER BY {order} ROWS BETWEEN {frame} \
                     PRECEDING AND CURRENT ROW) AS n, x, i FROM ({rows}) AS q"
                )
            });
            return RandomQuery { changes: true, ..rows };
        }
        let lag = format!("LAG(i) OVER (PARTITION BY k ORDER BY {order})");
        // It counts from the last of the rows that are equal in the order, which has all columns.
        let of_peers =
            format!("CASE WHEN COUNT(*) OVER (PARTITION BY k, n, i, x) > 1 THEN i ELSE {lag} END");
        let text = |rows: &str, i: &str| format!("SELECT k, n, x, {i} AS i FROM ({rows}) AS q");
        RandomQuery {
            flink: text(&of.flink, &lag),
            answer: text(&of.answer, &of_peers),
            changes: true,
        }
    }

    /// Seconds of a window, and how many of them make a longer one.
    fn sizes(&self) -> (u64, u64) {
        (self.one(&[2, 5, 9]), 1 + self.below(3))
    }

    /// A table function over rows, and the rows with the ends of their windows.
    fn in_windows(&self, of: &RandomQuery) -> (String, String) {
        let (step, times) = self.sizes();
        let size = step * times;
        let function = match (times, self.below(2)) {
            (1, _) => format!("TUMBLE(({}), DESCRIPTOR(ts), INTERVAL '{step}' SECOND)", of.flink),
            (_, 0) => format!(
                "HOP(({}), DESCRIPTOR(ts), INTERVAL '{step}' SECOND, INTERVAL '{size}' SECOND)",
                of.flink
            ),
            _ => format!(
                "CUMULATE(({}), DESCRIPTOR(ts), INTERVAL '{step}' SECOND, INTERVAL '{size}' SECOND)",
                of.flink
            ),
        };
        let grows = function.starts_with("CUMULATE");
        let mut shifts = String::new();
        for step_of in 1..=times {
            let comma = if step_of > 1 { ", " } else { "" };
            // Writing to a String cannot fail.
            let _ = write!(shifts, "{comma}(INTERVAL '{} seconds')", step * step_of);
        }
        let unit = if grows { size } else { step };
        let rows = format!(
            "SELECT * FROM (SELECT q.*, date_bin(INTERVAL '{unit} seconds', ts) + s AS window_end, \
             {grows} AS grows FROM ({}) AS q CROSS JOIN (VALUES {shifts}) AS shifts(s)) AS w WHERE \
             ts < window_end",
            of.answer
        );
        (format!("TABLE({function})"), rows)
    }

    fn windows(&self, of: &RandomQuery) -> RandomQuery {
        let aggregates = self.aggregates();
        let having = self.one(&["", "", " HAVING COUNT(*) > 1"]);
        let (table, rows) = self.in_windows(of);
        RandomQuery {
            flink: format!(
                "SELECT k, {aggregates} FROM {table} GROUP BY k, window_start, window_end{having}"
            ),
            answer: format!(
                "SELECT k, {aggregates} FROM ({rows}) AS v GROUP BY k, window_end{having}"
            ),
            changes: false,
        }
    }

    fn window_first(&self, of: &RandomQuery) -> RandomQuery {
        let (limit, order) = (1 + self.below(3), self.order());
        let (table, rows) = self.in_windows(of);
        let text = |from: &str, keys: &str| {
            format!(
                "SELECT k, n, x, i FROM (SELECT k, n, x, i, ROW_NUMBER() OVER (PARTITION BY {keys}, \
                 k ORDER BY {order}) AS r FROM {from}) AS p WHERE r <= {limit}"
            )
        };
        RandomQuery {
            flink: text(&table, "window_start, window_end"),
            answer: text(&format!("({rows}) AS v"), "window_end"),
            changes: false,
        }
    }

    fn window_join(&self, a: &RandomQuery, b: &RandomQuery) -> RandomQuery {
        let kind = self.one(&["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]);
        let partners = self.partners();
        // Both sides have the same windows.
        let seed = self.0.next_u64();
        let (left, left_rows) = Maker(SeededRandom::new(seed)).in_windows(a);
        let (right, right_rows) = Maker(SeededRandom::new(seed)).in_windows(b);
        let text = |a: &str, b: &str, windows: &str| {
            format!(
                "SELECT a.k AS k, b.n AS n, a.x AS x, b.i AS i FROM {a} AS a {kind} {b} AS b ON \
                 {partners} AND {windows}"
            )
        };
        let start = "a.window_start = b.window_start AND ";
        let end = "a.window_end = b.window_end";
        RandomQuery {
            flink: text(&left, &right, &format!("{start}{end}")),
            answer: text(&format!("({left_rows})"), &format!("({right_rows})"), end),
            changes: false,
        }
    }

    fn interval_join(&self, a: &RandomQuery, b: &RandomQuery) -> RandomQuery {
        let kind = self.one(&["JOIN", "LEFT JOIN"]);
        let partners = self.one(&["a.k = b.k", "a.n = b.n", "a.k = b.k AND a.n < b.n"]);
        let (before, after) = (self.below(3), self.below(2));
        let text = |a: &str, b: &str, unit: &dyn Fn(u64) -> String| {
            format!(
                "SELECT a.k AS k, b.n AS n, a.x AS x, b.i AS i, a.ts AS ts FROM ({a}) AS a {kind} \
                 ({b}) AS b ON {partners} AND b.ts BETWEEN a.ts - {} AND a.ts + {}",
                unit(before),
                unit(after)
            )
        };
        RandomQuery {
            flink: text(&a.flink, &b.flink, &|n| format!("INTERVAL '{n}' SECOND")),
            answer: text(&a.answer, &b.answer, &|n| format!("INTERVAL '{n} seconds'")),
            changes: false,
        }
    }

    fn over_times(&self, of: &RandomQuery) -> RandomQuery {
        let n = self.one(&["SUM(n)", "COUNT(*)", "MAX(n)", "MIN(n)", "COUNT(n)"]);
        let x = self.one(&["SUM(x)", "MAX(x)", "MIN(x)"]);
        let seconds = self.below(6);
        let bounded = self.below(3) > 0;
        let text = |rows: &str, interval: String| {
            let interval = if bounded { interval } else { "UNBOUNDED".to_owned() };
            format!(
                "SELECT k, {n} OVER w AS n, {x} OVER w AS x, i, ts FROM ({rows}) AS q WINDOW w AS \
                 (PARTITION BY k ORDER BY ts RANGE BETWEEN {interval} PRECEDING AND CURRENT ROW)"
            )
        };
        RandomQuery {
            flink: text(&of.flink, format!("INTERVAL '{seconds}' SECOND")),
            answer: text(&of.answer, format!("INTERVAL '{seconds} seconds'")),
            changes: false,
        }
    }

    /// Aggregates and numbers of the rows before each row, in the order of their times, which are
    /// different.
    fn over_rows(&self, of: &RandomQuery) -> RandomQuery {
        let n = self.one(&["SUM(n)", "COUNT(*)", "MAX(n)", "MIN(n)", "COUNT(n)", "COUNT(x)"]);
        let x = self.one(&["SUM(x)", "MAX(x)", "MIN(x)"]);
        let of_keys = self.one(&["PARTITION BY k ", "PARTITION BY k ", ""]);
        let order = format!("{of_keys}ORDER BY ts");
        if self.below(3) == 0 {
            return self.over(of, |rows| {
                format!(
                    "SELECT k, n, x, CAST(ROW_NUMBER() OVER ({order}) AS BIGINT) AS i, ts FROM \
                     ({rows}) AS q"
                )
            });
        }
        let frame = match self.below(4) {
            0 => "UNBOUNDED".to_owned(),
            _ => self.below(6).to_string(),
        };
        self.over(of, |rows| {
            format!(
                "SELECT k, {n} OVER w AS n, {x} OVER w AS x, i, ts FROM ({rows}) AS q WINDOW w AS \
                 ({order} ROWS BETWEEN {frame} PRECEDING AND CURRENT ROW)"
            )
        })
    }

    /// A row for each element of an array that is made of the columns; `also` is selected as well.
    fn elements(&self, of: &RandomQuery, also: &str) -> RandomQuery {
        let least = self.below(20);
        // The answer numbers the elements; the third is that of rows that have none.
        let (unnest, number, elements, kept) = match self.below(3) {
            0 => (
                "CROSS JOIN UNNEST(ARRAY[n, i, n + 1]) AS t (e)".to_owned(),
                "i",
                "CASE o WHEN 1 THEN n WHEN 2 THEN i ELSE n + 1 END",
                "o < 4".to_owned(),
            ),
            1 => (
                "CROSS JOIN UNNEST(ARRAY[i, n]) WITH ORDINALITY AS t (e, o)".to_owned(),
                "CAST(o AS BIGINT)",
                "CASE o WHEN 1 THEN i WHEN 2 THEN n END",
                "o < 3".to_owned(),
            ),
            _ => (
                format!("LEFT JOIN UNNEST(ARRAY[n, i]) AS t (e) ON e > {least}"),
                "i",
                "CASE o WHEN 1 THEN n WHEN 2 THEN i END",
                format!(
                    "e > {least} OR o = 3 AND COALESCE(n, 0) <= {least} AND COALESCE(i, 0) <= {least}"
                ),
            ),
        };
        let text = |from: String| format!("SELECT k, e AS n, x, {number} AS i{also} FROM {from}");
        let (flink, answer) = (&of.flink, &of.answer);
        RandomQuery {
            flink: text(format!("({flink}) AS q {unnest}")),
            answer: text(format!(
                "(SELECT * FROM (SELECT q.*, o, {elements} AS e FROM ({answer}) AS q CROSS JOIN \
                 (VALUES (1), (2), (3)) AS numbers(o)) AS p WHERE {kept}) AS r"
            )),
            changes: of.changes,
        }
    }
}
