//! Functions of ARRAYs and MAPs of DataFusion that Flink does not have.

use super::{both, check, evaluate, refused};
use crate::functions::library;

/// Calls that have one answer on both rows, as the documentation of DataFusion 55 has it.
pub(super) const EXAMPLES: &[(&str, &str)] = &[
    ("ARRAYS_OVERLAP(ARRAY[1, 2, 3], ARRAY[3, 4])", "BOOLEAN true"),
    (
        "ARRAYS_ZIP(ARRAY[1, 2], ARRAY[3, 4, 5])",
        "ARRAY<ROW<`1` INT, `2` INT>> [{1: 1, 2: 3}, {1: 2, 2: 4}, {1: NULL, 2: 5}]",
    ),
    (
        "ARRAY_ADD(ARRAY[1.0, 2.0, 3.0], ARRAY[10.0, 20.0, 30.0])",
        "ARRAY<DOUBLE> [11.0, 22.0, 33.0]",
    ),
    ("ARRAY_ANY_VALUE(ARRAY[NULL, 1, 2, 3])", "INT 1"),
    ("ARRAY_AVG(ARRAY[1.0, 2.0, 3.0])", "DOUBLE 2.0"),
    ("ARRAY_CAT(ARRAY[1, 2, 3], ARRAY[4], ARRAY[5])", "ARRAY<INT> [1, 2, 3, 4, 5]"),
    ("ARRAY_COMPACT(ARRAY[1, NULL, 2, NULL, 3])", "ARRAY<INT> [1, 2, 3]"),
    ("ARRAY_DIMS(ARRAY[ARRAY[1, 2, 3], ARRAY[4, 5, 6]])", "ARRAY<BIGINT> [2, 3]"),
    ("ARRAY_DISTANCE(ARRAY[1, 2], ARRAY[1, 4])", "DOUBLE 2.0"),
    ("ARRAY_ELEMENT(ARRAY[1, 2, 3, 4], 3)", "INT 3"),
    ("ARRAY_EMPTY(ARRAY[1])", "BOOLEAN false"),
    ("ARRAY_EXTRACT(ARRAY[1, 2, 3, 4], -1)", "INT 4"),
    ("ARRAY_HAS(ARRAY[1, 2, 3], 2)", "BOOLEAN true"),
    ("ARRAY_HAS_ALL(ARRAY[1, 2, 3, 4], ARRAY[2, 3])", "BOOLEAN true"),
    ("ARRAY_HAS_ANY(ARRAY[1, 2, 3], ARRAY[3, 4])", "BOOLEAN true"),
    ("ARRAY_INDEXOF(ARRAY[1, 2, 2, 3, 1, 4], 2)", "BIGINT 2"),
    ("ARRAY_LENGTH(ARRAY[1, 2, 3, 4, 5])", "BIGINT 5"),
    ("ARRAY_LENGTH(ARRAY[ARRAY[1, 2, 3], ARRAY[4, 5, 6]], 2)", "BIGINT 3"),
    ("ARRAY_NDIMS(ARRAY[ARRAY[1, 2, 3], ARRAY[4, 5, 6]])", "BIGINT 2"),
    ("ARRAY_NORMALIZE(ARRAY[3.0, 4.0])", "ARRAY<DOUBLE> [0.6, 0.8]"),
    ("ARRAY_POP_BACK(ARRAY[1, 2, 3])", "ARRAY<INT> [1, 2]"),
    ("ARRAY_POP_FRONT(ARRAY[1, 2, 3])", "ARRAY<INT> [2, 3]"),
    ("ARRAY_POSITIONS(ARRAY[1, 2, 2, 3, 1, 4], 2)", "ARRAY<BIGINT> [2, 3]"),
    ("ARRAY_PRODUCT(ARRAY[1.0, 2.0, 3.0])", "DOUBLE 6.0"),
    ("ARRAY_PUSH_BACK(ARRAY[1, 2, 3], 4)", "ARRAY<INT> [1, 2, 3, 4]"),
    ("ARRAY_PUSH_FRONT(1, ARRAY[2, 3, 4])", "ARRAY<INT> [1, 2, 3, 4]"),
    ("ARRAY_REMOVE_ALL(ARRAY[1, 2, 2, 3, 2, 1, 4], 2)", "ARRAY<INT> [1, 3, 1, 4]"),
    ("ARRAY_REMOVE_N(ARRAY[1, 2, 2, 3, 2, 1, 4], 2, 2)", "ARRAY<INT> [1, 3, 2, 1, 4]"),
    ("ARRAY_REPEAT(1, 3)", "ARRAY<INT> [1, 1, 1]"),
    ("ARRAY_REPEAT(ARRAY[1, 2], 2)", "ARRAY<ARRAY<INT>> [[1, 2], [1, 2]]"),
    ("ARRAY_REPLACE(ARRAY[1, 2, 2, 3, 2, 1, 4], 2, 5)", "ARRAY<INT> [1, 5, 2, 3, 2, 1, 4]"),
    ("ARRAY_REPLACE_ALL(ARRAY[1, 2, 2, 3, 2, 1, 4], 2, 5)", "ARRAY<INT> [1, 5, 5, 3, 5, 1, 4]"),
    ("ARRAY_REPLACE_N(ARRAY[1, 2, 2, 3, 2, 1, 4], 2, 5, 2)", "ARRAY<INT> [1, 5, 5, 3, 2, 1, 4]"),
    ("ARRAY_RESIZE(ARRAY[1, 2, 3], 5, 0)", "ARRAY<INT> [1, 2, 3, 0, 0]"),
    ("ARRAY_SCALE(ARRAY[1.0, 2.0, 3.0], 2.0)", "ARRAY<DOUBLE> [2.0, 4.0, 6.0]"),
    (
        "ARRAY_SUBTRACT(ARRAY[10.0, 20.0, 30.0], ARRAY[1.0, 2.0, 3.0])",
        "ARRAY<DOUBLE> [9.0, 18.0, 27.0]",
    ),
    ("ARRAY_SUM(ARRAY[1.0, 2.0, 3.0])", "DOUBLE 6.0"),
    ("ARRAY_TO_STRING(ARRAY[ARRAY[1, 2, 3, 4], ARRAY[5, 6, 7, 8]], ',')", "STRING 1,2,3,4,5,6,7,8"),
    ("ARRAY_TO_STRING(ARRAY[1, NULL, 3], ',', '*')", "STRING 1,*,3"),
    ("COSINE_DISTANCE(ARRAY[1.0, 0.0], ARRAY[0.0, 1.0])", "DOUBLE 1.0"),
    ("DOT_PRODUCT(ARRAY[1.0, 2.0, 3.0], ARRAY[4.0, 5.0, 6.0])", "DOUBLE 32.0"),
    ("ELEMENT_AT(MAP['a', 1, 'b', NULL, 'c', 3], 'a')", "ARRAY<INT> [1]"),
    ("EMPTY(ARRAY[1])", "BOOLEAN false"),
    ("FLATTEN(ARRAY[ARRAY[1, 2], ARRAY[3, 4]])", "ARRAY<INT> [1, 2, 3, 4]"),
    ("GENERATE_SERIES(1, 3)", "ARRAY<BIGINT> [1, 2, 3]"),
    ("GENERATE_SERIES(3, 1, -1)", "ARRAY<BIGINT> [3, 2, 1]"),
    ("INNER_PRODUCT(ARRAY[1.0, 2.0, 3.0], ARRAY[4.0, 5.0, 6.0])", "DOUBLE 32.0"),
    ("LIST_ADD(ARRAY[1.0, 2.0, 3.0], ARRAY[10.0, 20.0, 30.0])", "ARRAY<DOUBLE> [11.0, 22.0, 33.0]"),
    ("LIST_ANY_VALUE(ARRAY[NULL, 1, 2, 3])", "INT 1"),
    ("LIST_APPEND(ARRAY[1, 2, 3], 4)", "ARRAY<INT> [1, 2, 3, 4]"),
    ("LIST_AVG(ARRAY[1.0, 2.0, 3.0])", "DOUBLE 2.0"),
    ("LIST_CAT(ARRAY[1, 2, 3], ARRAY[4], ARRAY[5])", "ARRAY<INT> [1, 2, 3, 4, 5]"),
    ("LIST_COMPACT(ARRAY[1, NULL, 2, NULL, 3])", "ARRAY<INT> [1, 2, 3]"),
    ("LIST_CONCAT(ARRAY[1, 2, 3], ARRAY[4], ARRAY[5])", "ARRAY<INT> [1, 2, 3, 4, 5]"),
    ("LIST_CONTAINS(ARRAY[1, 2, 3], 2)", "BOOLEAN true"),
    ("LIST_DIMS(ARRAY[ARRAY[1, 2, 3], ARRAY[4, 5, 6]])", "ARRAY<BIGINT> [2, 3]"),
    ("LIST_DISTANCE(ARRAY[1, 2], ARRAY[1, 4])", "DOUBLE 2.0"),
    ("LIST_DISTINCT(ARRAY[1, 3, 2, 3, 1, 2, 4])", "ARRAY<INT> [1, 3, 2, 4]"),
    ("LIST_ELEMENT(ARRAY[1, 2, 3, 4], 3)", "INT 3"),
    ("LIST_EMPTY(ARRAY[1])", "BOOLEAN false"),
    ("LIST_EXCEPT(ARRAY[1, 2, 3, 4], ARRAY[5, 6, 3, 4])", "ARRAY<INT> [1, 2]"),
    ("LIST_EXTRACT(ARRAY[1, 2, 3, 4], 3)", "INT 3"),
    ("LIST_HAS(ARRAY[1, 2, 3], 2)", "BOOLEAN true"),
    ("LIST_HAS_ALL(ARRAY[1, 2, 3, 4], ARRAY[2, 3])", "BOOLEAN true"),
    ("LIST_HAS_ANY(ARRAY[1, 2, 3], ARRAY[3, 4])", "BOOLEAN true"),
    ("LIST_INDEXOF(ARRAY[1, 2, 2, 3, 1, 4], 2)", "BIGINT 2"),
    ("LIST_INTERSECT(ARRAY[1, 2, 3, 4], ARRAY[5, 6, 3, 4])", "ARRAY<INT> [3, 4]"),
    ("LIST_JOIN(ARRAY['a', 'b'], '-')", "STRING a-b"),
    ("LIST_LENGTH(ARRAY[1, 2, 3, 4, 5])", "BIGINT 5"),
    ("LIST_MAX(ARRAY[3, 1, 4, 2])", "INT 4"),
    ("LIST_NDIMS(ARRAY[ARRAY[1, 2, 3], ARRAY[4, 5, 6]])", "BIGINT 2"),
    ("LIST_NORMALIZE(ARRAY[3.0, 4.0])", "ARRAY<DOUBLE> [0.6, 0.8]"),
    ("LIST_POP_BACK(ARRAY[1, 2, 3])", "ARRAY<INT> [1, 2]"),
    ("LIST_POP_FRONT(ARRAY[1, 2, 3])", "ARRAY<INT> [2, 3]"),
    ("LIST_POSITION(ARRAY[1, 2, 2, 3, 1, 4], 2, 3)", "BIGINT 3"),
    ("LIST_POSITIONS(ARRAY[1, 2, 2, 3, 1, 4], 2)", "ARRAY<BIGINT> [2, 3]"),
    ("LIST_PREPEND(1, ARRAY[2, 3, 4])", "ARRAY<INT> [1, 2, 3, 4]"),
    ("LIST_PRODUCT(ARRAY[1.0, 2.0, 3.0])", "DOUBLE 6.0"),
    ("LIST_PUSH_BACK(ARRAY[1, 2, 3], 4)", "ARRAY<INT> [1, 2, 3, 4]"),
    ("LIST_PUSH_FRONT(1, ARRAY[2, 3, 4])", "ARRAY<INT> [1, 2, 3, 4]"),
    ("LIST_REMOVE(ARRAY[1, 2, 2, 3, 2, 1, 4], 2)", "ARRAY<INT> [1, 2, 3, 2, 1, 4]"),
    ("LIST_REMOVE_ALL(ARRAY[1, 2, 2, 3, 2, 1, 4], 2)", "ARRAY<INT> [1, 3, 1, 4]"),
    ("LIST_REMOVE_N(ARRAY[1, 2, 2, 3, 2, 1, 4], 2, 2)", "ARRAY<INT> [1, 3, 2, 1, 4]"),
    ("LIST_REPEAT(1, 3)", "ARRAY<INT> [1, 1, 1]"),
    ("LIST_REPLACE(ARRAY[1, 2, 2, 3, 2, 1, 4], 2, 5)", "ARRAY<INT> [1, 5, 2, 3, 2, 1, 4]"),
    ("LIST_REPLACE_ALL(ARRAY[1, 2, 2, 3, 2, 1, 4], 2, 5)", "ARRAY<INT> [1, 5, 5, 3, 5, 1, 4]"),
    ("LIST_REPLACE_N(ARRAY[1, 2, 2, 3, 2, 1, 4], 2, 5, 2)", "ARRAY<INT> [1, 5, 5, 3, 2, 1, 4]"),
    ("LIST_RESIZE(ARRAY[1, 2, 3], 2)", "ARRAY<INT> [1, 2]"),
    ("LIST_REVERSE(ARRAY[1, 2, 3, 4])", "ARRAY<INT> [4, 3, 2, 1]"),
    ("LIST_SCALE(ARRAY[1.0, 2.0, 3.0], 2.0)", "ARRAY<DOUBLE> [2.0, 4.0, 6.0]"),
    ("LIST_SLICE(ARRAY[1, 2, 3, 4, 5, 6, 7, 8], 3, 6)", "ARRAY<INT> [3, 4, 5, 6]"),
    ("LIST_SORT(ARRAY[3, 1, 2], 'DESC', 'NULLS LAST')", "ARRAY<INT> [3, 2, 1]"),
    (
        "LIST_SUBTRACT(ARRAY[10.0, 20.0, 30.0], ARRAY[1.0, 2.0, 3.0])",
        "ARRAY<DOUBLE> [9.0, 18.0, 27.0]",
    ),
    ("LIST_SUM(ARRAY[1.0, 2.0, 3.0])", "DOUBLE 6.0"),
    ("LIST_TO_STRING(ARRAY[1, 2, 3], ',')", "STRING 1,2,3"),
    ("LIST_UNION(ARRAY[1, 2, 3, 4], ARRAY[5, 6, 3, 4])", "ARRAY<INT> [1, 2, 3, 4, 5, 6]"),
    ("LIST_ZIP(ARRAY[1, 2])", "ARRAY<ROW<`1` INT>> [{1: 1}, {1: 2}]"),
    ("MAKE_ARRAY(1, 2, 3, 4, 5)", "ARRAY<INT> [1, 2, 3, 4, 5]"),
    ("MAKE_LIST(1, 2, 3, 4, 5)", "ARRAY<INT> [1, 2, 3, 4, 5]"),
    ("MAP_EXTRACT(MAP['x', 10, 'y', NULL, 'z', 30], 'a')", "ARRAY<INT> [NULL]"),
    ("MAP_EXTRACT(MAP['x', 10, 'y', NULL, 'z', 30], 'y')", "ARRAY<INT> [NULL]"),
    ("RANGE(3)", "ARRAY<BIGINT> [0, 1, 2]"),
    ("RANGE(2, 10, 3)", "ARRAY<BIGINT> [2, 5, 8]"),
    ("STRING_TO_ARRAY('abc##def', '##')", "ARRAY<STRING> [abc, def]"),
    ("STRING_TO_ARRAY('abc def', ' ', 'def')", "ARRAY<STRING> [abc, NULL]"),
    ("STRING_TO_LIST('abc,def', ',')", "ARRAY<STRING> [abc, def]"),
];

