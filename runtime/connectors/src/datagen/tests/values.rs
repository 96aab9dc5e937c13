//! Values of single types.

use arrow::array::cast::AsArray;
use arrow::array::types::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Time32MillisecondType, TimestampMicrosecondType, TimestampMillisecondType,
};
use arrow::array::{Array, ArrayRef, ArrowPrimitiveType};
use arrow::datatypes::{DataType, TimeUnit};
use sabot_core::partitions;

use super::{NOW_MS, all, declared};
use crate::testing::schema;

/// The 10,000 values of a column of the type, as its options say; `#` stands for `fields.c`.
async fn column(data_type: DataType, pairs: &[(&str, &str)]) -> ArrayRef {
    let named: Vec<(String, &str)> =
        pairs.iter().map(|(name, value)| (name.replace('#', "fields.c"), *value)).collect();
    let mut pairs = vec![("number-of-rows", "10000"), ("rows-per-second", "1000")];
    pairs.extend(named.iter().map(|(name, value)| (name.as_str(), *value)));
    let rows = all(&pairs, schema(&[("c", data_type)])).await;
    rows.column(0).clone()
}

/// The least and the greatest value, and how many there are of.
async fn range<T: ArrowPrimitiveType>(pairs: &[(&str, &str)]) -> (T::Native, T::Native)
where
    T::Native: PartialOrd,
{
    let column = column(T::DATA_TYPE, pairs).await;
    let values = column.as_primitive::<T>().values();
    assert_eq!((values.len(), column.null_count()), (10_000, 0));
    let first = values[0];
    values.iter().fold((first, first), |(least, greatest), value| {
        (
            if *value < least { *value } else { least },
            if *value > greatest { *value } else { greatest },
        )
    })
}

#[tokio::test]
async fn numbers_are_of_their_range_with_both_ends() {
    assert_eq!(range::<Int8Type>(&[]).await, (i8::MIN, i8::MAX));
    assert_eq!(range::<Int16Type>(&[("#.min", "-2"), ("#.max", "2")]).await, (-2, 2));
    assert_eq!(range::<Int32Type>(&[("#.min", "7"), ("#.max", "7")]).await, (7, 7));
    assert_eq!(range::<Int32Type>(&[("#.max", "-2147483648")]).await, (i32::MIN, i32::MIN));
    let (least, greatest) = range::<Int32Type>(&[]).await;
    assert!(least < i32::MIN / 1000 * 999 && greatest > i32::MAX / 1000 * 999);
}

/// Without a lower bound they are above zero, as in Flink.
#[tokio::test]
async fn reals_are_of_their_range() {
    let (least, greatest) = range::<Float64Type>(&[("#.min", "-1.5"), ("#.max", "2.5")]).await;
    assert!((-1.5..-1.49).contains(&least) && (2.49..=2.5).contains(&greatest));
    let (least, greatest) = range::<Float64Type>(&[("#.max", "1e0")]).await;
    assert!(least > 0.0 && least < 0.01 && greatest > 0.99 && greatest < 1.0);
    let (least, greatest) = range::<Float32Type>(&[]).await;
    assert!(least > 0.0 && greatest.is_finite() && greatest > 1e38);
}

#[tokio::test]
async fn decimals_are_of_their_range_and_have_all_digits() {
    let bounds = [("#.min", "-0.105"), ("#.max", "0.1")];
    for (pairs, precision, scale, wanted) in [
        (&bounds[..], 5, 2, (-10, 10)),
        (&[], 3, 1, (0, 999)),
        (&[("#.min", "-1e30"), ("#.max", "0")], 2, 0, (-99, 0)),
    ] {
        let column = column(DataType::Decimal128(precision, scale), pairs).await;
        let values = column.as_primitive::<Decimal128Type>().values();
        let found = (*values.iter().min().unwrap(), *values.iter().max().unwrap());
        assert_eq!(found, wanted, "DECIMAL({precision}, {scale})");
    }
    let column = column(DataType::Decimal128(38, 0), &[]).await;
    let values = column.as_primitive::<Decimal128Type>().values();
    assert!(values.iter().all(|value| (0..10_i128.pow(38)).contains(value)));
    assert!(values.iter().any(|value| *value > 99 * 10_i128.pow(36)));
    assert!(values.iter().map(|value| value % 10).any(|digit| digit == 7));
}

#[tokio::test]
async fn one_boolean_in_two_is_true() {
    let column = column(DataType::Boolean, &[]).await;
    assert!((4800..5200).contains(&column.as_boolean().true_count()));
}

