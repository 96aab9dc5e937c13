//! ROWs and JSON of values.

use super::{both, check, refused};

#[test]
fn rows_are_cast_by_the_places_of_their_fields() {
    check(&[
        (
            "CAST(ROW(i, s) AS ROW<a BIGINT, b STRING>)",
            "ROW<a BIGINT, b STRING> {a: 7, b: Hällo} | {a: -7, b: NULL}",
        ),
        ("CAST(ROW(s, i) AS ROW<a STRING, b STRING>).b", "STRING 7 | -7"),
        ("CAST(ARRAY[ROW(i)] AS ARRAY<ROW<a DOUBLE>>)[1].a", "DOUBLE 7.0 | -7.0"),
        (
            "CAST(ROW(ROW(i, 'x'), b) AS ROW<a ROW<c STRING, d STRING>, e BIGINT>).a.c",
            "STRING 7 | -7",
        ),
        ("TRY_CAST(ROW(s) AS ROW<a INT>) IS NULL", "BOOLEAN true | false"),
        ("CASE WHEN b = 2 THEN CAST(ROW(i) AS ROW<a INT>) END IS NULL", "BOOLEAN false | true"),
    ]);
    refused(&[
        ("CAST(ROW(i, s) AS ROW<a INT>)", "they have not as many fields"),
        ("CAST(ROW(f) AS ROW<a DATE>)", "the types have nothing in common"),
        ("ROW()", "ROW needs a value"),
        ("ROW(i, NULL)", "use CAST(NULL AS <type>)"),
    ]);
}

#[test]
fn json_is_made_of_values_and_of_json() {
    both(&[
        ("JSON_ARRAY('[', JSON_ARRAY(), (JSON_OBJECT('a': 1)))", r#"STRING ["[",[],{"a":1}]"#),
        ("JSON_ARRAY('[1]', UPPER(JSON_ARRAY(1)))", r#"STRING ["[1]","[1]"]"#),
        ("JSON_STRING(CAST(ROW(1, 'x') AS ROW<a INT, b STRING>))", r#"STRING {"a":1,"b":"x"}"#),
        (
            "JSON_OBJECT('a' VALUE 'VALUE', KEY 'b' VALUE 'KEY')",
            r#"STRING {"a":"VALUE","b":"KEY"}"#,
        ),
    ]);
    check(&[(
        "JSON_OBJECT('i' VALUE i, 'd' VALUE d ABSENT ON NULL)",
        r#"STRING {"d":2.5,"i":7} | {"i":-7}"#,
    )]);
    refused(&[
        ("JSON_OBJECT('a')", "write JSON_OBJECT('key' VALUE value, ...)"),
        ("JSON_OBJECT(s VALUE 1)", "takes values without names"),
        ("JSON_OBJECT(s, 1)", "write JSON_OBJECT('key' VALUE value, ...)"),
        ("JSON_ARRAY(CAST(ts AS DATE))", "use CAST(<value> AS STRING)"),
        ("i IS JSON", "IS JSON needs STRING, i is INT"),
    ]);
}

#[test]
fn conditions_on_json_bind_as_others_do() {
    both(&[
        ("NOT '1' IS JSON OR '{}' IS NOT JSON OBJECT", "BOOLEAN false"),
        ("'[1' || ']' IS JSON ARRAY AND '1' IS JSON VALUE", "BOOLEAN true"),
        ("('1' IS JSON) IS TRUE", "BOOLEAN true"),
    ]);
}
