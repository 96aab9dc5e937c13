//! Rows of the elements that a value has.

use std::sync::Arc;

use crate::Evaluator;

/// Gives a row for each element of an ARRAY, or for each entry of a MAP.
///
/// The output's columns are: the kept ones of the input, those of the element, its number if that
/// is asked for (an INT from 1), the row kind if the input has it.
#[derive(Debug, Clone)]
pub struct UnnestDesc {
    /// The column's index in the input.
    pub column: usize,
    /// The indexes of the input's columns that stay.
    pub kept: Vec<usize>,
    /// What of an element becomes columns.
    pub element: ElementColumns,
    /// Whether the output has the element's number.
    pub ordinality: bool,
    /// Whether a row without elements stays, beside nulls.
    pub outer: bool,
    /// Keeps elements for which it is true; over the output's columns. A row of which it keeps none
    /// is one without elements.
    pub condition: Option<Arc<dyn Evaluator>>,
}

/// What of an element becomes columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ElementColumns {
    /// The element itself.
    Whole,
    /// These fields of a ROW; or of an entry its key (0) and its value (1).
    Parts(Vec<usize>),
}
