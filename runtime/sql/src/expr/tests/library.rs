//! Functions of DataFusion that Flink does not have.

use super::{check, library_lists, refused};
use crate::functions::library;

/// Calls and their answers on the two rows, as the documentation of DataFusion 55 has it.
const EXAMPLES: &[(&str, &str)] = &[
    ("ACOSH(1e0)", "DOUBLE 0.0 | 0.0"),
    ("ASINH(0e0)", "DOUBLE 0.0 | 0.0"),
    ("ATANH(0e0)", "DOUBLE 0.0 | 0.0"),
    ("BIT_LENGTH(s)", "INT 48 | NULL"),
    ("CBRT(27)", "DOUBLE 3.0 | 3.0"),
    ("CONTAINS(s, 'll')", "BOOLEAN true | NULL"),
    ("DATEPART('month', ts)", "INT 2 | NULL"),
    ("DATETRUNC('hour', ts)", "TIMESTAMP(3) 2020-02-29T23:00:00 | NULL"),
    ("DATE_BIN(INTERVAL '15' MINUTE, ts)", "TIMESTAMP(3) 2020-02-29T23:45:00 | NULL"),
    (
        "DATE_BIN(INTERVAL '1' MONTH, ts, TIMESTAMP '2020-01-15 00:00:00')",
        "TIMESTAMP(9) 2020-02-15T00:00:00 | NULL",
    ),
    ("DATE_PART('day', ts)", "INT 29 | NULL"),
    ("DATE_TRUNC('month', ts)", "TIMESTAMP(3) 2020-02-01T00:00:00 | NULL"),
    ("DATE_TRUNC('hour', l)", "TIMESTAMP_LTZ(3) 2020-02-29T23:00:00Z | NULL"),
    ("ENDS_WITH(s, 'lo')", "BOOLEAN true | NULL"),
    ("FACTORIAL(b + 3)", "BIGINT 120 | NULL"),
    ("FIND_IN_SET('b', 'a,b,c')", "INT 2 | 2"),
    ("GCD(i, 21)", "BIGINT 7 | 7"),
    ("ISNAN(d)", "BOOLEAN false | NULL"),
    ("ISZERO(d)", "BOOLEAN false | NULL"),
    ("LCM(b, 3)", "BIGINT 6 | NULL"),
    ("LENGTH(s)", "INT 5 | NULL"),
    ("LEVENSHTEIN(s, 'Hallo')", "INT 1 | NULL"),
    ("MAKE_DATE(2020, 2, 29)", "DATE 2020-02-29 | 2020-02-29"),
    ("MAKE_TIME(12, 30, 1)", "TIME 12:30:01 | 12:30:01"),
    ("NANVL(d, 1e0)", "DOUBLE 2.5 | NULL"),
    ("NVL(s, 'none')", "STRING Hällo | none"),
    ("NVL2(s, 'one', 'none')", "STRING one | none"),
    ("POW(2, 10)", "DOUBLE 1024.0 | 1024.0"),
    ("REGEXP_LIKE(s, 'l+o')", "BOOLEAN true | NULL"),
    ("REGEXP_MATCH(s, '(l+)(o)')", "ARRAY<STRING> [ll, o] | NULL"),
    ("SIGNUM(i)", "DOUBLE 1.0 | -1.0"),
    ("SPLIT_PART('a,b,c', ',', 2)", "STRING b | b"),
    ("STARTS_WITH(s, 'H')", "BOOLEAN true | NULL"),
    ("STRPOS(s, 'l')", "INT 3 | NULL"),
    ("SUBSTRING_INDEX('a.b.c', '.', 2)", "STRING a.b | a.b"),
    ("SUBSTR_INDEX('a.b.c', '.', -1)", "STRING c | c"),
    ("TO_CHAR(ts, '%Y/%m/%d')", "STRING 2020/02/29 | NULL"),
    ("TO_HEX(255)", "STRING ff | ff"),
    ("TO_TIME('12:30:01')", "TIME 12:30:01 | 12:30:01"),
    (
        "TO_TIMESTAMP_MICROS(1500000)",
        "TIMESTAMP(6) 1970-01-01T00:00:01.500 | 1970-01-01T00:00:01.500",
    ),
    ("TO_TIMESTAMP_MILLIS(1500)", "TIMESTAMP(3) 1970-01-01T00:00:01.500 | 1970-01-01T00:00:01.500"),
    (
        "TO_TIMESTAMP_NANOS(1500000000)",
        "TIMESTAMP(9) 1970-01-01T00:00:01.500 | 1970-01-01T00:00:01.500",
    ),
    ("TO_TIMESTAMP_SECONDS(1)", "TIMESTAMP(3) 1970-01-01T00:00:01 | 1970-01-01T00:00:01"),
    ("TO_UNIXTIME('1970-01-01T00:00:05')", "BIGINT 5 | 5"),
    ("TRUNC(d)", "DOUBLE 2.0 | NULL"),
    ("TRUNC(2.567, 1)", "DECIMAL(4, 3) 2.500 | 2.500"),
];

#[test]
fn functions_of_the_library_mean_what_they_mean_there() {
    check(EXAMPLES);
}

#[test]
fn each_function_of_the_library_has_an_example() {
    let examples = || EXAMPLES.iter().chain(library_lists::EXAMPLES);
    let called = |name: &str| examples().any(|(call, _)| call.starts_with(&format!("{name}(")));
    let missing: Vec<&str> = library::names().filter(|name| !called(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn what_cannot_be_called_is_refused() {
    refused(&[
        ("CBRT(s)", "CBRT cannot be applied to (STRING)"),
        ("DATE_TRUNC('hour')", "DATE_TRUNC cannot be applied to (STRING)"),
        ("RANDOM()", "unknown function RANDOM"),
        ("ARROW_TYPEOF(i)", "unknown function ARROW_TYPEOF"),
    ]);
}
