//! What is computed behind an aggregation, on rows as the aggregation gives them.
// Helper functions of a test target do not count as tests for the lints.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Decimal128Array, Int64Array, RecordBatch, TimestampMillisecondArray,
};
use arrow::datatypes::{Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type};
use sabot_core::plan::{CalcDesc, NodeKind};
use sabot_sql::{PlanOptions, Planned, explain, plan, plan_explained};

fn planned(columns: &str, query: &str) -> Planned {
    let sql = format!(
        "CREATE TABLE t (i INT, b BIGINT, f FLOAT, d DOUBLE, k INT NOT NULL, ts TIMESTAMP(3),
           WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'x');
         CREATE TABLE r ({columns}) WITH ('connector' = 'x');
         INSERT INTO r SELECT {query}
         FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND))
         GROUP BY window_start, window_end;"
    );
    plan(&sql, &PlanOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// The projection behind the aggregation, applied to rows with these aggregates.
fn behind(planned: &Planned, aggregates: Vec<ArrayRef>) -> Vec<ArrayRef> {
    let nodes = &planned.plan.nodes;
    let index = nodes
        .iter()
        .position(|node| matches!(node.kind, NodeKind::WindowAggregate(_)))
        .expect("the plan aggregates");
    let rows = aggregates[0].len();
    let time = |ms: i64| Arc::new(TimestampMillisecondArray::from(vec![ms; rows])) as ArrayRef;
    let mut columns = vec![time(0), time(10_000), time(9_999)];
    columns.extend(aggregates);
    let batch = RecordBatch::try_new(Arc::clone(&nodes[index].schema), columns).unwrap();
    let NodeKind::Calc(CalcDesc { columns, .. }) = &nodes[index + 1].kind else {
        panic!("no projection behind the aggregation")
    };
    columns.iter().map(|column| column.evaluate(&batch).unwrap()).collect()
}

#[test]
fn an_average_of_integers_is_cut_off_toward_zero() {
    let planned = planned("m INT, n BIGINT", "AVG(i), COUNT(i)");
    let counts = Arc::new(Int64Array::from(vec![2, 2, 0]));
    let sums = Arc::new(Int64Array::from(vec![Some(7), Some(-7), None]));
    let found = behind(&planned, vec![counts, sums]);
    let means: Vec<_> = found[0].as_primitive::<Int32Type>().iter().collect();
    assert_eq!(means, [Some(3), Some(-3), None]);
}

#[test]
fn an_average_does_not_overflow_where_its_sum_wraps_around() {
    let planned = planned("m INT, s INT", "AVG(i), SUM(i)");
    let counts = Arc::new(Int64Array::from(vec![2]));
    let sums = Arc::new(Int64Array::from(vec![2 * i64::from(i32::MAX)]));
    let found = behind(&planned, vec![counts, sums]);
    assert_eq!(found[0].as_primitive::<Int32Type>().value(0), i32::MAX);
    assert_eq!(found[1].as_primitive::<Int32Type>().value(0), -2);
}

#[test]
fn an_average_of_decimals_is_rounded_half_away_from_zero() {
    for (scale, sums, means) in [
        (0, [2, -2, 1], ["0.666667", "-0.666667", "0.333333"]),
        (2, [199_999, -199_999, 1], ["666.663333", "-666.663333", "0.003333"]),
        (2, [200, -200, 5], ["0.666667", "-0.666667", "0.016667"]),
        (7, [5, -5, 1], ["0.0000002", "-0.0000002", "0.0000000"]),
    ] {
        let decimal = format!("DECIMAL(10, {scale})");
        let planned = planned("m DECIMAL(38, 7)", &format!("AVG(CAST(d AS {decimal}))"));
        let sums: ArrayRef = Arc::new(
            Decimal128Array::from(sums.map(i128::from).to_vec())
                .with_precision_and_scale(38, scale)
                .unwrap(),
        );
        let found = behind(&planned, vec![Arc::new(Int64Array::from(vec![3; 3])), sums]);
        let found = found[0].as_primitive::<Decimal128Type>();
        for (row, mean) in means.iter().enumerate() {
            assert_eq!(
                found.value_as_string(row).trim_end_matches('0'),
                mean.trim_end_matches('0')
            );
        }
    }
}

/// What Flink 2.2 answers of the same values: 1 and 4, of decimals 2.25 and 3.50.
#[test]
fn variances_of_numbers_have_their_type() {
    let planned = planned(
        "a BIGINT, b BIGINT, c BIGINT, d BIGINT",
        "VAR_POP(b), VAR_SAMP(b), STDDEV_POP(b), STDDEV_SAMP(b)",
    );
    let column = |values: Vec<i64>| Arc::new(Int64Array::from(values)) as ArrayRef;
    // COUNT(b), SUM(b * b), SUM(b); the second row is of 1 alone.
    let found = behind(&planned, vec![column(vec![2, 1]), column(vec![17, 1]), column(vec![5, 1])]);
    let found: Vec<Vec<_>> =
        found.iter().map(|c| c.as_primitive::<Int64Type>().iter().collect()).collect();
    assert_eq!(found, [[Some(2), Some(0)], [Some(5), None], [Some(1), Some(0)], [Some(2), None]]);
    let decimals = |values: Vec<i128>, scale| {
        let values = Decimal128Array::from(values).with_precision_and_scale(38, scale);
        Arc::new(values.unwrap()) as ArrayRef
    };
    let planned = self::planned(
        "a DECIMAL(38, 6), b DECIMAL(38, 6)",
        "VAR_POP(CAST(d AS DECIMAL(10, 2))), STDDEV_SAMP(CAST(d AS DECIMAL(10, 2)))",
    );
    let squares = decimals(vec![173_125], 4);
    let found = behind(&planned, vec![column(vec![2]), squares, decimals(vec![575], 2)]);
    let found: Vec<String> =
        found.iter().map(|c| c.as_primitive::<Decimal128Type>().value_as_string(0)).collect();
    assert_eq!(found, ["0.390625", "0.883883"]);
}

#[test]
fn averages_of_floats_are_floats() {
    let planned = planned("a FLOAT, b DOUBLE", "AVG(f), SUM(d) / COUNT(*)");
    let one = || Arc::new(Int64Array::from(vec![2]));
    let sum = |v: f64| Arc::new(arrow::array::Float64Array::from(vec![v]));
    // COUNT(*), COUNT(f), SUM(d), SUM(f).
    let found = behind(&planned, vec![one(), one(), sum(5.0), sum(3.0)]);
    assert_eq!(found[0].as_primitive::<Float32Type>().values()[..], [1.5]);
    assert_eq!(found[1].as_primitive::<Float64Type>().values()[..], [2.5]);
}

#[test]
fn a_ratio_of_integers_divides_as_integers() {
    let planned = planned("a BIGINT, c BIGINT", "SUM(b) / COUNT(*), -SUM(b) / COUNT(*)");
    let found = behind(
        &planned,
        vec![Arc::new(Int64Array::from(vec![2])), Arc::new(Int64Array::from(vec![7]))],
    );
    assert_eq!(found[0].as_primitive::<Int64Type>().value(0), 3);
    assert_eq!(found[1].as_primitive::<Int64Type>().value(0), -3);
}

#[test]
fn the_watermark_and_window_columns_are_computed_from_the_row_time() {
    let sql = "CREATE TABLE t (ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
               WITH ('connector' = 'x');
               CREATE TABLE r (a TIMESTAMP(3), b TIMESTAMP(3), c TIMESTAMP(3)) WITH ('connector' = 'x');
               INSERT INTO r SELECT window_start, window_end, window_time FROM
               TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '3' SECOND));";
    let planned = plan(sql, &PlanOptions::default()).unwrap();
    let NodeKind::Source(source) = &planned.plan.nodes[0].kind else { panic!("no source") };
    let NodeKind::Calc(calc) = &planned.plan.nodes[1].kind else { panic!("no projection") };
    let times = TimestampMillisecondArray::from(vec![Some(12_999), Some(13_000), Some(-1), None]);
    let schema = Arc::clone(&planned.plan.nodes[0].schema);
    let batch = RecordBatch::try_new(schema, vec![Arc::new(times)]).unwrap();
    let watermark = source.watermark.as_ref().unwrap().expression.evaluate(&batch).unwrap();
    let millis = |array: &ArrayRef| -> Vec<Option<i64>> {
        array.as_primitive::<arrow::datatypes::TimestampMillisecondType>().iter().collect()
    };
    assert_eq!(millis(&watermark), [Some(7_999), Some(8_000), Some(-5_001), None]);
    let columns: Vec<_> =
        calc.columns.iter().map(|c| millis(&c.evaluate(&batch).unwrap())).collect();
    assert_eq!(columns[0], [Some(3_000), Some(13_000), Some(-7_000), None]);
    assert_eq!(columns[1], [Some(13_000), Some(23_000), Some(3_000), None]);
    assert_eq!(columns[2], [Some(12_999), Some(22_999), Some(2_999), None]);
}

