//! Flink's data types: parsed from a statement, shown in messages, kept as Arrow types.

mod nested;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, IntervalUnit, TimeUnit};
use datafusion_expr::type_coercion::binary::type_union_resolution;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer};

use crate::dialect::FlinkDialect;
use crate::error::{Position, Result, SqlError, start_of};
use crate::expr::quoted;
use crate::functions::{decimals, rows};
use crate::tokens::is_word;

use self::nested::Brackets;
pub(crate) use self::nested::{array_of, entries_of, map_of, text_of};

/// `TIMESTAMP(3)`.
pub(crate) const TIMESTAMP: DataType = DataType::Timestamp(TimeUnit::Millisecond, None);

/// `TIMESTAMP_LTZ(3)`: an instant; its texts are in UTC.
pub(crate) fn timestamp_ltz() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, Some(Arc::from("UTC")))
}

/// Reads a type at the parser's place, such as `TIMESTAMP(3) WITH LOCAL TIME ZONE`.
pub(crate) fn parse_type(parser: &mut Parser<'_>, end: Position) -> Result<DataType> {
    let mut brackets = Brackets::default();
    let data_type = parse_nested(parser, end, &mut brackets)?;
    if brackets.closed == 0 {
        return Ok(data_type);
    }
    Err(SqlError::new(end, "a type has more > than <"))
}

fn parse_nested(
    parser: &mut Parser<'_>,
    end: Position,
    brackets: &mut Brackets,
) -> Result<DataType> {
    let at = start_of(parser.peek_token_ref().span).unwrap_or(end);
    let data_type = parse_one(parser, at, end, brackets)?;
    nested::parse_several(parser, data_type, at, brackets)
}

fn parse_one(
    parser: &mut Parser<'_>,
    at: Position,
    end: Position,
    brackets: &mut Brackets,
) -> Result<DataType> {
    let token = parser.next_token();
    let Token::Word(word) = &token.token else {
        return Err(SqlError::new(at, format!("expected a data type, found: {}", token.token)));
    };
    let name = word.value.to_ascii_uppercase();
    match name.as_str() {
        "ROW" => return nested::parse_row(parser, at, end, brackets),
        "ARRAY" => return nested::parse_array(parser, at, end, brackets),
        "MAP" => return nested::parse_map(parser, at, end, brackets),
        "MULTISET" => return nested::parse_multiset(parser, at, end, brackets),
        _ => {}
    }
    let arguments = parse_arguments(parser, at)?;
    let one = |default: u64| match arguments.as_slice() {
        [] => Ok(default),
        [n] => Ok(*n),
        _ => Err(SqlError::new(at, format!("{name} takes one number in parentheses"))),
    };
    Ok(match name.as_str() {
        "BOOLEAN" => DataType::Boolean,
        "TINYINT" => DataType::Int8,
        "SMALLINT" => DataType::Int16,
        "INT" | "INTEGER" => DataType::Int32,
        "BIGINT" => DataType::Int64,
        "FLOAT" => DataType::Float32,
        "DOUBLE" => {
            skip_words(parser, &["PRECISION"]);
            DataType::Float64
        }
        "DECIMAL" | "DEC" | "NUMERIC" => decimal(&arguments, at)?,
        "STRING" | "VARCHAR" | "CHAR" | "CHARACTER" => {
            one(1)?;
            DataType::Utf8
        }
        "BYTES" | "VARBINARY" | "BINARY" => {
            one(1)?;
            DataType::Binary
        }
        "DATE" => DataType::Date32,
        "TIME" => {
            one(0)?;
            skip_words(parser, &["WITHOUT", "TIME", "ZONE"]);
            DataType::Time32(TimeUnit::Millisecond)
        }
        "TIMESTAMP" => {
            let unit = time_unit(one(6)?, at)?;
            if skip_words(parser, &["WITH", "LOCAL", "TIME", "ZONE"]) {
                DataType::Timestamp(unit, Some(Arc::from("UTC")))
            } else if skip_words(parser, &["WITH", "TIME", "ZONE"]) {
                return Err(SqlError::new(at, "TIMESTAMP WITH TIME ZONE is not supported")
                    .hint("use TIMESTAMP_LTZ(3)"));
            } else {
                skip_words(parser, &["WITHOUT", "TIME", "ZONE"]);
                DataType::Timestamp(unit, None)
            }
        }
        "TIMESTAMP_LTZ" => DataType::Timestamp(time_unit(one(6)?, at)?, Some(Arc::from("UTC"))),
        "VARIANT" => {
            return Err(SqlError::new(at, "the type VARIANT is not there").hint(
                "keep JSON as a STRING, and read it by JSON_VALUE, JSON_QUERY and JSON_EXISTS",
            ));
        }
        "RAW" => {
            return Err(SqlError::new(at, "the type RAW is not there")
                .hint("it is that of Java's objects: BYTES are any others"));
        }
        _ => {
            return Err(SqlError::new(at, format!("unknown data type {}", word.value)).suggest(
                &name,
                "types",
                NAMES.iter().copied(),
            ));
        }
    })
}

