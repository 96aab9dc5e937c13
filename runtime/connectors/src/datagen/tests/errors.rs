//! What users write wrong, and what they are told.

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use std::sync::Arc;

use sabot_core::partitions;

use super::{declared, list, options, schema, timestamp};
use crate::{Role, validate};

fn columns() -> SchemaRef {
    let row = DataType::Struct(vec![Field::new("price", DataType::Float64, true)].into());
    let columns = schema(&[
        ("tiny", DataType::Int8),
        ("price", DataType::Decimal128(5, 2)),
        ("name", DataType::Utf8),
        ("at", timestamp()),
        ("flag", DataType::Boolean),
        ("real", DataType::Float32),
        ("row", row),
        ("tags", list(DataType::Utf8)),
    ]);
    let key = Arc::new(Field::new("key", DataType::Int32, false));
    Arc::new(Schema::try_merge([columns.as_ref().clone(), Schema::new(vec![key])]).unwrap())
}

fn refused(pairs: &[(&str, &str)]) -> String {
    let pairs = [&[("connector", "datagen")], pairs].concat();
    match validate("t", Role::Source, &options(&pairs), &columns()) {
        Ok(()) => "accepted".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_is_wrong_is_named_with_what_would_be_right() {
    for (pairs, expected) in [
        (
            &[("row-per-second", "5")][..],
            "(did you mean 'rows-per-second'?); known options: connector, number-of-rows, rows-per-second, fields.*",
        ),
        (
            &[("field.tiny.min", "5")],
            "unknown option 'field.tiny.min' of connector 'datagen' as a source (did you mean 'fields.tiny.min'?)",
        ),
        (
            &[("rows-per-second", "0")],
            "'rows-per-second' = '0' is not valid: expected a whole number from 1",
        ),
        (
            &[("number-of-rows", "-1")],
            "'number-of-rows' = '-1' is not valid: expected a whole number from 0",
        ),
        (
            &[("fields.nam.length", "5")],
            "option 'fields.nam.length' is of no column (did you mean 'name'?): the columns are tiny, price, name,",
        ),
        (&[("fields.name", "5")], "option 'fields.name' is of no column"),
        (
            &[("fields.name.lenght", "5")],
            "unknown option 'fields.name.lenght' of connector 'datagen' as a source (did you mean 'fields.name.length'?); known options: number-of-rows, rows-per-second, fields.name.kind, fields.name.length, fields.name.null-rate, fields.name.var-len",
        ),
        (
            &[("fields.name.min", "5")],
            "option 'fields.name.min' does not fit 'name', which is STRING and takes 'fields.name.kind', 'fields.name.length',",
        ),
        (
            &[("fields.tiny.length", "5")],
            "does not fit 'tiny', which is TINYINT and takes 'fields.tiny.kind', 'fields.tiny.max', 'fields.tiny.min', 'fields.tiny.null-rate'",
        ),
        (&[("fields.tiny.start", "5")], "does not fit 'tiny', which is TINYINT"),
        (&[("fields.tiny.max-past", "5 s")], "does not fit 'tiny'"),
        (
            &[("fields.at.min", "5")],
            "does not fit 'at', which is TIMESTAMP(3) and takes 'fields.at.kind', 'fields.at.max-past', 'fields.at.null-rate'",
        ),
        (
            &[("fields.row.price.kind", "random")],
            "does not fit 'row.price', which is DOUBLE and takes 'fields.row.price.max',",
        ),
        (&[("fields.row.price.mim", "1")], "(did you mean 'fields.row.price.min'?)"),
        (&[("fields.tags.element.min", "1")], "does not fit 'tags.element', which is STRING"),
        (
            &[("fields.tiny.kind", "sequenz")],
            "'fields.tiny.kind' = 'sequenz' is not valid: expected 'random' or 'sequence'",
        ),
        (&[("fields.flag.kind", "sequence")], "expected 'random', the only kind of BOOLEAN values"),
        (
            &[("fields.at.kind", "sequence")],
            "expected 'random', the only kind of TIMESTAMP(3) values",
        ),
        (&[("fields.tags.kind", "sequence")], "expected 'random', the only kind of ARRAY values"),
        (
            &[("fields.tiny.kind", "sequence"), ("fields.tiny.end", "5")],
            "option 'fields.tiny.start' is missing: set it to the first number of the sequence",
        ),
        (
            &[("fields.tiny.kind", "sequence"), ("fields.tiny.start", "5")],
            "option 'fields.tiny.end' is missing: set it to the last number of the sequence",
        ),
        (
            &[
                ("fields.tiny.kind", "sequence"),
                ("fields.tiny.start", "5"),
                ("fields.tiny.end", "4"),
            ],
            "'fields.tiny.end' = '4' is not valid: expected a number from 5, which is 'fields.tiny.start'",
        ),
        (
            &[
                ("fields.tiny.kind", "sequence"),
                ("fields.tiny.start", "5"),
                ("fields.tiny.end", "128"),
            ],
            "'fields.tiny.end' = '128' is not valid: expected a whole number from -128 to 127",
        ),
        (
            &[
                ("fields.price.kind", "sequence"),
                ("fields.price.start", "0"),
                ("fields.price.end", "1000"),
            ],
            "expected a whole number from -999 to 999",
        ),
        (
            &[
                ("fields.tiny.kind", "sequence"),
                ("fields.tiny.start", "5"),
                ("fields.tiny.end", "6"),
                ("fields.tiny.null-rate", "0.5"),
            ],
            "option 'fields.tiny.null-rate' does not fit 'tiny', which is a sequence and takes 'fields.tiny.kind', 'fields.tiny.end', 'fields.tiny.start'",
        ),
        (
            &[("fields.tiny.min", "300")],
            "'fields.tiny.min' = '300' is not valid: expected a whole number from -128 to 127",
        ),
        (&[("fields.tiny.min", "1.5")], "expected a whole number from -128 to 127"),
        (
            &[("fields.tiny.min", "3"), ("fields.tiny.max", "2")],
            "'fields.tiny.min' = '3' is not valid: expected a number up to 'fields.tiny.max', which is 2",
        ),
        (
            &[("fields.price.min", "3.5"), ("fields.price.max", "2")],
            "expected a number up to 'fields.price.max', which is 2",
        ),
        (
            &[("fields.price.max", "-1")],
            "'fields.price.max' = '-1' is not valid: expected a number from 'fields.price.min', which is 0 without it",
        ),
        (&[("fields.price.max", "much")], "expected a number such as 12.5"),
        (&[("fields.real.max", "1e39")], "expected a number from -3.4"),
        (&[("fields.real.min", "NaN")], "expected a number from"),
        (
            &[("fields.name.length", "0")],
            "'fields.name.length' = '0' is not valid: expected a length from 1 to 16777216 of the type STRING",
        ),
        (&[("fields.name.length", "long")], "expected a length from 1 to"),
        (&[("fields.name.var-len", "yes")], "expected 'true' or 'false'"),
        (
            &[("fields.name.null-rate", "1.5")],
            "'fields.name.null-rate' = '1.5' is not valid: expected a share from 0 to 1, such as 0.1",
        ),
        (&[("fields.name.null-rate", "-0.1")], "expected a share from 0 to 1"),
        (&[("fields.name.null-rate", "NaN")], "expected a share from 0 to 1"),
        (
            &[("fields.key.null-rate", "0.5")],
            "'fields.key.null-rate' = '0.5' is not valid: expected 0, since key is NOT NULL",
        ),
        (&[("fields.at.max-past", "soon")], "expected a duration such as '500 ms'"),
        (
            &[("fields.tags.length", "10000000"), ("fields.tags.element.length", "1000")],
            "column 'tags' has values of 10040000004 bytes, more than 67108864: lower the lengths",
        ),
    ] {
        let error = refused(pairs);
        assert!(error.contains(expected), "{pairs:?}: {error}");
        assert!(error.starts_with("table t: "), "{error}");
    }
}

#[test]
fn lengths_are_up_to_those_of_the_declaration() {
    for (data_type, pair, expected) in [
        (
            "VARCHAR(5)",
            ("fields.c.length", "6"),
            "expected a length from 1 to 5 of the type VARCHAR(5)",
        ),
        ("VARCHAR(5)", ("fields.c.length", "5"), "accepted"),
        (
            "CHAR(5)",
            ("fields.c.length", "5"),
            "does not fit 'c', which is CHAR(5) and takes 'fields.c.kind', 'fields.c.null-rate'",
        ),
        ("CHAR(5)", ("fields.c.var-len", "true"), "does not fit 'c', which is CHAR(5)"),
        (
            "INTERVAL SECOND",
            ("fields.c.null-rate", "0"),
            "has the type INTERVAL SECOND, of which datagen makes no values",
        ),
    ] {
        let types = declared(&[("c", data_type), ("Other", "INT")]);
        let pairs = [("connector", "datagen"), (partitions::DECLARED_TYPES, types.as_str()), pair];
        let columns = schema(&[("c", DataType::Utf8)]);
        let found = validate("t", Role::Source, &options(&pairs), &columns);
        let found = found.map_or_else(|error| error.to_string(), |()| "accepted".to_owned());
        assert!(found.contains(expected), "{data_type}: {found}");
    }
}

/// What nothing reads is checked as well, and names of options know no upper case.
#[test]
fn options_of_columns_that_are_not_read_are_checked() {
    let types = declared(&[("c", "STRING"), ("Other", "INT")]);
    for (pair, expected) in [
        (("fields.other.max", "5"), "accepted"),
        (("fields.other.max", "x"), "'fields.other.max' = 'x' is not valid"),
        (("fields.another.max", "x"), "is of no column"),
    ] {
        let pairs = [("connector", "datagen"), (partitions::DECLARED_TYPES, types.as_str()), pair];
        let columns = schema(&[("c", DataType::Utf8)]);
        let found = validate("t", Role::Source, &options(&pairs), &columns);
        let found = found.map_or_else(|error| error.to_string(), |()| "accepted".to_owned());
        assert!(found.contains(expected), "{found}");
    }
}

#[test]
fn nothing_is_written_with_it() {
    let error = validate("t", Role::Sink, &options(&[("connector", "datagen")]), &columns());
    let error = error.unwrap_err().to_string();
    assert!(error.contains("'datagen' cannot be used as a sink; it is a source only"), "{error}");
}
