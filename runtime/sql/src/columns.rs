//! The columns that an operator reads of what is in front of it.

use arrow::datatypes::Field as ArrowField;

use crate::expr::Bound;
use crate::over::RANK;

/// Columns by place, each expression once.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    pub(crate) columns: Vec<(String, Bound)>,
}

impl Columns {
    /// The place of an expression, which joins them.
    pub(crate) fn take(&mut self, bound: &Bound) -> usize {
        if let Some(index) = self.columns.iter().position(|(_, b)| b.expr == bound.expr) {
            return index;
        }
        let mut name = bound.text.clone();
        while name == RANK || self.columns.iter().any(|(taken, _)| *taken == name) {
            name.push('\'');
        }
        self.columns.push((name, bound.clone()));
        self.columns.len() - 1
    }

    /// The column at a place.
    pub(crate) fn column(&self, index: usize) -> Bound {
        let (name, bound) = &self.columns[index];
        let column = Bound::column(name, name.clone(), bound.data_type.clone(), bound.nullable);
        Bound { precedence: bound.precedence, ..column }
    }

    /// Their fields.
    pub(crate) fn fields(&self) -> Vec<ArrowField> {
        let field = |(name, bound): &(String, Bound)| {
            ArrowField::new(name, bound.data_type.clone(), bound.nullable)
        };
        self.columns.iter().map(field).collect()
    }
}
