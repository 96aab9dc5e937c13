//! Parses the fields of a column. Those of an `ARRAY` or a `ROW` have elements, which are parsed as
//! fields are.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, ListArray,
    PrimitiveArray, StringArray, StructArray, Time32MillisecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowPrimitiveType, ArrowTimestampType, DataType, FieldRef, Fields, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::CsvOptions;
use crate::format::time::{nanos_per, parse_date, parse_time, parse_timestamp, zone_of};
use crate::format::{Malformed, decimal, parse_boolean};

/// Texts that are values of one type.
pub(super) struct Texts<'t> {
    /// None: it is not there.
    pub(super) texts: Vec<Option<&'t str>>,
    /// Of each text its row; none: each row has one.
    pub(super) rows: Option<Vec<usize>>,
}

impl Texts<'_> {
    fn row(&self, text: usize) -> usize {
        self.rows.as_ref().map_or(text, |rows| rows[text])
    }
}

/// A column that is being read.
pub(super) struct Reading<'c> {
    pub(super) options: &'c CsvOptions,
    /// Its name and its place in a record.
    pub(super) name: &'c str,
    pub(super) place: usize,
    /// Of each row its record.
    pub(super) records: &'c [usize],
    /// Which rows have fields that cannot be parsed.
    pub(super) wrong: &'c mut [bool],
}

