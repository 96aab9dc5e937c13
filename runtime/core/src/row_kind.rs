//! Changes as rows: the column that says of each row whether it comes or goes.
//!
//! A stream that only grows has no such column. One that changes has [`ROW_KIND`] as its last
//! column, with the numbers that Flink's `RowKind` has. The old version of a row goes
//! ([`RowKind::UpdateBefore`]) before its new one comes.

use arrow::array::{ArrayRef, AsArray, Int8Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Int8Type, Schema};

/// The name of the column. No table can declare a column of that name.
pub const ROW_KIND: &str = "$row_kind";

/// What a row means to what came before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i8)]
pub enum RowKind {
    /// The row comes: `+I`.
    Insert = 0,
    /// The row goes, its new version follows: `-U`.
    UpdateBefore = 1,
    /// The new version of the row that went before: `+U`.
    UpdateAfter = 2,
    /// The row goes: `-D`.
    Delete = 3,
}

impl RowKind {
    /// The kind with this number; what is no kind counts as a deletion.
    pub const fn of(number: i8) -> Self {
        match number {
            0 => Self::Insert,
            1 => Self::UpdateBefore,
            2 => Self::UpdateAfter,
            _ => Self::Delete,
        }
    }

    /// Whether a row comes.
    pub const fn is_added(self) -> bool {
        matches!(self, Self::Insert | Self::UpdateAfter)
    }

    /// What it adds to the number of rows: 1 or -1.
    pub const fn weight(self) -> i64 {
        if self.is_added() { 1 } else { -1 }
    }

    /// `+I`, `-U`, `+U` or `-D`.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Insert => "+I",
            Self::UpdateBefore => "-U",
            Self::UpdateAfter => "+U",
            Self::Delete => "-D",
        }
    }
}

/// The column's field.
pub fn field() -> Field {
    Field::new(ROW_KIND, DataType::Int8, false)
}

/// Whether rows of this schema can go again.
pub fn is_updating(schema: &Schema) -> bool {
    schema.fields().last().is_some_and(|last| last.name() == ROW_KIND)
}

/// How many columns a schema has without that of the kinds.
pub fn width(schema: &Schema) -> usize {
    schema.fields().len() - usize::from(is_updating(schema))
}

/// The schema without the column of the kinds.
pub fn without(schema: &Schema) -> Schema {
    Schema::new(schema.fields()[..width(schema)].to_vec())
}

/// The kinds of a batch's rows; none when all are insertions.
pub fn kinds(batch: &RecordBatch) -> Option<&Int8Array> {
    is_updating(batch.schema_ref())
        .then(|| batch.column(batch.num_columns() - 1).as_primitive::<Int8Type>())
}

/// What each row adds to the number of rows; none when all add one.
pub fn weights(batch: &RecordBatch) -> Option<Vec<i64>> {
    let kinds = kinds(batch)?;
    Some(kinds.values().iter().map(|kind| RowKind::of(*kind).weight()).collect())
}

/// A column of kinds.
pub fn column(kinds: impl IntoIterator<Item = RowKind>) -> ArrayRef {
    std::sync::Arc::new(Int8Array::from_iter_values(kinds.into_iter().map(|kind| kind as i8)))
}

/// The columns of a batch without that of the kinds.
pub fn values(batch: &RecordBatch) -> &[ArrayRef] {
    &batch.columns()[..width(batch.schema_ref())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_the_numbers_of_flink() {
        let all = [RowKind::Insert, RowKind::UpdateBefore, RowKind::UpdateAfter, RowKind::Delete];
        for (number, kind) in all.into_iter().enumerate() {
            assert_eq!(RowKind::of(number as i8), kind);
            assert_eq!(kind as i8, number as i8);
        }
        assert_eq!(all.map(RowKind::weight), [1, -1, 1, -1]);
    }

    #[test]
    fn only_a_last_column_of_that_name_holds_kinds() {
        let plain = Field::new("a", DataType::Int64, true);
        let updating = Schema::new(vec![plain.clone(), field()]);
        assert!(is_updating(&updating) && !is_updating(&without(&updating)));
        assert!(!is_updating(&Schema::new(vec![field(), plain])));
        let batch = RecordBatch::try_new(
            std::sync::Arc::new(Schema::new(vec![field()])),
            vec![column([RowKind::UpdateBefore, RowKind::UpdateAfter])],
        )
        .unwrap();
        assert_eq!(weights(&batch).unwrap(), [-1, 1]);
        assert!(values(&batch).is_empty());
    }
}
