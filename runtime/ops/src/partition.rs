//! Routes rows to the subtasks that own their key groups.

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use sabot_core::{Result, column_hash};
use sabot_types::{KeyGroup, KeyGroupCount};

/// Splits batches by the key groups of their rows.
#[derive(Debug)]
pub struct Partitioner {
    columns: Vec<usize>,
    key_groups: KeyGroupCount,
    /// The subtask that owns each key group.
    owners: Vec<u32>,
    parallelism: u32,
    groups: Vec<KeyGroup>,
}

impl Partitioner {
    /// Routes by `columns` of the batches (none: everything to key group 0) to `parallelism`
    /// subtasks, at most as many as there are key groups.
    pub fn new(columns: Vec<usize>, key_groups: KeyGroupCount, parallelism: u32) -> Self {
        let owner = |group| key_groups.owner_of(KeyGroup::new(group), parallelism);
        let owners = key_groups.full_range().indexes().map(owner).collect();
        Self { columns, key_groups, owners, parallelism, groups: Vec::new() }
    }

    /// The rows for each subtask that gets any, in ascending order of subtasks; rows keep their
    /// order. A batch that goes to one subtask as a whole is not copied.
    pub fn partition(&mut self, batch: &RecordBatch) -> Result<Vec<(u32, RecordBatch)>> {
        if batch.num_rows() == 0 {
            return Ok(Vec::new());
        }
        if self.parallelism == 1 || self.columns.is_empty() {
            return Ok(vec![(self.owners[0], batch.clone())]);
        }
        column_hash::key_groups(batch, &self.columns, self.key_groups, &mut self.groups)?;
        let owner = |group: KeyGroup| self.owners[usize::from(group.index())];
        let mut counts = vec![0; self.parallelism as usize];
        for group in &self.groups {
            counts[owner(*group) as usize] += 1;
        }
        let first = owner(self.groups[0]);
        if counts[first as usize] == batch.num_rows() {
            return Ok(vec![(first, batch.clone())]);
        }
        let mut rows: Vec<Vec<u32>> = counts.into_iter().map(Vec::with_capacity).collect();
        for (row, group) in (0..).zip(&self.groups) {
            rows[owner(*group) as usize].push(row);
        }
        (0..)
            .zip(rows)
            .filter(|(_, rows)| !rows.is_empty())
            .map(|(target, rows)| Ok((target, take_record_batch(batch, &UInt32Array::from(rows))?)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, AsArray, Int64Array};
    use arrow::datatypes::Int64Type;

    use super::*;

    fn batch(keys: Vec<i64>) -> RecordBatch {
        let rows = Int64Array::from_iter_values(0..keys.len() as i64);
        let keys = Int64Array::from(keys);
        RecordBatch::try_from_iter([("k", Arc::new(keys) as ArrayRef), ("row", Arc::new(rows))])
            .unwrap()
    }

    #[test]
    fn every_row_goes_to_the_owner_of_its_group_in_order() {
        let batch = batch((0..5000).map(|n| n * 7 % 1001).collect());
        for parallelism in [1, 2, 3, 7] {
            let count = KeyGroupCount::DEFAULT;
            let parts = Partitioner::new(vec![0], count, parallelism).partition(&batch).unwrap();
            assert_eq!(parts.len(), parallelism as usize);
            assert!(parts.is_sorted_by_key(|(target, _)| *target));
            assert_eq!(parts.iter().map(|(_, b)| b.num_rows()).sum::<usize>(), 5000);
            let mut groups = Vec::new();
            for (target, part) in parts {
                column_hash::key_groups(&part, &[0], count, &mut groups).unwrap();
                assert!(groups.iter().all(|g| count.owner_of(*g, parallelism) == target));
                assert!(part.column(1).as_primitive::<Int64Type>().values().is_sorted());
            }
        }
    }

    #[test]
    fn a_batch_for_one_subtask_is_not_copied() {
        let same_key = batch(vec![3; 100]);
        let mut partitioner = Partitioner::new(vec![0], KeyGroupCount::DEFAULT, 8);
        let parts = partitioner.partition(&same_key).unwrap();
        assert_eq!(parts.len(), 1);
        assert!(parts[0].1.column(0).to_data().ptr_eq(&same_key.column(0).to_data()));
    }

    #[test]
    fn rows_without_a_key_go_to_the_owner_of_group_zero() {
        let rows = batch(vec![1, 2, 3]);
        let mut partitioner = Partitioner::new(vec![], KeyGroupCount::DEFAULT, 8);
        let parts = partitioner.partition(&rows).unwrap();
        assert_eq!(parts.len(), 1);
        assert_eq!(parts[0].0, 0);
        let none = rows.slice(0, 0);
        assert!(partitioner.partition(&none).unwrap().is_empty());
    }
}