/// The types' names.
pub(crate) const NAMES: [&str; 20] = [
    "BOOLEAN",
    "TINYINT",
    "SMALLINT",
    "INT",
    "BIGINT",
    "FLOAT",
    "DOUBLE",
    "DECIMAL",
    "STRING",
    "VARCHAR",
    "CHAR",
    "BYTES",
    "DATE",
    "TIME",
    "TIMESTAMP",
    "TIMESTAMP_LTZ",
    "ROW",
    "ARRAY",
    "MAP",
    "MULTISET",
];

/// Reads a type from a text of its own, such as the target of a `CAST`.
pub(crate) fn type_of_text(text: &str, at: Position) -> Result<DataType> {
    let tokens = Tokenizer::new(&FlinkDialect, text).tokenize_with_location()?;
    let mut parser = Parser::new(&FlinkDialect).with_tokens_with_locations(tokens);
    let data_type =
        parse_type(&mut parser, at).map_err(|error| SqlError { position: Some(at), ..error })?;
    match parser.next_token().token {
        Token::EOF => Ok(data_type),
        _ => Err(SqlError::new(at, format!("unknown data type {text}"))),
    }
}

fn parse_arguments(parser: &mut Parser<'_>, at: Position) -> Result<Vec<u64>> {
    let mut numbers = Vec::new();
    if !parser.consume_token(&Token::LParen) {
        return Ok(numbers);
    }
    loop {
        let token = parser.next_token();
        match &token.token {
            Token::Number(text, _) => numbers.push(text.parse().map_err(|_| {
                SqlError::new(start_of(token.span), format!("{text} is no precision"))
            })?),
            other => {
                return Err(SqlError::new(
                    start_of(token.span).unwrap_or(at),
                    format!("expected a number, found: {other}"),
                ));
            }
        }
        if parser.consume_token(&Token::RParen) {
            return Ok(numbers);
        }
        if !parser.consume_token(&Token::Comma) {
            return Err(SqlError::new(at, "the type's parentheses are not closed"));
        }
    }
}

fn decimal(arguments: &[u64], at: Position) -> Result<DataType> {
    let (precision, scale) = match arguments {
        [] => (10, 0),
        [p] => (*p, 0),
        [p, s] => (*p, *s),
        _ => return Err(SqlError::new(at, "DECIMAL takes a precision and a scale")),
    };
    if precision == 0 || precision > 38 || scale > precision {
        return Err(SqlError::new(at, format!("DECIMAL({precision}, {scale}) does not exist"))
            .hint("the precision is 1 to 38, the scale 0 to the precision"));
    }
    Ok(DataType::Decimal128(precision as u8, scale as i8))
}

fn time_unit(precision: u64, at: Position) -> Result<TimeUnit> {
    match precision {
        0..=3 => Ok(TimeUnit::Millisecond),
        4..=6 => Ok(TimeUnit::Microsecond),
        7..=9 => Ok(TimeUnit::Nanosecond),
        _ => Err(SqlError::new(at, format!("a timestamp's precision is 0 to 9, not {precision}"))),
    }
}

/// Skips the words if all of them come next.
fn skip_words(parser: &mut Parser<'_>, words: &[&str]) -> bool {
    let all = words.iter().enumerate().all(|(i, word)| is_word(parser.peek_nth_token_ref(i), word));
    if all {
        for _ in words {
            parser.next_token();
        }
    }
    all
}

