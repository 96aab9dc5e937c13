//! `METADATA` columns: what connectors tell of rows, or are told, beside the rows' own columns.

use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, MapBuilder, MapFieldNames, RecordBatch, RecordBatchOptions,
    StringBuilder,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use sabot_core::{Error, Result, metadata};

use crate::options::{OptionError, Options, Role, did_you_mean};

/// Something that a connector has beside each row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MetadataKey {
    /// What `METADATA FROM` calls it.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
}

/// Its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Int,
    BigInt,
    /// An instant with milliseconds.
    Time,
    /// Bytes by texts.
    Headers,
    /// Texts by texts.
    Texts,
}

impl Kind {
    fn fits(self, column: &DataType) -> bool {
        match (self, column) {
            (Self::Text, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
            | (Self::Int, DataType::Int32)
            // Of an instant the milliseconds since the Unix epoch.
            | (Self::Int | Self::BigInt | Self::Time, DataType::Int64)
            | (Self::Time, DataType::Timestamp(..)) => true,
            (Self::Headers, DataType::Map(entries, _)) => {
                matches!(types_of(entries), Some([DataType::Utf8, DataType::Binary]))
            }
            (Self::Texts, DataType::Map(entries, _)) => {
                matches!(types_of(entries), Some([DataType::Utf8, DataType::Utf8]))
            }
            _ => false,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Text => "STRING",
            Self::Int => "INT",
            Self::BigInt => "BIGINT",
            Self::Time => "TIMESTAMP_LTZ(3)",
            Self::Headers => "MAP<STRING, BYTES>",
            Self::Texts => "MAP<STRING, STRING>",
        }
    }
}

/// The types of a MAP's keys and values.
fn types_of(entries: &Field) -> Option<[&DataType; 2]> {
    let DataType::Struct(fields) = entries.data_type() else { return None };
    fields.iter().map(|field| field.data_type()).collect::<Vec<_>>().try_into().ok()
}

/// The type of a MAP with texts as keys.
pub(crate) fn map_of(value: DataType) -> DataType {
    let fields = vec![Field::new("key", DataType::Utf8, false), Field::new("value", value, true)];
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(fields.into()), false)), false)
}

/// A builder of MAPs of that type; `values` builds their values.
pub(crate) fn map_builder<V: ArrayBuilder>(values: V) -> MapBuilder<StringBuilder, V> {
    let [entry, key, value] = ["entries", "key", "value"].map(str::to_owned);
    MapBuilder::new(Some(MapFieldNames { entry, key, value }), StringBuilder::new(), values)
}

/// An instant as connectors have it.
pub(crate) fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, Some(Arc::from("UTC")))
}

/// Refuses metadata columns that the connector `name`, which has `known` in this role, does not
/// have; `missing` are keys of Flink's connector that are not there, and why.
pub(crate) fn check(
    options: &Options<'_>,
    (name, role): (&str, Role),
    known: &[MetadataKey],
    missing: &[(&str, &str)],
    schema: &Schema,
) -> Result<(), OptionError> {
    for field in schema.fields() {
        let Some(key) = metadata::key(field) else { continue };
        let Some(found) = known.iter().find(|candidate| candidate.name == key) else {
            let problem = unknown(key, (name, role), known, missing);
            return Err(options.column(field.name(), problem));
        };
        if !found.kind.fits(field.data_type()) {
            let problem = format!(
                "has the type {}, the metadata '{key}' is {}: declare it so",
                field.data_type(),
                found.kind.name()
            );
            return Err(options.column(field.name(), problem));
        }
    }
    Ok(())
}

fn unknown(
    key: &str,
    (name, role): (&str, Role),
    known: &[MetadataKey],
    missing: &[(&str, &str)],
) -> String {
    if let Some((_, why)) = missing.iter().find(|(missing, _)| *missing == key) {
        return format!("asks for the metadata '{key}', which is not there: {why}");
    }
    let does = match role {
        Role::Source => "reads",
        Role::Sink => "writes",
    };
    let hint = did_you_mean(key, known.iter().map(|known| known.name));
    let names: Vec<_> = known.iter().map(|known| format!("'{}'", known.name)).collect();
    let all = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let virtually = match role {
        Role::Source => "",
        Role::Sink => "; a column that is only read is declared METADATA VIRTUAL",
    };
    format!(
        "asks for the metadata '{key}', which connector '{name}' as a {} does not have{hint}; it \
         {does}: {all}{virtually}",
        role.name()
    )
}

/// The columns of a table, by whether they are metadata.
#[derive(Debug, Clone)]
pub(crate) struct Columns {
    schema: SchemaRef,
    /// Indexes of the columns that are metadata.
    metadata: Vec<usize>,
    /// Indexes of the others.
    rest: Vec<usize>,
}

impl Columns {
    pub(crate) fn new(schema: &SchemaRef) -> Self {
        let is_metadata = |index: &usize| metadata::key(schema.field(*index)).is_some();
        let (metadata, rest) = (0..schema.fields().len()).partition(is_metadata);
        Self { schema: Arc::clone(schema), metadata, rest }
    }

    /// The columns that are no metadata.
    pub(crate) fn rows(&self) -> SchemaRef {
        Arc::new(Schema::new(
            self.rest
                .iter()
                .map(|index| Arc::clone(&self.schema.fields()[*index]))
                .collect::<Vec<_>>(),
        ))
    }

    /// The keys of the columns that are metadata.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.metadata.iter().filter_map(|index| metadata::key(self.schema.field(*index)))
    }

    /// Adds the metadata columns to rows that have the others; `value` makes what is under a key.
    pub(crate) fn join(
        &self,
        rows: RecordBatch,
        value: impl Fn(&str) -> Result<ArrayRef>,
    ) -> Result<RecordBatch> {
        if self.metadata.is_empty() {
            return Ok(rows);
        }
        let mut columns: Vec<Option<ArrayRef>> = vec![None; self.schema.fields().len()];
        for (index, column) in self.rest.iter().zip(rows.columns()) {
            columns[*index] = Some(Arc::clone(column));
        }
        let failed = |error| Error::external("adding metadata to rows", error);
        for index in &self.metadata {
            let field = self.schema.field(*index);
            let column = value(metadata::key(field).unwrap_or_default())?;
            columns[*index] = Some(cast(&column, field.data_type()).map_err(failed)?);
        }
        let columns = columns.into_iter().flatten().collect();
        let count = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &count).map_err(failed)
    }

    /// Rows without their metadata columns.
    pub(crate) fn without(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        if self.metadata.is_empty() {
            return Ok(batch.clone());
        }
        batch.project(&self.rest).map_err(|error| Error::external("writing rows", error))
    }

    /// The metadata column of a batch under `key`.
    pub(crate) fn column<'b>(&self, batch: &'b RecordBatch, key: &str) -> Option<&'b ArrayRef> {
        let mut indexes = self.metadata.iter();
        let is_it = |index: &&usize| metadata::key(self.schema.field(**index)) == Some(key);
        indexes.find(is_it).map(|index| batch.column(*index))
    }
}