/// Calls of what differs from row to row.
const OF_ROWS: &[(&str, &str)] = &[
    ("ARRAY_LENGTH(ARRAY[s, 'x'])", "BIGINT 2 | 2"),
    ("ARRAY_REPEAT(s, i)", "ARRAY<STRING> [Hällo, Hällo, Hällo, Hällo, Hällo, Hällo, Hällo] | []"),
    ("ARRAY_RESIZE(ARRAY[b], 2, b)", "ARRAY<BIGINT> [2, 2] | [NULL, NULL]"),
    ("ARRAY_HAS(ARRAY[i, 2], b)", "BOOLEAN true | NULL"),
    ("GENERATE_SERIES(b)", "ARRAY<BIGINT> [0, 1, 2] | NULL"),
    ("LIST_SUM(ARRAY[i, b])", "DOUBLE 9.0 | -7.0"),
    ("MAP_EXTRACT(MAP[i, s], 7)", "ARRAY<STRING> [Hällo] | [NULL]"),
    ("STRING_TO_ARRAY(s, 'l')", "ARRAY<STRING> [Hä, , o] | NULL"),
];

/// Calls that make more than there is memory for.
const TOO_MANY: &[(&str, &str)] = &[
    ("ARRAY_REPEAT(1, 100000000)", "100000000"),
    ("ARRAY_REPEAT(ARRAY_REPEAT(1, 10000), 10000)", "100000000"),
    ("ARRAY_RESIZE(ARRAY[1], 1000000000)", "1000000000"),
    ("GENERATE_SERIES(0, 9223372036854775807)", "9223372036854775807"),
    ("RANGE(-9223372036854775807, 9223372036854775807, 2)", "9223372036854775807"),
];

