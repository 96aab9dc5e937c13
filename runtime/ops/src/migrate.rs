//! Brings stored state into the form that a changed operator wants: values that it no longer
//! has are left out, the others are put into its order.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BinaryArray, Int64Array};
use sabot_core::state::{StateField, StateRows, StateSpec};
use sabot_core::{Error, Result};

use crate::codec::RowCodec;

/// How stored rows become wanted rows.
pub struct Migration {
    /// None when they are the same.
    mapping: Option<Mapping>,
}

struct Mapping {
    stored: RowCodec,
    wanted: RowCodec,
    /// Where each wanted column is among the stored; none for the time at which rows were written,
    /// where that was not kept.
    columns: Vec<Option<usize>>,
    now_ms: i64,
}

/// Plans the migration of a state's rows at `now_ms`, milliseconds since the Unix epoch; an error when a wanted value is not stored, or when
/// keys or namespaces differ.
pub fn migrate(stored: &StateSpec, wanted: &StateSpec, now_ms: i64) -> Result<Migration> {
    if stored.key != wanted.key || stored.namespace != wanted.namespace {
        return Err(Error::user(format!(
            "the state of operator {} has other keys or windows than the checkpoint's: start it \
             under a new sink table, or restore with mode Empty",
            wanted.operator
        )));
    }
    if stored.value == wanted.value && stored.encoding == wanted.encoding {
        return Ok(Migration { mapping: None });
    }
    let find = |field: &StateField| {
        let position = stored.value.iter().position(|s| s == field);
        if position.is_none() && field.name == StateField::WRITTEN {
            return Ok(None);
        }
        position.map(Some).ok_or_else(|| {
            Error::user(format!(
                "operator {}: {} ({}) is not in the state: start it under a new sink table, or \
                 restore with mode Empty",
                wanted.operator, field.name, field.data_type
            ))
        })
    };
    let columns = wanted.value.iter().map(find).collect::<Result<_>>()?;
    let (stored, wanted) = (RowCodec::of_values(stored)?, RowCodec::of_values(wanted)?);
    let mapping = Mapping { stored, wanted, columns, now_ms };
    Ok(Migration { mapping: Some(mapping) })
}

impl Migration {
    /// Whether rows stay as they are.
    pub fn is_identity(&self) -> bool {
        self.mapping.is_none()
    }