impl Reading<'_> {
    /// The values of texts.
    pub(super) fn array(
        &mut self,
        data_type: &DataType,
        nullable: bool,
        texts: Texts<'_>,
    ) -> Result<ArrayRef, Malformed> {
        match data_type {
            DataType::List(item) => return self.lists(item, nullable, texts),
            DataType::Struct(fields) => return self.rows(fields, nullable, &texts),
            _ => {}
        }
        let of = (nullable, &texts);
        match data_type {
            DataType::Boolean => {
                let values = self.values(of, "true or false", parse_boolean)?;
                Ok(Arc::new(BooleanArray::from(values)))
            }
            DataType::Int8 => self.numbers::<Int8Type>(of, "a TINYINT"),
            DataType::Int16 => self.numbers::<Int16Type>(of, "a SMALLINT"),
            DataType::Int32 => self.numbers::<Int32Type>(of, "an INT"),
            DataType::Int64 => self.numbers::<Int64Type>(of, "a BIGINT"),
            DataType::Float32 => self.numbers::<Float32Type>(of, "a FLOAT"),
            DataType::Float64 => self.numbers::<Float64Type>(of, "a DOUBLE"),
            DataType::Decimal128(precision, scale) => {
                let (precision, scale) = (*precision, *scale);
                let decimal = |text: &str| decimal::parse(text, precision, scale);
                let expected = format!("a DECIMAL({precision}, {scale})");
                let values = Decimal128Array::from(self.values(of, &expected, decimal)?);
                Ok(Arc::new(values.with_data_type(data_type.clone())))
            }
            DataType::Date32 => {
                let day = |text: &str| parse_date(text.trim());
                let values = self.values(of, "a date such as 2024-05-01", day)?;
                Ok(Arc::new(Date32Array::from(values)))
            }
            DataType::Time32(TimeUnit::Millisecond) => {
                // Here seconds may be left out.
                let time = |text: &str| match text.len() {
                    5 => parse_time(&format!("{text}:00")),
                    _ => parse_time(text),
                };
                let values = self.values(of, "a time of day such as 12:30:00", time)?;
                Ok(Arc::new(Time32MillisecondArray::from(values)))
            }
            DataType::Timestamp(unit, _) => match unit {
                TimeUnit::Second => self.times::<TimestampSecondType>(of, data_type),
                TimeUnit::Millisecond => self.times::<TimestampMillisecondType>(of, data_type),
                TimeUnit::Microsecond => self.times::<TimestampMicrosecondType>(of, data_type),
                TimeUnit::Nanosecond => self.times::<TimestampNanosecondType>(of, data_type),
            },
            DataType::Binary => {
                let bytes = |text: &str| BASE64_STANDARD.decode(text.trim()).ok();
                let values = self.values(of, "bytes in base64", bytes)?;
                Ok(Arc::new(values.into_iter().collect::<BinaryArray>()))
            }
            data_type => {
                let values = self.values(of, "a text", |text| Some(text.to_owned()))?;
                let texts: ArrayRef = Arc::new(StringArray::from(values));
                cast(&texts, data_type).map_err(failed)
            }
        }
    }

    fn values<T>(
        &mut self,
        (nullable, texts): (bool, &Texts<'_>),
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Vec<Option<T>>, Malformed> {
        let mut values = Vec::with_capacity(texts.texts.len());
        for (index, text) in texts.texts.iter().enumerate() {
            let text = text.filter(|text| self.options.null.as_deref() != Some(*text));
            let value = text.and_then(&read);
            match (text, &value) {
                (Some(text), None) => {
                    self.fault(texts.row(index), || format!("is {text:?}: expected {expected}"))?;
                }
                (None, _) if !nullable => self.fault(texts.row(index), missing)?,
                _ => {}
            }
            values.push(value);
        }
        Ok(values)
    }

    /// A parse error, unless these are ignored.
    fn fault(&mut self, row: usize, reason: impl FnOnce() -> String) -> Result<(), Malformed> {
        if self.options.ignore_parse_errors {
            self.wrong[row] = true;
            return Ok(());
        }
        let reason = format!("column {} ('{}') {}", self.place + 1, self.name, reason());
        Err(Malformed { record: self.records[row], reason })
    }

    fn numbers<T>(
        &mut self,
        texts: (bool, &Texts<'_>),
        expected: &str,
    ) -> Result<ArrayRef, Malformed>
    where
        T: ArrowPrimitiveType,
        T::Native: std::str::FromStr,
    {
        let values = self.values(texts, expected, |text| text.trim().parse::<T::Native>().ok())?;
        Ok(Arc::new(values.into_iter().collect::<PrimitiveArray<T>>()))
    }

    fn times<T: ArrowTimestampType>(
        &mut self,
        texts: (bool, &Texts<'_>),
        data_type: &DataType,
    ) -> Result<ArrayRef, Malformed> {
        let timezone = match data_type {
            DataType::Timestamp(_, timezone) => timezone.as_ref(),
            _ => None,
        };
        let (zone, unit) = (zone_of(timezone), nanos_per(T::UNIT));
        let time = |text: &str| i64::try_from(parse_timestamp(text, zone)?.div_euclid(unit)).ok();
        let values = self.values(texts, zone.example(), time)?;
        let array: PrimitiveArray<T> = values.into_iter().collect();
        Ok(Arc::new(array.with_data_type(data_type.clone())))
    }

    /// Arrays: an empty text has no element.
    fn lists(
        &mut self,
        item: &FieldRef,
        nullable: bool,
        mut texts: Texts<'_>,
    ) -> Result<ArrayRef, Malformed> {
        loop {
            let mut elements = Texts { texts: Vec::new(), rows: None };
            let (mut rows, mut owners, mut ends) = (Vec::new(), Vec::new(), vec![0_i32]);
            for (index, text) in texts.texts.iter().enumerate() {
                let text = text.filter(|text| !text.is_empty());
                for element in text.into_iter().flat_map(|text| self.elements(text)) {
                    elements.texts.push(Some(element));
                    rows.push(texts.row(index));
                    owners.push(index);
                }
                ends.push(i32::try_from(elements.texts.len()).map_err(failed)?);
            }
            elements.rows = Some(rows);
            let values = self.array(item.data_type(), item.is_nullable(), elements)?;
            if !item.is_nullable() && values.null_count() > 0 {
                // Errors are ignored, and without an element that must be there it is no array.
                let lost: BTreeSet<usize> = owners
                    .iter()
                    .enumerate()
                    .filter(|(element, _)| values.is_null(*element))
                    .map(|(_, owner)| *owner)
                    .collect();
                for index in lost {
                    texts.texts[index] = None;
                }
                continue;
            }
            let valid: Vec<bool> = texts.texts.iter().map(Option::is_some).collect();
            self.require(nullable, &valid, &texts)?;
            let (ends, valid) = (OffsetBuffer::new(ends.into()), NullBuffer::from(valid));
            let lists = ListArray::try_new(Arc::clone(item), ends, values, Some(valid));
            return Ok(Arc::new(lists.map_err(failed)?));
        }
    }

    /// ROWs: an empty text is NULL, and elements behind the last field do not count.
    fn rows(
        &mut self,
        fields: &Fields,
        nullable: bool,
        texts: &Texts<'_>,
    ) -> Result<ArrayRef, Malformed> {
        let mut columns: Vec<Vec<Option<&str>>> = vec![Vec::new(); fields.len()];
        let mut valid = Vec::with_capacity(texts.texts.len());
        for (index, text) in texts.texts.iter().enumerate() {
            let text = text.filter(|text| !text.is_empty());
            let mut elements = text.map(|text| self.elements(text));
            let mut found = 0;
            for column in &mut columns {
                let element = elements.as_mut().and_then(Iterator::next);
                found += usize::from(element.is_some());
                column.push(element);
            }
            if text.is_some() && found < fields.len() {
                let expected = fields.len();
                let reason = || format!("has {found} elements: expected {expected}");
                self.fault(texts.row(index), reason)?;
            }
            valid.push(text.is_some());
        }
        let mut values = Vec::with_capacity(fields.len());
        for (field, column) in fields.iter().zip(columns) {
            let of_field = Texts { texts: column, rows: texts.rows.clone() };
            values.push(self.array(field.data_type(), true, of_field)?);
        }
        for (field, values) in fields.iter().zip(&values).filter(|(field, _)| !field.is_nullable())
        {
            for (index, valid) in valid.iter_mut().enumerate() {
                if *valid && values.is_null(index) {
                    let reason = || format!("has no value of the field '{}'", field.name());
                    self.fault(texts.row(index), reason)?;
                    *valid = false;
                }
            }
        }
        self.require(nullable, &valid, texts)?;
        let valid = Some(NullBuffer::from(valid));
        Ok(Arc::new(StructArray::try_new(fields.clone(), values, valid).map_err(failed)?))
    }

    /// The elements of a text that has some.
    fn elements<'t>(&self, text: &'t str) -> impl Iterator<Item = &'t str> + use<'t> {
        text.split(char::from(self.options.element_delimiter))
    }

    fn require(
        &mut self,
        nullable: bool,
        valid: &[bool],
        texts: &Texts<'_>,
    ) -> Result<(), Malformed> {
        if nullable {
            return Ok(());
        }
        let nulls = valid.iter().enumerate().filter(|(_, valid)| !**valid);
        nulls.map(|(index, _)| index).try_for_each(|index| self.fault(texts.row(index), missing))
    }
}

fn missing() -> String {
    "is NULL: it must not be".to_owned()
}

fn failed(error: impl std::fmt::Display) -> Malformed {
    Malformed { record: 0, reason: error.to_string() }
}
