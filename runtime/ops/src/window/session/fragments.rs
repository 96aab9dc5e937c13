//! What rows of sessions add up to, in fragments: a session has one for each time that it was
//! added to since something was read.
//!
//! Accumulators give all they have or nothing. So that a session can end without the others, they
//! are sealed: what they hold becomes columns, of which a session takes its rows when it ends. A
//! session that goes on gets a new fragment. When too many have gathered they are merged.

use arrow::array::{Array, ArrayRef};
use arrow::compute::{concat, interleave};
use datafusion_expr::{EmitTo, GroupsAccumulator};
use sabot_core::Result;

use super::super::input::WindowRows;
use super::super::table::TableShape;
use super::sessions::NONE;
use crate::error::computing;

/// Sealed columns that are merged at the latest.
const SEALS_MAX: usize = 64;
/// Fragments that are not worth to be merged.
const FRAGMENTS_MIN: usize = 8192;

/// The fragments of all sessions. A fragment is known by its number; numbers are given anew when
/// all fragments are gone.
pub(super) struct Fragments {
    accumulators: Vec<Box<dyn GroupsAccumulator>>,
    /// For each fragment the next older one of its session.
    older: Vec<u32>,
    /// How many are sealed: the first ones.
    sealed: usize,
    /// The sealed columns, with the number of their first fragment.
    seals: Vec<(usize, Vec<ArrayRef>)>,
    /// The accumulators' groups of a batch's rows, kept for its memory.
    pub(super) groups: Vec<usize>,
}

/// Partial results of sessions, several of a session among them.
pub(super) struct Gathered {
    pub(super) values: Vec<ArrayRef>,
    /// The row's session, as its place among those that were asked for.
    pub(super) of: Vec<usize>,
}

impl Gathered {
    /// These rows, then those.
    pub(super) fn and(mut self, more: Self) -> Result<Self> {
        if self.of.is_empty() {
            return Ok(more);
        }
        for (column, more) in self.values.iter_mut().zip(&more.values) {
            *column = concat(&[column.as_ref(), more.as_ref()])?;
        }
        self.of.extend(more.of);
        Ok(self)
    }
}

impl Fragments {
    pub(super) fn new(shape: &TableShape) -> Result<Self> {
        Ok(Self {
            accumulators: shape.accumulators()?,
            older: Vec::new(),
            sealed: 0,
            seals: Vec::new(),
            groups: Vec::new(),
        })
    }

    /// The accumulators' group for a row of the session whose newest fragment this is; the
    /// session may get another one.
    pub(super) fn group_of(&mut self, fragment: &mut u32) -> usize {
        if *fragment == NONE || (*fragment as usize) < self.sealed {
            self.older.push(*fragment);
            *fragment = (self.older.len() - 1) as u32;
        }
        *fragment as usize - self.sealed
    }

    /// Joins two sessions' fragments: gives the newest one of both.
    pub(super) fn join(&mut self, one: u32, other: u32) -> u32 {
        if one == NONE {
            return other;
        }
        let mut oldest = one;
        while self.older[oldest as usize] != NONE {
            oldest = self.older[oldest as usize];
        }
        self.older[oldest as usize] = other;
        one
    }

    /// Adds rows to the groups in [`Self::groups`].
    pub(super) fn update(&mut self, rows: &WindowRows) -> Result<()> {
        let total = self.older.len() - self.sealed;
        for (accumulator, (value, filter)) in self.accumulators.iter_mut().zip(&rows.arguments) {
            let value = std::slice::from_ref(value);
            accumulator
                .update_batch(value, &self.groups, filter.as_ref(), total)
                .map_err(computing)?;
        }
        Ok(())
    }

    /// Turns what the accumulators hold into columns.
    pub(super) fn seal(&mut self, shape: &TableShape) -> Result<()> {
        if self.sealed == self.older.len() {
            return Ok(());
        }
        let mut columns = Vec::with_capacity(self.accumulators.len());
        for mut accumulator in std::mem::replace(&mut self.accumulators, shape.accumulators()?) {
            columns.extend(accumulator.state(EmitTo::All).map_err(computing)?);
        }
        self.seals.push((self.sealed, columns));
        self.sealed = self.older.len();
        Ok(())
    }

    /// Whether it is time to merge the fragments of each of so many sessions.
    pub(super) fn are_many(&self, sessions: usize) -> bool {
        self.seals.len() > SEALS_MAX || self.sealed > FRAGMENTS_MIN + 2 * sessions
    }

    /// The sealed fragments of sessions with these newest ones; some may have none.
    pub(super) fn gather(&self, newest: &[u32]) -> Result<Gathered> {
        let mut of = Vec::with_capacity(newest.len());
        let mut places = Vec::with_capacity(newest.len());
        for (session, newest) in newest.iter().enumerate() {
            let mut fragment = *newest;
            while fragment != NONE {
                let number = fragment as usize;
                let seal = self.seals.partition_point(|(first, _)| *first <= number) - 1;
                places.push((seal, number - self.seals[seal].0));
                of.push(session);
                fragment = self.older[number];
            }
        }
        let mut values = Vec::with_capacity(self.accumulators.len());
        for column in 0..self.accumulators.len() {
            let seals: Vec<&dyn Array> =
                self.seals.iter().map(|(_, columns)| columns[column].as_ref()).collect();
            if !seals.is_empty() {
                values.push(interleave(&seals, &places)?);
            }
        }
        Ok(Gathered { values, of })
    }

    /// Forgets all fragments; `merged` are the rows of the new ones, which are numbered from 0.
    pub(super) fn reset(&mut self, merged: Vec<ArrayRef>, rows: usize) {
        self.older.clear();
        self.older.resize(rows, NONE);
        self.sealed = rows;
        self.seals.clear();
        if rows > 0 {
            self.seals.push((0, merged));
        }
    }
}
