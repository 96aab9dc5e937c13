//! What expressions mean: each is resolved against a table and evaluated on its rows.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int32Array, Int64Array, RecordBatch,
    StringArray, TimestampMillisecondArray,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use sabot_core::SeededRandom;
use sabot_core::ambient::Ambient;
use sqlparser::ast::Ident;
use sqlparser::parser::Parser;

mod flink;
mod library;
mod library_lists;
mod numbers;
mod parts;
mod texts;
mod times;

use super::{Binder, compile};
use crate::catalog::Catalog;
use crate::error::{Position, Result};
use crate::statement::{self, Statement};
use crate::tokens::tokenize;
use crate::types::flink_name;
use crate::zone::Zone;

const TABLE: &str = "CREATE TABLE t (
    i INT NOT NULL, b BIGINT, d DOUBLE, s STRING, f BOOLEAN, c DECIMAL(10, 2),
    ts TIMESTAMP(3), l TIMESTAMP_LTZ(3)) WITH ('connector' = 'x')";

/// 2020-02-29 23:59:58.123.
const LEAP: i64 = 1_583_020_798_123;

fn rows() -> Vec<ArrayRef> {
    vec![
        Arc::new(Int32Array::from(vec![7, -7])),
        Arc::new(Int64Array::from(vec![Some(2), None])),
        Arc::new(Float64Array::from(vec![Some(2.5), None])),
        Arc::new(StringArray::from(vec![Some("Hällo"), None])),
        Arc::new(BooleanArray::from(vec![Some(true), None])),
        Arc::new(
            Decimal128Array::from(vec![Some(1234), None]).with_precision_and_scale(10, 2).unwrap(),
        ),
        Arc::new(TimestampMillisecondArray::from(vec![Some(LEAP), None])),
        Arc::new(TimestampMillisecondArray::from(vec![Some(LEAP), None]).with_timezone("UTC")),
    ]
}

/// The values of an expression over the rows of a table, in UTC.
fn evaluate_over(table: &str, rows: Vec<ArrayRef>, sql: &str) -> Result<ArrayRef> {
    evaluate_in(Zone::default(), table, rows, sql)
}

fn evaluate_in(zone: Zone, table: &str, rows: Vec<ArrayRef>, sql: &str) -> Result<ArrayRef> {
    let at = Position { line: 1, column: 1 };
    let mut catalog = Catalog::default();
    for statement in statement::parse(table)?.0 {
        if let Statement::CreateTable(create) = statement {
            catalog.create_table(*create)?;
        }
    }
    let relation = catalog.relation(&Ident::new("t"), at)?;
    let tokens = tokenize(sql)?.list;
    let expr = Parser::new(&crate::dialect::FlinkDialect)
        .with_tokens_with_locations(tokens)
        .parse_expr()
        .map_err(|error| crate::SqlError::from_parser(error, at))?;
    let bound = Binder::new(&relation, at).bind(&expr)?;
    let schema = Arc::new(relation.base.schema().as_arrow().clone());
    let batch = RecordBatch::try_new(Arc::clone(&schema), rows).unwrap();
    let compiled = compile(&bound, &schema, zone)?;
    let random = SeededRandom::new(1);
    let ambient = Ambient { now_ms: 1_700_000_000_123, watermark: None, random: &random };
    let array = compiled
        .evaluate(&ambient.append(&batch, compiled.ambient()).unwrap())
        .map_err(|error| crate::SqlError::new(None, format!("fails: {error}")))?;
    assert_eq!(array.len(), batch.num_rows(), "{sql}");
    assert_eq!(*array.data_type(), bound.data_type, "{sql}");
    Ok(array)
}

/// The type and the values of an expression over the two rows.
fn evaluate(sql: &str) -> Result<String> {
    let array = match evaluate_over(TABLE, rows(), sql) {
        Ok(array) => array,
        Err(error) if error.message.starts_with("fails: ") => return Ok(error.message),
        Err(error) => return Err(error),
    };
    let options = FormatOptions::default().with_null("NULL");
    let formatter = ArrayFormatter::try_new(&array, &options).unwrap();
    let (first, second) = (formatter.value(0), formatter.value(1));
    Ok(format!("{} {first} | {second}", flink_name(array.data_type())))
}