    /// Maps rows.
    pub fn rows(&self, rows: StateRows) -> Result<StateRows> {
        let Some(mapping) = &self.mapping else { return Ok(rows) };
        let Mapping { stored, wanted, columns, now_ms } = mapping;
        // Rows that are removed have no value to be mapped.
        let there = BinaryArray::from_iter_values(rows.values.iter().flatten());
        let values = stored.decode(&there)?;
        let now = || Arc::new(Int64Array::from_value(*now_ms, there.len())) as ArrayRef;
        let picked = columns.iter().map(|column| column.map_or_else(now, |c| values[c].clone()));
        let picked: Vec<_> = picked.collect();
        let mut mapped = wanted.encode(&picked, there.len())?;
        if there.len() < rows.groups.len() {
            let mut next = 0;
            let values = rows.values.iter().map(|value| {
                value?;
                next += 1;
                Some(mapped.value(next - 1))
            });
            mapped = values.collect();
        }
        Ok(StateRows { values: mapped, ..rows })
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr as _;
    use std::sync::Arc;

    use arrow::array::{
        Array, ArrayRef, AsArray, BinaryArray, Decimal128Array, Int64Array, StringArray,
    };
    use arrow::datatypes::{DataType, Int64Type, TimeUnit};
    use sabot_core::state::{Namespace, ValueEncoding};
    use sabot_types::{KeyGroup, OperatorUid};

    use super::*;

    fn spec(value: &[(&str, DataType)]) -> StateSpec {
        let field = |(name, data_type): &(&str, DataType)| StateField {
            name: (*name).to_string(),
            data_type: data_type.to_string(),
        };
        StateSpec {
            operator: OperatorUid::new("op").unwrap(),
            name: "window".to_string(),
            key: vec![],
            value: value.iter().map(field).collect(),
            namespace: "window-end tumble(1,0)".to_string(),
            ttl_ms: None,
            encoding: ValueEncoding::Sortable,
        }
    }

    fn rows(columns: &[ArrayRef]) -> StateRows {
        let codec = RowCodec::new(columns.iter().map(|c| c.data_type().clone())).unwrap();
        StateRows {
            namespace: Namespace(4),
            groups: vec![KeyGroup::new(0), KeyGroup::new(5)],
            keys: BinaryArray::from(vec![b"a".as_slice(), b"b"]),
            values: codec.encode(columns, 2).unwrap(),
        }
    }

    #[test]
    fn values_are_dropped_and_put_in_order_by_name() {
        let decimals =
            Decimal128Array::from(vec![Some(1), None]).with_precision_and_scale(38, 2).unwrap();
        let columns: [ArrayRef; 3] = [
            Arc::new(Int64Array::from(vec![1, 2])),
            Arc::new(StringArray::from(vec![Some("x"), None])),
            Arc::new(decimals),
        ];
        let stored = spec(&[
            ("COUNT(*)", DataType::Int64),
            ("MAX(name)", DataType::Utf8),
            ("SUM(price)", DataType::Decimal128(38, 2)),
        ]);
        let wanted = [("SUM(price)", DataType::Decimal128(38, 2)), ("COUNT(*)", DataType::Int64)];
        let migration = migrate(&stored, &spec(&wanted), 0).unwrap();
        assert!(!migration.is_identity());
        let migrated = migration.rows(rows(&columns)).unwrap();
        let expected = rows(&[columns[2].clone(), columns[0].clone()]);
        assert_eq!(migrated.values, expected.values);
        assert_eq!(migrated.keys, expected.keys);

        let none = migrate(&stored, &spec(&[]), 0).unwrap().rows(rows(&columns)).unwrap();
        assert_eq!(none.values.len(), 2);
        assert_eq!(none.values.value(1), b"");
    }

    #[test]
    fn rows_that_are_removed_stay_removed() {
        let column: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        let stored = spec(&[("COUNT(*)", DataType::Int64), ("SUM(n)", DataType::Int64)]);
        let wanted = spec(&[("SUM(n)", DataType::Int64)]);
        let migration = migrate(&stored, &wanted, 0).unwrap();
        let mut removed = rows(&[Arc::clone(&column), Arc::clone(&column)]);
        let last = removed.values.value(1).to_vec();
        removed.values = BinaryArray::from(vec![None, Some(last.as_slice())]);
        let migrated = migration.rows(removed).unwrap();
        assert!(migrated.values.is_null(0));
        assert_eq!(migrated.values.value(1), rows(&[column]).values.value(1));
    }

    #[test]
    fn rows_get_the_time_when_they_are_to_have_one_and_lose_it_when_not() {
        let counts: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        let without = spec(&[("COUNT(*)", DataType::Int64)]);
        let with = without.clone().with_ttl(Some(1000));
        let stored = rows(std::slice::from_ref(&counts));
        let stamped = migrate(&without, &with, 77).unwrap().rows(stored.clone()).unwrap();
        let times: ArrayRef = Arc::new(Int64Array::from(vec![77, 77]));
        assert_eq!(stamped.values, rows(&[counts, times]).values);
        let again = migrate(&with, &without, 99).unwrap().rows(stamped.clone()).unwrap();
        assert_eq!(again.values, stored.values);
        let other = without.with_ttl(Some(2000));
        assert!(migrate(&with, &other, 99).unwrap().is_identity());
    }

    #[test]
    fn the_same_values_stay_as_they_are() {
        let same = spec(&[("COUNT(*)", DataType::Int64)]);
        let migration = migrate(&same, &same, 0).unwrap();
        assert!(migration.is_identity());
        let column: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        let out = migration.rows(rows(std::slice::from_ref(&column))).unwrap();
        let codec = RowCodec::new([DataType::Int64]).unwrap();
        let decoded = codec.decode(&out.values).unwrap();
        assert_eq!(decoded[0].as_primitive::<Int64Type>().values(), &[1, 2]);
    }

    #[test]
    fn a_value_that_is_not_stored_is_refused_by_name() {
        let stored = spec(&[("COUNT(*)", DataType::Int64)]);
        let wanted = spec(&[("MAX(price)", DataType::Int64)]);
        let error = migrate(&stored, &wanted, 0).err().unwrap();
        assert!(error.to_string().contains("MAX(price)"), "{error}");
    }

    #[test]
    fn every_type_of_a_value_is_read_back_from_its_text() {
        for data_type in [
            DataType::Boolean,
            DataType::Int8,
            DataType::Int64,
            DataType::Float32,
            DataType::Float64,
            DataType::Utf8,
            DataType::Utf8View,
            DataType::Binary,
            DataType::Date32,
            DataType::Time32(TimeUnit::Millisecond),
            DataType::Decimal128(38, 18),
            DataType::Timestamp(TimeUnit::Millisecond, None),
            DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
            DataType::Timestamp(TimeUnit::Nanosecond, Some("+02:00".into())),
        ] {
            assert_eq!(DataType::from_str(&data_type.to_string()).unwrap(), data_type);
        }
    }

    #[test]
    fn values_are_encoded_anew_with_the_time_as_the_backend_reads_it() {
        let fields = [("name", DataType::Utf8), ("id", DataType::Int64)];
        let stored = spec(&fields).with_ttl(Some(1000));
        let wanted = StateSpec { encoding: ValueEncoding::Compact, ..stored.clone() };
        let columns: [ArrayRef; 3] = [
            Arc::new(StringArray::from(vec![Some("x"), None])),
            Arc::new(Int64Array::from(vec![1, 2])),
            Arc::new(Int64Array::from(vec![70, 80])),
        ];
        let migration = migrate(&stored, &wanted, 0).unwrap();
        assert!(!migration.is_identity());
        let values = migration.rows(rows(&columns)).unwrap().values;
        let row = RowCodec::compact(fields.map(|(_, data_type)| data_type)).unwrap();
        let without = row.encode(&columns[..2], 2).unwrap();
        for (at, written) in [70, 80].into_iter().enumerate() {
            let expected = [without.value(at), &sabot_core::state::number::encode(written)];
            assert_eq!(values.value(at), expected.concat());
        }
        assert!(migrate(&wanted, &wanted, 0).unwrap().is_identity());
    }
}