#[test]
fn functions_of_arrays_and_maps_mean_what_they_mean_there() {
    both(EXAMPLES);
    check(OF_ROWS);
}

#[test]
fn more_elements_than_there_is_memory_for_are_an_error() {
    for (call, elements) in TOO_MANY {
        let found = evaluate(call).unwrap();
        let expected = format!("makes {elements} elements, at most 16777216 are allowed");
        assert!(found.starts_with("fails: ") && found.contains(&expected), "{call}: {found}");
    }
}

/// Arguments of all kinds, to be combined.
const ARGUMENTS: &[&str] = &[
    "NULL",
    "i",
    "b",
    "-3",
    "2.5",
    "s",
    "f",
    "ts",
    "ARRAY[i, 2]",
    "ARRAY[s, 'a']",
    "ARRAY[ARRAY[1], ARRAY[i]]",
    "ARRAY_REMOVE(ARRAY[1], 1)",
    "MAP['a', b]",
    "9223372036854775807",
];

#[test]
fn no_arguments_make_a_function_panic() {
    let mut answered = 0;
    let mut call = |name: &str, arguments: &str| {
        answered += usize::from(evaluate(&format!("{name}({arguments})")).is_ok());
    };
    for name in library::names() {
        call(name, "? ?");
        for first in ARGUMENTS {
            call(name, first);
            for second in ARGUMENTS {
                call(name, &format!("{first}, {second}"));
                for third in ["NULL", "0", "-1", "s", "ARRAY[2]"] {
                    call(name, &format!("{first}, {second}, {third}"));
                }
            }
        }
    }
    assert!(answered > 1000, "{answered}");
}

#[test]
fn what_is_too_much_or_cannot_be_is_refused() {
    refused(&[
        ("ARRAY_LENGTH(s)", "ARRAY_LENGTH cannot be applied to (STRING)"),
        ("ARRAY_SUM(ARRAY[s])", "ARRAY_SUM cannot be applied to (ARRAY<STRING>)"),
        ("ARRAY_REPEAT(s)", "ARRAY_REPEAT cannot be applied to (STRING)"),
        ("FLATTEN(i)", "FLATTEN cannot be applied to (INT)"),
        ("MAP_EXTRACT(ARRAY[1], 1)", "MAP_EXTRACT cannot be applied to (ARRAY<INT>, INT)"),
        ("LIST_SORT(MAP['a', 1])", "LIST_SORT cannot be applied to (MAP<STRING, INT>)"),
        ("RANGE(ts, ts)", "RANGE makes whole numbers"),
        ("ARRAY_TRANSFORM(ARRAY[1], 1)", "unknown function ARRAY_TRANSFORM"),
    ]);
}