#[test]
fn the_table_info_tells_roles_and_places() {
    let sql = "\nCREATE TABLE a (x INT) WITH ('Connector' = 'nexmark');
CREATE TABLE b (x INT, PRIMARY KEY (x) NOT ENFORCED) WITH ('connector' = 'print', 'k' = 'V');
INSERT INTO b SELECT x FROM a;";
    let planned = plan(sql, &PlanOptions::default()).unwrap();
    let [a, b] = planned.tables.as_slice() else { panic!("two tables") };
    assert!(a.is_source && !a.is_sink && b.is_sink && !b.is_source);
    assert_eq!((a.position.line, a.position.column), (2, 14));
    assert_eq!(a.options["connector"], "nexmark");
    assert_eq!(b.options["k"], "V");
    assert_eq!(b.primary_key, ["x"]);
}

#[test]
fn long_chains_of_operators_are_planned_and_endless_ones_refused() {
    let sql = |terms: usize| {
        let condition = vec!["x > 1"; terms].join(" OR ");
        format!(
            "CREATE TABLE a (x INT) WITH ('connector' = 'x');
             CREATE TABLE b (x INT) WITH ('connector' = 'x');
             INSERT INTO b SELECT x FROM a WHERE {condition};"
        )
    };
    assert!(plan(&sql(200), &PlanOptions::default()).is_ok());
    for (terms, message) in
        [(1_000, "nested too deeply"), (10_000, "nested too deeply"), (20_000, "too long")]
    {
        let error = plan(&sql(terms), &PlanOptions::default()).unwrap_err();
        assert!(error.to_string().contains(message), "{terms}: {error}");
    }
}