/// Expressions that cannot be resolved, each with a part of the reason.
fn refused(cases: &[(&str, &str)]) {
    for (sql, expected) in cases {
        let error = evaluate(sql).unwrap_err().to_string();
        assert!(error.contains(expected), "{sql}: {error}");
    }
}

fn check(cases: &[(&str, &str)]) {
    let mut wrong = String::new();
    for (sql, expected) in cases {
        let found = evaluate(sql).unwrap_or_else(|error| format!("error: {error}"));
        if found != *expected {
            writeln!(wrong, "{sql}\n  expected {expected}\n  found    {found}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// The same for expressions that have one value for both rows.
fn both(cases: &[(&str, &str)]) {
    let doubled: Vec<(&str, String)> = cases
        .iter()
        .map(|(sql, expected)| {
            let (name, value) = split_type(expected);
            (*sql, format!("{name} {value} | {value}"))
        })
        .collect();
    let cases: Vec<(&str, &str)> = doubled.iter().map(|(s, e)| (*s, e.as_str())).collect();
    check(&cases);
}

/// Splits `MAP<STRING, DECIMAL(2, 1)> {...}` behind the type.
fn split_type(text: &str) -> (&str, &str) {
    let mut depth = 0;
    let blank = text.find(|c| {
        match c {
            '(' | '<' => depth += 1,
            ')' | '>' => depth -= 1,
            _ => {}
        }
        depth == 0 && c == ' '
    });
    let blank = blank.unwrap();
    (&text[..blank], &text[blank + 1..])
}

#[test]
fn integers_divide_toward_zero_and_keep_their_type() {
    check(&[
        ("i / 2", "INT 3 | -3"),
        ("i % 4", "INT 3 | -3"),
        ("MOD(i, 4)", "INT 3 | -3"),
        ("i + 1", "INT 8 | -6"),
        ("i * b", "BIGINT 14 | NULL"),
        ("-i", "INT -7 | 7"),
        ("ABS(i)", "INT 7 | 7"),
        ("i / 0", "fails: i / 0 cannot be computed: Arrow error: Divide by zero error"),
        ("d / 0e0", "DOUBLE inf | NULL"),
        ("-9223372036854775808", "BIGINT -9223372036854775808 | -9223372036854775808"),
        ("3000000000", "BIGINT 3000000000 | 3000000000"),
        ("0.5", "DECIMAL(2, 1) 0.5 | 0.5"),
        ("c + 1", "DECIMAL(13, 2) 13.34 | NULL"),
        ("0.5 * b", "DECIMAL(22, 1) 1.0 | NULL"),
    ]);
}

#[test]
fn rounding_keeps_the_type() {
    check(&[
        ("FLOOR(d)", "DOUBLE 2.0 | NULL"),
        ("CEIL(d)", "DOUBLE 3.0 | NULL"),
        ("FLOOR(i)", "INT 7 | -7"),
        ("ROUND(d)", "DOUBLE 3.0 | NULL"),
        ("ROUND(12.345e0, 1)", "DOUBLE 12.3 | 12.3"),
        ("FLOOR(c)", "DECIMAL(10, 0) 12 | NULL"),
        ("SIGN(i)", "INT 1 | -1"),
        ("POWER(2, 3)", "DOUBLE 8.0 | 8.0"),
        ("SQRT(16)", "DOUBLE 4.0 | 4.0"),
    ]);
}

#[test]
fn nulls_follow_three_valued_logic() {
    check(&[
        ("b IS NULL", "BOOLEAN false | true"),
        ("f AND FALSE", "BOOLEAN false | false"),
        ("f OR TRUE", "BOOLEAN true | true"),
        ("NOT f", "BOOLEAN false | NULL"),
        ("f IS TRUE", "BOOLEAN true | false"),
        ("f IS NOT UNKNOWN", "BOOLEAN true | false"),
        ("b = 2", "BOOLEAN true | NULL"),
        ("b IS DISTINCT FROM 2", "BOOLEAN false | true"),
        ("b IS DISTINCT FROM 2 OR i = 7", "BOOLEAN true | true"),
        ("TRUE AND b IS NOT DISTINCT FROM 2 OR i = -7", "BOOLEAN true | true"),
        ("i BETWEEN SYMMETRIC 8 AND 6", "BOOLEAN true | false"),
        ("i NOT BETWEEN SYMMETRIC 8 AND 6 AND i < 0", "BOOLEAN false | true"),
        ("i BETWEEN ASYMMETRIC 8 AND 6", "BOOLEAN false | false"),
        ("b IN (1, 2)", "BOOLEAN true | NULL"),
        ("i NOT IN (1, 2)", "BOOLEAN true | true"),
        ("i BETWEEN 1 AND 7", "BOOLEAN true | false"),
        ("i NOT BETWEEN 1 AND 7", "BOOLEAN false | true"),
        ("COALESCE(b, 5)", "BIGINT 2 | 5"),
        ("NULLIF(i, 7)", "INT NULL | -7"),
        ("IFNULL(s, 'none')", "STRING Hällo | none"),
        ("GREATEST(i, 3)", "INT 7 | 3"),
        ("LEAST(b, 1)", "BIGINT 1 | NULL"),
        ("IF(i > 0, 'up', 'down')", "STRING up | down"),
        ("CASE WHEN i > 0 THEN 1 WHEN b = 1 THEN 2 END", "INT 1 | NULL"),
        ("CASE i WHEN 7 THEN 'seven' ELSE s END", "STRING seven | NULL"),
    ]);
}

#[test]
fn texts_are_utf8_and_null_when_an_argument_is() {
    check(&[
        ("UPPER(s)", "STRING HÄLLO | NULL"),
        ("lower(s)", "STRING hällo | NULL"),
        ("CHAR_LENGTH(s)", "INT 5 | NULL"),
        ("CONCAT(s, '!')", "STRING Hällo! | NULL"),
        ("s || '!' || 'x'", "STRING Hällo!x | NULL"),
        ("CONCAT_WS('-', 'a', s)", "STRING a-Hällo | a"),
        ("SUBSTRING(s, 2, 3)", "STRING äll | NULL"),
        ("SUBSTRING(s FROM 2)", "STRING ällo | NULL"),
        ("SUBSTRING(s FROM 2 FOR 1)", "STRING ä | NULL"),
        ("SUBSTRING(s, -2)", "STRING lo | NULL"),
        ("TRIM('  x ')", "STRING x | x"),
        ("TRIM(LEADING 'x' FROM 'xxa')", "STRING a | a"),
        ("REPLACE(s, 'l', 'L')", "STRING HäLLo | NULL"),
        ("POSITION('l' IN s)", "INT 3 | NULL"),
        ("LPAD('7', 3, '0')", "STRING 007 | 007"),
        ("LEFT(s, 2)", "STRING Hä | NULL"),
        ("REVERSE('abc')", "STRING cba | cba"),
        ("SPLIT_INDEX('a,b,c', ',', 1)", "STRING b | b"),
        ("SPLIT_INDEX('a,b,c', ',', 3)", "STRING NULL | NULL"),
        ("REGEXP_EXTRACT(s, '(H)(.)', 2)", "STRING ä | NULL"),
        ("REGEXP_REPLACE(s, 'l+', '-')", "STRING Hä-o | NULL"),
        ("REGEXP(s, '^H')", "BOOLEAN true | NULL"),
        ("s LIKE 'H%o'", "BOOLEAN true | NULL"),
        ("s NOT LIKE '_a%'", "BOOLEAN true | NULL"),
        ("'50%' LIKE '50!%' ESCAPE '!'", "BOOLEAN true | true"),
        ("'50\\a' LIKE '50\\_' ESCAPE '!'", "BOOLEAN true | true"),
        ("'505' LIKE '50!%' ESCAPE '!'", "BOOLEAN false | false"),
    ]);
}

#[test]
fn casts_are_flinks() {
    check(&[
        ("CAST(d AS INT)", "INT 2 | NULL"),
        ("CAST(i AS STRING)", "STRING 7 | -7"),
        ("CAST(f AS STRING)", "STRING TRUE | NULL"),
        ("CAST('12' AS BIGINT)", "BIGINT 12 | 12"),
        ("TRY_CAST('x' AS INT)", "INT NULL | NULL"),
        ("CAST(ts AS STRING)", "STRING 2020-02-29 23:59:58.123 | NULL"),
        ("CAST(ts AS DATE)", "DATE 2020-02-29 | NULL"),
        ("CAST(l AS TIMESTAMP(3))", "TIMESTAMP(3) 2020-02-29T23:59:58.123 | NULL"),
        ("CAST(NULL AS DOUBLE)", "DOUBLE NULL | NULL"),
        ("CAST(c AS DOUBLE)", "DOUBLE 12.34 | NULL"),
        (
            "s = 7",
            "fails: s = 7 cannot be computed: Arrow error: Cast error: Cannot cast string 'Hällo' to value of Int32 type",
        ),
        (
            "CAST(b AS TIMESTAMP(3))",
            "error: line 1, column 6: BIGINT cannot be cast to TIMESTAMP(3); \
             use TO_TIMESTAMP_LTZ(<number>, 3) for milliseconds or (<number>, 0) for seconds",
        ),
    ]);
}

#[test]
fn times_are_read_and_written_as_in_flink() {
    check(&[
        ("EXTRACT(YEAR FROM ts)", "BIGINT 2020 | NULL"),
        ("HOUR(ts)", "BIGINT 23 | NULL"),
        ("SECOND(l)", "BIGINT 58 | NULL"),
        ("EXTRACT(MILLISECOND FROM ts)", "BIGINT 123 | NULL"),
        ("DAYOFWEEK(ts)", "BIGINT 7 | NULL"),
        ("FLOOR(ts TO HOUR)", "TIMESTAMP(3) 2020-02-29T23:00:00 | NULL"),
        ("CEIL(ts TO DAY)", "TIMESTAMP(3) 2020-03-01T00:00:00 | NULL"),
        ("ts + INTERVAL '2' SECOND", "TIMESTAMP(3) 2020-03-01T00:00:00.123 | NULL"),
        ("ts - INTERVAL '1' MONTH", "TIMESTAMP(3) 2020-01-29T23:59:58.123 | NULL"),
        ("ts >= TIMESTAMP '2020-02-29 00:00:00'", "BOOLEAN true | NULL"),
        ("ts > '2021-01-01 00:00:00'", "BOOLEAN false | NULL"),
        ("DATE '2020-02-29' + INTERVAL '1' DAY", "DATE 2020-03-01 | 2020-03-01"),
        ("DATE_FORMAT(ts, 'yyyy-MM-dd HH:mm')", "STRING 2020-02-29 23:59 | NULL"),
        ("DATE_FORMAT(ts, 'HH:mm:ss.SSS')", "STRING 23:59:58.123 | NULL"),
        (
            "TO_TIMESTAMP('2020-01-02 03:04:05')",
            "TIMESTAMP(3) 2020-01-02T03:04:05 | 2020-01-02T03:04:05",
        ),
        ("TO_TIMESTAMP('nonsense')", "TIMESTAMP(3) NULL | NULL"),
        (
            "TO_TIMESTAMP('02/01/2020 03', 'dd/MM/yyyy HH')",
            "TIMESTAMP(3) 2020-01-02T03:00:00 | 2020-01-02T03:00:00",
        ),
        ("TO_TIMESTAMP('02.01.2020', 'dd/MM/yyyy')", "TIMESTAMP(3) NULL | NULL"),
        (
            "TO_TIMESTAMP('02/01/2020 03:04', 'dd/MM/yyyy HH:mm')",
            "TIMESTAMP(3) 2020-01-02T03:04:00 | 2020-01-02T03:04:00",
        ),
        ("TO_TIMESTAMP_LTZ(b, 3)", "TIMESTAMP_LTZ(3) 1970-01-01T00:00:00.002Z | NULL"),
        ("TO_TIMESTAMP_LTZ(b, 0)", "TIMESTAMP_LTZ(3) 1970-01-01T00:00:02Z | NULL"),
        ("FROM_UNIXTIME(b)", "STRING 1970-01-01 00:00:02 | NULL"),
        ("TIMESTAMPDIFF(HOUR, TIMESTAMP '2020-02-29 00:00:00', ts)", "INT 23 | NULL"),
        ("TIMESTAMPADD(MINUTE, 1, ts)", "TIMESTAMP(3) 2020-03-01T00:00:58.123 | NULL"),
        ("TO_DATE('2020-02-29')", "DATE 2020-02-29 | 2020-02-29"),
    ]);
}