#[tokio::test]
async fn texts_are_hexadecimal_and_have_the_length_of_the_option_or_the_type() {
    for (pairs, data_type, shortest, longest) in [
        (&[][..], "STRING", 100, 100),
        (&[("#.length", "7")], "STRING", 7, 7),
        (&[], "VARCHAR(150)", 150, 150),
        (&[("#.length", "2")], "VARCHAR(3)", 2, 2),
        (&[("#.length", "8"), ("#.var-len", "true")], "STRING", 1, 7),
        (&[("#.length", "1"), ("#.var-len", "true")], "STRING", 1, 1),
        (&[], "CHAR(17)", 17, 17),
    ] {
        let types = declared(&[("c", data_type)]);
        let pairs = [pairs, &[(partitions::DECLARED_TYPES, types.as_str())]].concat();
        let column = column(DataType::Utf8, &pairs).await;
        let texts: Vec<&str> = column.as_string::<i32>().iter().flatten().collect();
        let lengths = || texts.iter().map(|text| text.len());
        assert_eq!(lengths().min(), Some(shortest), "{pairs:?}");
        assert_eq!(lengths().max(), Some(longest), "{pairs:?}");
        let is_digit = |letter: u8| matches!(letter, b'0'..=b'9' | b'a'..=b'f');
        assert!(texts.iter().all(|text| text.bytes().all(is_digit)));
        let different: std::collections::BTreeSet<_> = texts.iter().collect();
        assert!(different.len() > 9900 || longest < 8, "{}", different.len());
    }
}

#[tokio::test]
async fn bytes_have_the_length_of_the_option_or_the_type() {
    for (pairs, data_type, shortest, longest) in [
        (&[][..], "BYTES", 100, 100),
        (&[("#.length", "5"), ("#.var-len", "true")], "BYTES", 1, 4),
        (&[], "VARBINARY(9)", 9, 9),
        (&[], "BINARY(3)", 3, 3),
    ] {
        let types = declared(&[("c", data_type)]);
        let pairs = [pairs, &[(partitions::DECLARED_TYPES, types.as_str())]].concat();
        let column = column(DataType::Binary, &pairs).await;
        let lengths = || column.as_binary::<i32>().iter().flatten().map(<[u8]>::len);
        assert_eq!((lengths().min(), lengths().max()), (Some(shortest), Some(longest)));
        let all: std::collections::BTreeSet<u8> =
            column.as_binary::<i32>().iter().flatten().flatten().copied().collect();
        assert_eq!(all.len(), 256);
    }
}

#[tokio::test]
async fn about_as_many_values_are_null_as_the_rate_says() {
    let types = [
        DataType::Int64,
        DataType::Float32,
        DataType::Boolean,
        DataType::Decimal128(4, 1),
        DataType::Utf8,
        DataType::Binary,
        DataType::Date32,
        DataType::Timestamp(TimeUnit::Millisecond, None),
        super::list(DataType::Int32),
    ];
    for data_type in types {
        for (rate, wanted) in [("0", 0..1), ("0.25", 2300..2700), ("1", 10_000..10_001)] {
            let nulls = column(data_type.clone(), &[("#.null-rate", rate)]).await.null_count();
            assert!(wanted.contains(&nulls), "{data_type} at {rate}: {nulls}");
        }
    }
}

/// 1,000 rows a second from midday on: ten seconds.
#[tokio::test]
async fn times_are_those_at_which_rows_are_due() {
    let dates = range::<Date32Type>(&[]).await;
    assert_eq!(dates, (1, 1));
    let noon = 12 * 3_600_000;
    assert_eq!(range::<Time32MillisecondType>(&[]).await, (noon, noon + 9_999));
    assert_eq!(range::<TimestampMillisecondType>(&[]).await, (NOW_MS, NOW_MS + 9_999));
    let micros = range::<TimestampMicrosecondType>(&[]).await;
    assert_eq!(micros, (NOW_MS * 1000, (NOW_MS + 9_999) * 1000));
    let (least, greatest) = range::<TimestampMillisecondType>(&[("#.max-past", "1 h")]).await;
    let hour_ago = NOW_MS - 3_600_000;
    assert!((hour_ago..hour_ago + 20_000).contains(&least));
    assert!((NOW_MS - 10_000..NOW_MS + 10_000).contains(&greatest));
}

#[tokio::test]
async fn sequences_are_of_numbers_texts_and_bytes() {
    let pairs =
        [("#.kind", "sequence"), ("#.start", "-1"), ("#.end", "100"), ("number-of-rows", "3")];
    let types = declared(&[("c", "CHAR(1)")]);
    for (data_type, wanted) in [
        (DataType::Int8, ["-1", "0", "1"]),
        (DataType::Int16, ["-1", "0", "1"]),
        (DataType::Int32, ["-1", "0", "1"]),
        (DataType::Int64, ["-1", "0", "1"]),
        (DataType::Float32, ["-1.0", "0.0", "1.0"]),
        (DataType::Float64, ["-1.0", "0.0", "1.0"]),
        (DataType::Decimal128(5, 2), ["-1.00", "0.00", "1.00"]),
        (DataType::Utf8, ["-1", "0", "1"]),
        (DataType::Binary, ["ffffffffffffffff", "0000000000000000", "0000000000000001"]),
    ] {
        let column = column(data_type.clone(), &pairs).await;
        let text = |row| arrow::util::display::array_value_to_string(&column, row).unwrap();
        assert_eq!([text(0), text(1), text(2)], wanted, "{data_type}");
    }
    let pairs = [&pairs[..], &[(partitions::DECLARED_TYPES, types.as_str())]].concat();
    assert_eq!(column(DataType::Utf8, &pairs).await.as_string::<i32>().value(0), "-1");
}