#[test]
fn explain_plans_what_it_is_about() {
    let tables = "CREATE TABLE a (x INT, y INT) WITH ('connector' = 'x');
CREATE TABLE b (x INT) WITH ('connector' = 'print');
";
    let explained = |statements: &str| {
        plan_explained(&format!("{tables}{statements}"), &PlanOptions::default())
            .map(|all| all.iter().map(|(at, planned)| (at.line, explain(planned, 1))).collect())
            .map_err(|error| error.to_string())
    };
    let of_insert: Vec<(u64, String)> =
        explained("EXPLAIN INSERT INTO b SELECT x FROM a;").unwrap();
    let job = plan(&format!("{tables}INSERT INTO b SELECT x FROM a;"), &PlanOptions::default());
    assert_eq!(of_insert, [(3, explain(&job.unwrap(), 1))]);
    for same in [
        "EXPLAIN PLAN FOR INSERT INTO b SELECT x FROM a;",
        "EXPLAIN ESTIMATED_COST, CHANGELOG_MODE INSERT INTO b SELECT x FROM a",
        "EXPLAIN (CHANGELOG_MODE, plan_advice) INSERT INTO b SELECT x FROM a;",
        "EXPLAIN STATEMENT SET BEGIN INSERT INTO b SELECT x FROM a; END;",
        "EXPLAIN EXECUTE STATEMENT SET BEGIN INSERT INTO b SELECT x FROM a; END;",
        "EXPLAIN INSERT INTO b SELECT x FROM a; INSERT INTO b SELECT y FROM a;",
    ] {
        assert_eq!(explained(same).unwrap(), of_insert, "{same}");
    }
    let queries = "EXPLAIN SELECT x, COUNT(*) AS n FROM a GROUP BY x;
EXPLAIN CHANGELOG_MODE (SELECT x AS n, y AS n FROM a);
EXPLAIN WITH v AS (SELECT y FROM a) SELECT y FROM v";
    let queries = explained(queries).unwrap();
    assert_eq!(queries.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [3, 4, 5]);
    assert!(queries[0].1.contains("changes    +I -U +U -D"), "{}", queries[0].1);
    assert!(queries[1].1.contains("columns    n INT, n0 INT"), "{}", queries[1].1);
    assert!(explained("INSERT INTO b SELECT x FROM a;").unwrap().is_empty());
    for (wrong, message) in [
        ("EXPLAIN JSON_EXECUTION_PLAN SELECT x FROM a", "line 3, column 9: EXPLAIN JSON_EXECUTION"),
        ("EXPLAIN SELECT z FROM a", "line 3, column 16: column \"z\" does not exist"),
        ("EXPLAIN (CHANGELOG_MODE SELECT x FROM a", "expected: ), found: SELECT"),
        ("EXPLAIN CREATE VIEW v AS SELECT x FROM a", "line 3"),
        (
            "EXPLAIN STATEMENT SET BEGIN INSERT INTO b SELECT x FROM a;",
            "the statement set has no END",
        ),
        ("EXPLAIN", "line 3"),
    ] {
        let error = explained(wrong).unwrap_err();
        assert!(error.contains(message), "{wrong}: {error}");
    }
    let job = format!("{tables}EXPLAIN SELECT x FROM a; INSERT INTO b SELECT x FROM a;");
    let error = plan(&job, &PlanOptions::default()).unwrap_err().to_string();
    assert!(error.starts_with("line 3, column 1: EXPLAIN is no statement of a job"), "{error}");
}