/// The type's name in Flink.
pub(crate) fn flink_name(data_type: &DataType) -> String {
    let digits = |unit: &TimeUnit| match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond => 6,
        TimeUnit::Nanosecond => 9,
    };
    let not_null = |field: &FieldRef| if field.is_nullable() { "" } else { " NOT NULL" };
    match data_type {
        DataType::Null => "NULL".into(),
        DataType::Boolean => "BOOLEAN".into(),
        DataType::Int8 => "TINYINT".into(),
        DataType::Int16 => "SMALLINT".into(),
        DataType::Int32 => "INT".into(),
        DataType::Int64 => "BIGINT".into(),
        DataType::Float32 => "FLOAT".into(),
        DataType::Float64 => "DOUBLE".into(),
        DataType::Decimal128(p, s) => format!("DECIMAL({p}, {s})"),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "STRING".into(),
        DataType::Binary => "BYTES".into(),
        DataType::FixedSizeBinary(bytes) => format!("BINARY({bytes})"),
        DataType::Date32 => "DATE".into(),
        DataType::Time32(_) => "TIME".into(),
        DataType::Timestamp(unit, None) => format!("TIMESTAMP({})", digits(unit)),
        DataType::Timestamp(unit, Some(_)) => format!("TIMESTAMP_LTZ({})", digits(unit)),
        DataType::Duration(_) => "INTERVAL SECOND".into(),
        DataType::Interval(IntervalUnit::YearMonth) => "INTERVAL MONTH".into(),
        DataType::Struct(fields) => {
            let field = |field: &FieldRef| {
                let data_type = flink_name(field.data_type());
                format!("{} {data_type}{}", quoted(field.name()), not_null(field))
            };
            format!("ROW<{}>", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        DataType::List(item) => {
            format!("ARRAY<{}{}>", flink_name(item.data_type()), not_null(item))
        }
        DataType::Map(..) => {
            let Some([key, value]) = entries_of(data_type) else { return data_type.to_string() };
            let (name, not_null) = (flink_name(value.data_type()), not_null(value));
            format!("MAP<{}, {name}{not_null}>", flink_name(key.data_type()))
        }
        other => other.to_string(),
    }
}

/// Whether a value of `from` may be stored as `to` without a `CAST`.
pub(crate) fn casts_implicitly(from: &DataType, to: &DataType) -> bool {
    use DataType::{Date32, Decimal128, Float32, Float64, Null, Timestamp};
    let rank = |t: &DataType| match t {
        DataType::Int8 => Some(0),
        DataType::Int16 => Some(1),
        DataType::Int32 => Some(2),
        DataType::Int64 => Some(3),
        _ => None,
    };
    if from == to || *from == Null {
        return true;
    }
    match (from, to) {
        (Timestamp(..) | Date32, Timestamp(..))
        | (Decimal128(..), Decimal128(..) | Float32 | Float64)
        | (Float32, Float64) => true,
        (from, Decimal128(..) | Float32 | Float64) => rank(from).is_some(),
        (DataType::List(from), DataType::List(to)) => {
            casts_implicitly(from.data_type(), to.data_type())
        }
        (DataType::Struct(from), DataType::Struct(to)) => {
            let fits = |(from, to): (&FieldRef, &FieldRef)| {
                (from.name() == to.name() || rows::is_unnamed(from))
                    && casts_implicitly(from.data_type(), to.data_type())
            };
            from.len() == to.len() && from.iter().zip(to).all(fits)
        }
        (DataType::Map(..), DataType::Map(..)) => match (entries_of(from), entries_of(to)) {
            (Some(from), Some(to)) => (from.iter().zip(to))
                .all(|(from, to)| casts_implicitly(from.data_type(), to.data_type())),
            _ => false,
        },
        _ => matches!((rank(from), rank(to)), (Some(f), Some(t)) if f <= t),
    }
}

/// Whether values of these types can be results of one expression, such as a `CASE`.
pub(crate) fn have_common_type<'t>(types: impl IntoIterator<Item = &'t DataType>) -> bool {
    let types: Vec<&DataType> = types.into_iter().collect();
    if types.iter().any(|t| t.is_nested()) {
        return common_type(types).is_some();
    }
    let family = |data_type: &DataType| match data_type {
        t if t.is_numeric() => 1,
        DataType::Utf8 => 2,
        DataType::Boolean => 3,
        DataType::Timestamp(..) | DataType::Date32 => 4,
        DataType::Time32(_) => 5,
        DataType::Binary => 6,
        _ => 7,
    };
    let mut families = types.into_iter().filter(|t| **t != DataType::Null).map(family);
    let first = families.next();
    families.all(|next| Some(next) == first)
}

/// The type that values of all these types can be given as, if there is one.
pub(crate) fn common_type<'t>(types: impl IntoIterator<Item = &'t DataType>) -> Option<DataType> {
    common_of(types.into_iter().filter(|t| **t != DataType::Null).collect())
}

fn common_of(types: Vec<&DataType>) -> Option<DataType> {
    let first = *types.first()?;
    if types.iter().all(|t| *t == first) {
        return Some(first.clone());
    }
    if types.iter().all(|t| matches!(t, DataType::List(_))) {
        let elements = types.iter().filter_map(|t| match t {
            DataType::List(item) => Some(item.data_type()),
            _ => None,
        });
        return common_type(elements).map(|element| array_of(element, true));
    }
    if let Some(entries) = types.iter().map(|t| entries_of(t)).collect::<Option<Vec<_>>>() {
        let of = |part: usize| common_type(entries.iter().map(|e| e[part].data_type()));
        return Some(map_of(of(0)?, of(1)?, true));
    }
    if let DataType::Struct(first) = first
        && let Some(rows) = types.iter().map(|t| fields_of(t)).collect::<Option<Vec<_>>>()
    {
        return common_fields(first, &rows).map(DataType::Struct);
    }
    if types.iter().any(|t| t.is_nested()) || !have_common_type(types.iter().copied()) {
        return None;
    }
    // A decimal beside a float becomes a DOUBLE, where the library would do the opposite.
    if types.iter().any(|t| t.is_floating()) && types.iter().any(|t| t.is_decimal()) {
        return Some(DataType::Float64);
    }
    if let Some(decimal) = decimals::common(types.iter().copied()) {
        return Some(decimal);
    }
    let types: Vec<DataType> = types.into_iter().cloned().collect();
    type_union_resolution(&types)
}

