//! Which rows of some can be among the first of their keys: of the others there are enough in front
//! of them already.

use std::sync::Arc;

use arrow::array::{ArrayRef, NullArray};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow_row::{RowConverter, Rows, SortField};
use sabot_core::Result;
use sabot_core::plan::{FirstOf, OrderBy};
use sabot_core::state::first_bytes;

use crate::keyed::unique;
use crate::ordered;

/// The places of rows in an order.
pub(crate) struct Order {
    converter: RowConverter,
    columns: Vec<usize>,
}

impl Order {
    /// Of rows of `input`; without columns they are ordered by nothing but when they came.
    pub(crate) fn new(order: &[OrderBy], input: &SchemaRef) -> Result<Self> {
        let fields = match order {
            [] => vec![SortField::new(DataType::Null)],
            order => ordered::sort_fields(order, input),
        };
        let columns = order.iter().map(|order| order.column).collect();
        Ok(Self { converter: RowConverter::new(fields)?, columns })
    }

    /// Whether rows are ordered by nothing but when they came.
    pub(crate) fn is_by_arrival(&self) -> bool {
        self.columns.is_empty()
    }

    /// The places of `rows` rows, of which `column` gives the columns.
    pub(crate) fn of(
        &self,
        rows: usize,
        column: impl FnMut(&usize) -> Result<ArrayRef>,
    ) -> Result<Rows> {
        if self.is_by_arrival() {
            return Ok(self.converter.convert_columns(&[Arc::new(NullArray::new(rows))])?);
        }
        let columns: Vec<_> = self.columns.iter().map(column).collect::<Result<_>>()?;
        Ok(self.converter.convert_columns(&columns)?)
    }

    /// Of `rows`, whose places these are, those that can be among the first `limit` of their keys, in the
    /// order in which they are there; of rows with the same place all or none.
    pub(crate) fn first(
        &self,
        rows: Vec<u32>,
        key_of: impl Fn(u32) -> usize,
        places: &Rows,
        limit: usize,
    ) -> Vec<u32> {
        first(rows, key_of, (!self.is_by_arrival()).then_some(places), limit)
    }
}

/// Rows of which as many as there may be of each key are enough.
pub(crate) struct Candidates {
    keys: Vec<usize>,
    key_schema: SchemaRef,
    order: Order,
    limit: usize,
}

impl Candidates {
    /// Of rows of `input`.
    pub(crate) fn new(of: &FirstOf, input: &SchemaRef) -> Result<Self> {
        let FirstOf { keys, order, limit } = of;
        let fields: Vec<_> = keys.iter().map(|key| input.field(*key).clone()).collect();
        Ok(Self {
            keys: keys.clone(),
            key_schema: Arc::new(Schema::new(fields)),
            order: Order::new(order, input)?,
            limit: *limit,
        })
    }

    /// Of `rows` rows those that can be among the first of their keys, in the order in which they came;
    /// none: all. `column` gives the columns of which this needs some.
    pub(crate) fn of(
        &self,
        rows: usize,
        mut column: impl FnMut(usize) -> Result<ArrayRef>,
    ) -> Result<Option<Vec<u32>>> {
        let keys: Vec<_> = self.keys.iter().map(|key| column(*key)).collect::<Result<_>>()?;
        let (of_row, firsts) = unique(&self.key_schema, &keys, rows)?;
        if firsts.len() * 2 > rows {
            // Most are alone: there is little to leave out.
            return Ok(None);
        }
        let order = self.order.of(rows, |at| column(*at))?;
        let all = (0..rows as u32).collect();
        let kept = self.order.first(all, |row| of_row[row as usize], &order, self.limit);
        Ok((kept.len() < rows).then_some(kept))
    }
}

/// What [`Order::first`] says; without places the first ones are those that are there first.
fn first(
    mut rows: Vec<u32>,
    key_of: impl Fn(u32) -> usize,
    places: Option<&Rows>,
    limit: usize,
) -> Vec<u32> {
    let keys = rows.iter().map(|row| key_of(*row) + 1).max().unwrap_or(0);
    let mut ends = vec![0_u32; keys];
    for row in &rows {
        ends[key_of(*row)] += 1;
    }
    if ends.iter().all(|count| *count as usize <= limit) {
        return rows;
    }
    let mut end = 0;
    for of_key in &mut ends {
        end += *of_key;
        *of_key = end;
    }
    // Indexes of `rows` by key, as they are there.
    let mut by_key = vec![0_u32; rows.len()];
    let mut nexts = ends.clone();
    for (at, row) in rows.iter().enumerate().rev() {
        let next = &mut nexts[key_of(*row)];
        *next -= 1;
        by_key[*next as usize] = at as u32;
    }
    let mut is_kept = vec![true; rows.len()];
    let mut start = 0;
    for end in ends {
        let of_key = &mut by_key[start..end as usize];
        start = end as usize;
        if of_key.len() <= limit {
            continue;
        }
        match places {
            None => {
                for at in &of_key[limit..] {
                    is_kept[*at as usize] = false;
                }
            }
            Some(places) => {
                let rank = |at: &u32| {
                    let rank = places.row(rows[*at as usize] as usize).data();
                    (first_bytes(rank), rank)
                };
                let (_, last, rest) =
                    of_key.select_nth_unstable_by(limit - 1, |a, b| rank(a).cmp(&rank(b)));
                let last = rank(last);
                for at in rest {
                    is_kept[*at as usize] = rank(at) <= last;
                }
            }
        }
    }
    let mut is_kept = is_kept.into_iter();
    rows.retain(|_| is_kept.next().unwrap_or(true));
    rows
}

#[cfg(test)]
mod tests {
    use arrow::array::BinaryArray;
    use sabot_core::{Random, SeededRandom};

    use super::*;

    #[test]
    fn rows_that_are_kept_are_those_with_few_before_them() {
        let converter = RowConverter::new(vec![SortField::new(DataType::Binary)]).unwrap();
        let dice = SeededRandom::new(5);
        let next = |below: u64| (dice.next_u64() % below) as usize;
        for limit in [1, 2, 10] {
            for _ in 0..50 {
                let rows: Vec<u32> = (0..next(200) as u32).filter(|_| next(4) > 0).collect();
                let keys: Vec<usize> = (0..200).map(|_| next(1 + limit as u64 * 3)).collect();
                // Some are equal, some in their first 16 bytes.
                let ranks: Vec<Vec<u8>> = (0..200)
                    .map(|_| [vec![next(3) as u8; 16], vec![next(6) as u8; next(3)]].concat())
                    .collect();
                let before = |row: u32| {
                    let same =
                        rows.iter().filter(|other| keys[**other as usize] == keys[row as usize]);
                    same.filter(|other| ranks[**other as usize] < ranks[row as usize]).count()
                };
                let expected: Vec<u32> =
                    rows.iter().copied().filter(|row| before(*row) < limit).collect();
                let places = BinaryArray::from_iter_values(&ranks);
                let places = converter.convert_columns(&[Arc::new(places)]).unwrap();
                let key_of = |row: u32| keys[row as usize];
                assert_eq!(first(rows.clone(), key_of, Some(&places), limit), expected);
                let earlier = |row: u32| {
                    let same =
                        rows.iter().filter(|other| keys[**other as usize] == keys[row as usize]);
                    same.filter(|other| **other < row).count()
                };
                let expected: Vec<u32> =
                    rows.iter().copied().filter(|row| earlier(*row) < limit).collect();
                assert_eq!(first(rows.clone(), key_of, None, limit), expected);
            }
        }
    }
}