#[test]
fn rows_of_values_are_written_by_the_places_of_their_fields() {
    let sql = "CREATE TABLE a (x INT, y STRING) WITH ('connector' = 'x');
        CREATE TABLE b (r ROW<m BIGINT, n STRING>, l ARRAY<ROW<m DOUBLE>>) WITH ('connector' = 'x');
        INSERT INTO b SELECT ROW(x, y), ARRAY[ROW(x)] FROM a;";
    let planned = plan(sql, &PlanOptions::default()).unwrap_or_else(|error| panic!("{error}"));
    let nodes = &planned.plan.nodes;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(arrow::array::Int32Array::from(vec![7])),
        Arc::new(arrow::array::StringArray::from(vec!["a"])),
    ];
    let batch = RecordBatch::try_new(Arc::clone(&nodes[0].schema), columns).unwrap();
    let NodeKind::Calc(calc) = &nodes[1].kind else { panic!("no projection") };
    let columns: Vec<ArrayRef> =
        calc.columns.iter().map(|column| column.evaluate(&batch).unwrap()).collect();
    let row = columns[0].as_struct();
    assert_eq!(row.column_by_name("m").unwrap().as_primitive::<Int64Type>().values()[..], [7]);
    assert_eq!(row.column_by_name("n").unwrap().as_string::<i32>().value(0), "a");
    let rows = columns[1].as_list::<i32>().value(0);
    assert_eq!(rows.as_struct().column(0).as_primitive::<Float64Type>().values()[..], [7.0]);
}
