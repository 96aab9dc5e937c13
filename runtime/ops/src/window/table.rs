//! The hot table of one slice: keys to group numbers, group numbers to accumulators.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::SchemaRef;
use datafusion_expr::{EmitTo, GroupsAccumulator};
use datafusion_physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion_physical_plan::aggregates::order::GroupOrdering;
use sabot_core::Result;

use super::aggregate::Aggregate;
use super::input::WindowRows;
use crate::error::computing;

/// What the tables of an operator have in common.
pub(super) struct TableShape {
    keys: SchemaRef,
    aggregates: Vec<Aggregate>,
}

/// Keys and their partial results, as columns.
#[derive(Clone)]
pub(super) struct Partials {
    pub(super) keys: Vec<ArrayRef>,
    pub(super) values: Vec<ArrayRef>,
    pub(super) rows: usize,
}

/// Aggregates by key.
pub(super) struct Table {
    /// None without key columns: then all rows are one group.
    keys: Option<Box<dyn GroupValues>>,
    accumulators: Vec<Box<dyn GroupsAccumulator>>,
    groups: usize,
}

impl TableShape {
    pub(super) fn new(keys: SchemaRef, aggregates: Vec<Aggregate>) -> Self {
        Self { keys, aggregates }
    }

    /// An empty table.
    pub(super) fn table(&self) -> Result<Table> {
        let keys = if self.keys.fields().is_empty() {
            None
        } else {
            let keys = new_group_values(self.keys.clone(), &GroupOrdering::None);
            Some(keys.map_err(computing)?)
        };
        Ok(Table { keys, accumulators: self.accumulators()?, groups: 0 })
    }

    /// The keys' columns.
    pub(super) fn keys(&self) -> &SchemaRef {
        &self.keys
    }

    /// The results of partial results.
    pub(super) fn results(&self, partials: &[ArrayRef]) -> Result<Vec<ArrayRef>> {
        // Each of these functions keeps one column: what it has accumulated.
        let results = self.aggregates.iter().zip(partials);
        results.map(|(aggregate, partial)| aggregate.result(Arc::clone(partial))).collect()
    }

    /// Merges partial results into one for each of `rows` groups: of each part, row `i` belongs
    /// to group `of[i]`. The first part must have a row of every group: accumulators take a group
    /// that they were told of without a row, and without a null, for one that has a value.
    pub(super) fn merged(
        &self,
        rows: usize,
        parts: &[(&[ArrayRef], &[usize])],
    ) -> Result<Vec<ArrayRef>> {
        let mut merged = Vec::with_capacity(self.aggregates.len());
        for (index, aggregate) in self.aggregates.iter().enumerate() {
            let mut accumulator = aggregate.accumulator()?;
            for (columns, of) in parts {
                let column = std::slice::from_ref(&columns[index]);
                accumulator.merge_batch(column, of, rows).map_err(computing)?;
            }
            merged.extend(accumulator.state(EmitTo::All).map_err(computing)?);
        }
        Ok(merged)
    }

    /// New accumulators, one for each aggregate.
    pub(super) fn accumulators(&self) -> Result<Vec<Box<dyn GroupsAccumulator>>> {
        self.aggregates.iter().map(Aggregate::accumulator).collect()
    }
}

impl Table {
    /// The number of keys.
    pub(super) fn len(&self) -> usize {
        self.groups
    }

    /// Adds rows.
    pub(super) fn update(&mut self, rows: &WindowRows, groups: &mut Vec<usize>) -> Result<()> {
        self.intern(&rows.keys, rows.rows, groups)?;
        for (accumulator, (value, filter)) in self.accumulators.iter_mut().zip(&rows.arguments) {
            let value = std::slice::from_ref(value);
            accumulator
                .update_batch(value, groups, filter.as_ref(), self.groups)
                .map_err(computing)?;
        }
        Ok(())
    }

    /// Merges partial results of `rows` keys.
    pub(super) fn merge(
        &mut self,
        keys: &[ArrayRef],
        partials: &[ArrayRef],
        rows: usize,
        groups: &mut Vec<usize>,
    ) -> Result<()> {
        self.intern(keys, rows, groups)?;
        for (accumulator, partial) in self.accumulators.iter_mut().zip(partials) {
            let partial = std::slice::from_ref(partial);
            accumulator.merge_batch(partial, groups, self.groups).map_err(computing)?;
        }
        Ok(())
    }

    /// The keys and their partial results.
    pub(super) fn partials(mut self) -> Result<Partials> {
        let keys = self.take_keys()?;
        let mut values = Vec::with_capacity(self.accumulators.len());
        for mut accumulator in self.accumulators {
            // Each of these functions keeps one column.
            values.extend(accumulator.state(EmitTo::All).map_err(computing)?);
        }
        Ok(Partials { keys, values, rows: self.groups })
    }

    /// The keys and their results.
    pub(super) fn results(mut self, shape: &TableShape) -> Result<(Vec<ArrayRef>, Vec<ArrayRef>)> {
        let keys = self.take_keys()?;
        let mut results = Vec::with_capacity(self.accumulators.len());
        for (mut accumulator, aggregate) in self.accumulators.into_iter().zip(&shape.aggregates) {
            let accumulated = accumulator.evaluate(EmitTo::All).map_err(computing)?;
            results.push(aggregate.result(accumulated)?);
        }
        Ok((keys, results))
    }

    fn take_keys(&mut self) -> Result<Vec<ArrayRef>> {
        match &mut self.keys {
            Some(keys) => keys.emit(EmitTo::All).map_err(computing),
            None => Ok(Vec::new()),
        }
    }

    /// The group number of each row.
    fn intern(&mut self, keys: &[ArrayRef], rows: usize, groups: &mut Vec<usize>) -> Result<()> {
        if let Some(known) = &mut self.keys {
            known.intern(keys, groups).map_err(computing)?;
            self.groups = known.len();
        } else {
            groups.clear();
            groups.resize(rows, 0);
            self.groups = self.groups.max(usize::from(rows > 0));
        }
        Ok(())
    }
}
