use arrow::array::{
    BooleanArray, Date32Array, Decimal128Array, Float64Array, Int16Array, Int32Array, Int64Array,
    ListArray, StringArray, TimestampMillisecondArray, UInt64Array,
};
use arrow::datatypes::{Field, Int32Type};

use super::*;
use crate::state::RowCodec;

/// Columns of all forms, each with a null, its least and its greatest value.
fn columns() -> Vec<ArrayRef> {
    let long = "ü".repeat(9000);
    let texts = [Some(""), None, Some("a"), Some(&*long), Some("63 bytes")];
    let longs = [Some(0), None, Some(-1), Some(i64::MIN), Some(i64::MAX)];
    let times = [Some(1_700_000_000_000), None, Some(-1), Some(127), Some(i64::MAX)];
    let decimals = [Some(0), None, Some(-1), Some(i128::MIN), Some(i128::MAX)];
    let lists = [Some(vec![Some(1), None]), None, Some(vec![]), Some(vec![Some(2)]), None];
    vec![
        Arc::new(Int64Array::from(longs.to_vec())),
        Arc::new(StringArray::from(texts.to_vec())),
        Arc::new(Int32Array::from(vec![Some(0), None, Some(-1), Some(i32::MIN), Some(64)])),
        Arc::new(TimestampMillisecondArray::from(times.to_vec()).with_timezone("UTC")),
        Arc::new(BooleanArray::from(vec![Some(true), None, Some(false), None, None])),
        Arc::new(Decimal128Array::from(decimals.to_vec())),
        Arc::new(BinaryArray::from(vec![Some(b"\xff\0".as_slice()), None, None, None, None])),
        Arc::new(Float64Array::from(vec![Some(-0.0), None, Some(f64::NAN), Some(1.5), None])),
        Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists)),
        Arc::new(UInt64Array::from(vec![Some(u64::MAX), None, Some(0), Some(1), None])),
        Arc::new(Int16Array::from(vec![Some(i16::MIN), None, Some(0), Some(1), None])),
        Arc::new(Date32Array::from(vec![Some(i32::MAX), None, Some(0), Some(1), None])),
    ]
}

fn codec(columns: &[ArrayRef]) -> RowCodec {
    RowCodec::compact(columns.iter().map(|column| column.data_type().clone())).unwrap()
}

#[test]
fn columns_come_back_as_they_were() {
    let columns = columns();
    for from in 0..columns.len() {
        for to in from..=columns.len() {
            let columns = &columns[from..to];
            let rows = codec(columns).encode(columns, 5).unwrap();
            let back = codec(columns).decode(&rows).unwrap();
            // Of floats the bits are compared.
            assert_eq!(format!("{back:?}"), format!("{columns:?}"));
            let sliced: Vec<_> = columns.iter().map(|column| column.slice(2, 3)).collect();
            let part = codec(columns).encode(&sliced, 3).unwrap();
            assert_eq!(part, rows.slice(2, 3).iter().collect::<BinaryArray>());
        }
    }
}

#[test]
fn rows_of_some_columns_before_those_of_others_are_rows_of_all() {
    let columns = columns();
    let rows = codec(&columns).encode(&columns, 5).unwrap();
    for at in 1..columns.len() {
        let (front, back) = columns.split_at(at);
        let (front, back) =
            (codec(front).encode(front, 5).unwrap(), codec(back).encode(back, 5).unwrap());
        for row in 0..5 {
            assert_eq!([front.value(row), back.value(row)].concat(), rows.value(row));
        }
    }
}

#[test]
fn numbers_are_short_and_alone_as_in_a_column() {
    let numbers = [0, 1, -1, 63, -64, 64, 1 << 20, i64::MAX >> 8, i64::MAX, i64::MIN];
    let bytes = [1, 2, 2, 2, 2, 2, 4, 8, 9, 9];
    let column: ArrayRef = Arc::new(Int64Array::from(numbers.to_vec()));
    let codec = codec(&[Arc::clone(&column)]);
    let rows = codec.encode(&[column], numbers.len()).unwrap();
    for (row, (number, bytes)) in numbers.into_iter().zip(bytes).enumerate() {
        let mut alone = Vec::new();
        push_number(&mut alone, number);
        assert_eq!(alone, rows.value(row));
        assert_eq!(alone.len(), bytes, "{number}");
        alone.push(7);
        assert_eq!(take_number(&alone), Some((number, [7].as_slice())));
        let whole = number::encode(number);
        let read = codec.decode_rows(std::iter::once(whole.as_slice())).unwrap();
        assert_eq!(read[0].as_primitive::<arrow::datatypes::Int64Type>().value(0), number);
    }
    assert_eq!(take_number(&[]), None);
    assert_eq!(take_number(&[NULL, 1]), None);
}

#[test]
fn rows_of_no_columns_are_empty() {
    let rows = codec(&[]).encode(&[], 3).unwrap();
    assert_eq!(rows, BinaryArray::from(vec![b"".as_slice(); 3]));
    assert!(codec(&[]).decode(&rows).unwrap().is_empty());
}

#[test]
fn names_within_a_type_make_no_difference() {
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1), None])]);
    let (_, ends, values, nulls) = list.clone().into_parts();
    let field = Arc::new(Field::new("element", DataType::Int32, true));
    let renamed: ArrayRef = Arc::new(ListArray::new(field, ends, values, nulls));
    let list: ArrayRef = Arc::new(list);
    assert_ne!(list.data_type(), renamed.data_type());
    let codec = codec(&[Arc::clone(&list)]);
    let rows = codec.encode(&[renamed], 1).unwrap();
    assert_eq!(codec.decode(&rows).unwrap(), [list]);
}

#[test]
fn bytes_that_are_no_row_are_an_error() {
    // Rows of Arrow's, which are inside, are not checked.
    let columns: Vec<_> = columns().into_iter().filter(|c| !c.data_type().is_nested()).collect();
    let columns: Vec<_> = columns
        .into_iter()
        .filter(|c| !matches!(c.data_type(), DataType::Boolean | DataType::Int16))
        .collect();
    let codec = codec(&columns);
    let rows = codec.encode(&columns, 5).unwrap();
    let decode = |row: &[u8]| codec.decode_rows(std::iter::once(row));
    for row in rows.iter().flatten() {
        let cuts = (0..row.len().min(64)).chain(row.len().saturating_sub(12)..row.len());
        for cut in cuts {
            assert!(decode(&row[..cut]).is_err(), "{cut} of {} bytes", row.len());
        }
        assert!(decode(&[row, &[0]].concat()).is_err());
        for at in 0..row.len().min(64) {
            for byte in 0..=u8::MAX {
                let mut damaged = row.to_vec();
                damaged[at] = byte;
                // Some of them are rows.
                let _ = decode(&damaged);
            }
        }
    }
    assert!(self::codec(&columns[..2]).encode(&columns[1..3], 5).is_err());
    assert!(self::codec(&columns[..2]).encode(&columns[..3], 5).is_err());
}