fn fields_of(data_type: &DataType) -> Option<&Fields> {
    match data_type {
        DataType::Struct(fields) => Some(fields),
        _ => None,
    }
}

/// The fields that rows of these fields can be given, by their places: the names are the first's.
fn common_fields(first: &Fields, rows: &[&Fields]) -> Option<Fields> {
    if rows.iter().any(|fields| fields.len() != first.len()) {
        return None;
    }
    let common = |(place, field): (usize, &FieldRef)| {
        let nullable = rows.iter().any(|fields| fields[place].is_nullable());
        let data_type = common_type(rows.iter().map(|fields| fields[place].data_type()))?;
        Some(Field::new(field.name(), data_type, nullable))
    };
    first.iter().enumerate().map(common).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Position = Position { line: 1, column: 1 };

    #[test]
    fn types_round_trip_through_their_flink_names() {
        for name in [
            "BOOLEAN",
            "TINYINT",
            "SMALLINT",
            "INT",
            "BIGINT",
            "FLOAT",
            "DOUBLE",
            "STRING",
            "BYTES",
            "DECIMAL(10, 2)",
            "DATE",
            "TIME",
            "TIMESTAMP(3)",
            "TIMESTAMP(6)",
            "TIMESTAMP(9)",
            "TIMESTAMP_LTZ(3)",
            "ROW<a INT, `b c` ROW<d STRING NOT NULL, e ROW<f DECIMAL(10, 2)>>>",
            "ARRAY<INT>",
            "ARRAY<ARRAY<DECIMAL(10, 2)> NOT NULL>",
            "MAP<STRING, INT NOT NULL>",
            "MAP<BIGINT, MAP<STRING, ARRAY<ROW<a INT, b ARRAY<ROW<c INT>>>>>>",
        ] {
            assert_eq!(flink_name(&type_of_text(name, AT).unwrap()), name);
        }
        assert_eq!(type_of_text("TIMESTAMP", AT), type_of_text("TIMESTAMP(6)", AT));
        assert_eq!(type_of_text("timestamp(3) with local time zone", AT), Ok(timestamp_ltz()));
        assert_eq!(type_of_text("VARCHAR(20)", AT), Ok(DataType::Utf8));
        let in_parentheses = type_of_text("ROW(a INT COMMENT 'x', b ROW<c INT 'y'> NULL)", AT);
        assert_eq!(in_parentheses, type_of_text("row<a INT, b ROW<c INT>>", AT));
        let several = type_of_text("ROW<a INT ARRAY ARRAY, b MAP<INT, STRING ARRAY>> MULTISET", AT);
        let as_usual = "MULTISET<ROW<a ARRAY<ARRAY<INT>>, b MAP<INT, ARRAY<STRING>>>>";
        assert_eq!(several, type_of_text(as_usual, AT));
    }

    #[test]
    fn rows_that_are_not_closed_are_refused() {
        for text in ["ROW", "ROW<a INT", "ROW<a INT)", "ROW<a INT>>", "ROW<a INT, a INT>"] {
            assert!(type_of_text(text, AT).is_err(), "{text}");
        }
    }

    #[test]
    fn arrays_and_maps_that_are_not_complete_are_refused() {
        for text in [
            "ARRAY",
            "ARRAY<",
            "ARRAY<INT",
            "ARRAY<INT>>",
            "ARRAY<INT, INT>",
            "MAP",
            "MAP<INT>",
            "MAP<ARRAY<INT>>",
            "MAP<INT, INT",
            "MAP<MAP<INT, INT>, INT>",
        ] {
            assert!(type_of_text(text, AT).is_err(), "{text}");
        }
    }

    #[test]
    fn unknown_types_are_refused_with_a_suggestion() {
        let error = type_of_text("BIGNIT", AT).unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 1, column 1: unknown data type BIGNIT; did you mean \"BIGINT\"?"
        );
    }

    #[test]
    fn only_widening_is_implicit() {
        use DataType::{Float64, Int32, Int64, Utf8};
        assert!(casts_implicitly(&Int32, &Int64));
        assert!(casts_implicitly(&Int64, &Float64));
        assert!(!casts_implicitly(&Int64, &Int32));
        assert!(!casts_implicitly(&Int64, &Utf8));
        assert!(!casts_implicitly(&Utf8, &TIMESTAMP));
    }
}
