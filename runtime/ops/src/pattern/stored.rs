//! The runs of a key as bytes: the rows on their way, and which they are to each run.

use sabot_core::state::{push_number, take_number};
use sabot_core::{Error, Result};

use super::automaton::Automaton;
use super::queue::Queue;
use super::runs::{NONE, Run, Runs};
use crate::lists;

/// What is kept of a key.
pub(super) struct Stored<'b> {
    pub(super) runs: Runs,
    /// When it is looked at again, if it is.
    pub(super) wakes: Option<i64>,
    /// The rows, by number from the given one on.
    pub(super) rows: Vec<&'b [u8]>,
}

/// Which rows runs need, ascending: the rows of others are gone.
pub(super) fn needed_rows(runs: &Runs) -> Vec<u32> {
    let mut rows: Vec<u32> =
        needed_nodes(runs).into_iter().map(|node| runs.nodes[node as usize].row).collect();
    rows.sort_unstable();
    rows.dedup();
    rows
}

/// The nodes on the ways of runs, ascending.
fn needed_nodes(runs: &Runs) -> Vec<u32> {
    let mut is_needed = vec![false; runs.nodes.len()];
    for run in runs.partial.as_slice().iter().chain(runs.whole.as_slice()) {
        let mut node = run.node;
        while node != NONE && !std::mem::replace(&mut is_needed[node as usize], true) {
            node = runs.nodes[node as usize].parent;
        }
    }
    (0..runs.nodes.len() as u32).filter(|node| is_needed[*node as usize]).collect()
}

/// The runs as bytes, with the bytes of the rows that they need, by their place among these.
pub(super) fn encode<'r>(
    runs: &Runs,
    wakes: Option<i64>,
    rows: &[u32],
    bytes: impl Fn(usize) -> &'r [u8],
) -> Vec<u8> {
    let mut to = Vec::new();
    push_number(&mut to, i64::from(wakes.is_some()));
    push_number(&mut to, wakes.unwrap_or_default());
    push_number(&mut to, rows.len() as i64);
    for at in 0..rows.len() {
        lists::push(&mut to, bytes(at));
    }
    // None becomes -1.
    let place = |row: u32| rows.binary_search(&row).map_or(-1, |at| at as i64);
    let nodes = needed_nodes(runs);
    let number = |node: u32| nodes.binary_search(&node).map_or(-1, |at| at as i64);
    push_number(&mut to, nodes.len() as i64);
    for node in &nodes {
        let node = runs.nodes[*node as usize];
        push_number(&mut to, number(node.parent));
        push_number(&mut to, node.variable as i64);
        push_number(&mut to, place(node.row));
    }
    for queue in [&runs.partial, &runs.whole] {
        push_number(&mut to, queue.len() as i64);
        for Run { state, node, start, started } in queue.as_slice() {
            push_number(&mut to, i64::from(*state));
            push_number(&mut to, number(*node));
            push_number(&mut to, place(*start));
            push_number(&mut to, *started);
        }
    }
    to
}

/// Takes numbers and rows off bytes.
struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn number(&mut self) -> Result<i64> {
        let (number, rest) = take_number(self.0).ok_or_else(wrong)?;
        self.0 = rest;
        Ok(number)
    }

    fn count(&mut self) -> Result<usize> {
        usize::try_from(self.number()?).map_err(|_| wrong())
    }

    /// The number of one of `count` things, from `first` on; -1: none.
    fn one_of(&mut self, count: usize, first: u32) -> Result<u32> {
        match self.number()? {
            -1 => Ok(NONE),
            number => {
                let number = u32::try_from(number).ok().filter(|n| (*n as usize) < count);
                number.map(|number| first + number).ok_or_else(wrong)
            }
        }
    }

    fn row(&mut self) -> Result<&'b [u8]> {
        let (row, rest) = lists::take(self.0).ok_or_else(wrong)?;
        self.0 = rest;
        Ok(row)
    }
}

/// The runs that bytes are, whose rows are numbered from `first` on.
pub(super) fn decode<'b>(
    bytes: &'b [u8],
    first: u32,
    automaton: &Automaton,
    variables: usize,
) -> Result<Stored<'b>> {
    let mut from = Reader(bytes);
    let is_woken = from.number()? == 1;
    let wakes = Some(from.number()?).filter(|_| is_woken);
    let rows = (0..from.count()?).map(|_| from.row()).collect::<Result<Vec<_>>>()?;
    let mut runs = Runs { nodes: Vec::new(), partial: Queue::default(), whole: Queue::default() };
    for _ in 0..from.count()? {
        let parent = from.one_of(runs.nodes.len(), 0)?;
        let variable = from.count()?;
        let row = from.one_of(rows.len(), first)?;
        if row == NONE || variable >= variables {
            return Err(wrong());
        }
        runs.push(parent, variable, row);
    }
    let nodes = runs.nodes.len();
    for queue in [&mut runs.partial, &mut runs.whole] {
        for _ in 0..from.count()? {
            let state = from.one_of(automaton.len(), 0)?;
            let node = from.one_of(nodes, 0)?;
            let start = from.one_of(rows.len(), first)?;
            if state == NONE || (node == NONE) != (start == NONE) {
                return Err(wrong());
            }
            queue.push(Run { state, node, start, started: from.number()? });
        }
    }
    Ok(Stored { runs, wakes, rows })
}

fn wrong() -> Error {
    Error::state("reading the runs of a pattern failed", "the bytes are not those of runs")
}
