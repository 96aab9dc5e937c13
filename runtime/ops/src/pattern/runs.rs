//! What one key has of matches: runs through the automaton, and the rows on their way.
//!
//! A row is known by its number: of two rows of a key the one that came later in the order has the
//! higher one.

use sabot_core::plan::AfterMatch;
use sabot_core::{Error, Result};

use super::automaton::{Automaton, FINAL, StateId};
use super::queue::Queue;

/// Stands for no row, and for no node.
pub(super) const NONE: u32 = u32::MAX;

/// A row as one of a variable, behind those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) row: u32,
    pub(super) variable: usize,
    pub(super) parent: u32,
    /// The last node of the variable before.
    before: u32,
    /// The first row of its variable.
    first: u32,
    /// How many rows its variable has up to it.
    count: u32,
    /// How many rows there are up to it.
    depth: u32,
}

/// A match that is whole, or is not yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) state: StateId,
    /// Its last row; none of the one that has not begun.
    pub(super) node: u32,
    /// Its first row; none of the one that has not begun.
    pub(super) start: u32,
    /// The time of its first row.
    pub(super) started: i64,
}

/// A match that is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) node: u32,
    pub(super) time: i64,
}

/// The rules of a pattern.
pub(super) struct Rules {
    pub(super) automaton: Automaton,
    pub(super) after: AfterMatch,
    pub(super) within_ms: Option<i64>,
    /// For messages.
    pub(super) operator: String,
    pub(super) names: Vec<String>,
}

/// The runs of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Runs {
    pub(super) nodes: Vec<Node>,
    /// Those that are not whole, with one that has not begun.
    pub(super) partial: Queue,
    /// Those that are whole and wait for others whose first rows are earlier.
    pub(super) whole: Queue,
}

/// What a step needs for a while.
#[derive(Default)]
pub(super) struct Scratch {
    states: Vec<StateId>,
    takes: Vec<(usize, StateId)>,
    partial: Queue,
    whole: Queue,
}

impl Runs {
    /// Those of a key of which nothing has come.
    pub(super) fn new(rules: &Rules) -> Self {
        let mut partial = Queue::default();
        let state = rules.automaton.start();
        partial.push(Run { state, node: NONE, start: NONE, started: i64::MIN });
        Self { nodes: Vec::new(), partial, whole: Queue::default() }
    }

    /// Whether nothing of what came makes a difference.
    pub(super) fn is_new(&self) -> bool {
        self.partial.len() == 1 && self.whole.is_empty()
    }

    /// When the first of them is too old.
    pub(super) fn deadline(&self, rules: &Rules) -> Option<i64> {
        let first = self.partial.first().filter(|run| run.start != NONE)?;
        Some(first.started.saturating_add(rules.within_ms?))
    }

    /// The next row of the key, at a time up to which it was advanced. `holds` says of a run, by its
    /// place, and a variable whether the row can be one of it.
    pub(super) fn step(
        &mut self,
        rules: &Rules,
        (row, time): (u32, i64),
        holds: impl Fn(usize, usize) -> bool,
        scratch: &mut Scratch,
        matches: &mut Vec<Match>,
    ) -> Result<()> {
        let automaton = &rules.automaton;
        let Scratch { states, takes, partial, whole } = scratch;
        partial.clear();
        whole.clear();
        for at in 0..self.partial.len() {
            let run = self.partial.as_slice()[at];
            let is_open = |(variable, wanted): &(usize, bool)| holds(at, *variable) == *wanted;
            takes.clear();
            states.push(run.state);
            while let Some(id) = states.pop() {
                let state = automaton.state(id);
                for edge in &state.edges {
                    if !edge.conditions.iter().all(is_open) {
                        continue;
                    }
                    match edge.takes {
                        true => takes.push((state.variable, edge.to)),
                        false => states.push(edge.to),
                    }
                }
            }
            for (variable, to) in &*takes {
                let node = self.push(run.node, *variable, row);
                let (start, started) = match run.start {
                    NONE => (row, time),
                    start => (start, run.started),
                };
                let next = Run { state: *to, node, start, started };
                if *to == FINAL {
                    whole.push(next);
                    continue;
                }
                partial.push(next);
                if reaches_end(automaton, *to, is_open, states) {
                    whole.push(Run { state: FINAL, ..next });
                }
            }
            if run.start == NONE {
                partial.push(run);
            }
        }
        std::mem::swap(&mut self.partial, partial);
        whole.as_slice().iter().for_each(|run| self.whole.push(*run));
        self.release(rules, time, matches)
    }

    /// Time has come to `time`: forgets runs that cannot become whole any more.
    pub(super) fn advance(
        &mut self,
        rules: &Rules,
        time: i64,
        matches: &mut Vec<Match>,
    ) -> Result<()> {
        let Some(within) = rules.within_ms else { return Ok(()) };
        while let Some(deadline) = self.deadline(rules).filter(|deadline| *deadline <= time) {
            // One after the other where it makes a difference to what waits for them.
            let until = if self.whole.is_empty() { time } else { deadline };
            let old = std::mem::take(&mut self.partial);
            for run in old.as_slice() {
                if run.start == NONE || run.started.saturating_add(within) > until {
                    self.partial.push(*run);
                }
            }
            self.release(rules, until, matches)?;
        }
        Ok(())
    }

    /// Gives the matches that no run with an earlier first row can come before.
    fn release(&mut self, rules: &Rules, time: i64, matches: &mut Vec<Match>) -> Result<()> {
        while let Some(first) = self.whole.first() {
            if self.partial.first().is_some_and(|run| run.start < first.start) {
                break;
            }
            let Some(run) = self.whole.pop() else { break };
            let (skipped, past) = self.skipped(rules, &run)?;
            let keep = |run: &Run| {
                run.start == NONE || run.start > skipped || (run.start == skipped && !past)
            };
            self.partial.retain(keep);
            self.whole.retain(keep);
            matches.push(Match { node: run.node, time });
        }
        Ok(())
    }

    /// The row before which no other match can begin, and whether none can begin with it either.
    fn skipped(&self, rules: &Rules, run: &Run) -> Result<(u32, bool)> {
        let (variable, last) = match rules.after {
            AfterMatch::PastLastRow => return Ok((self.nodes[run.node as usize].row, true)),
            AfterMatch::ToNextRow => return Ok((run.start, true)),
            AfterMatch::ToFirst(variable) => (variable, false),
            AfterMatch::ToLast(variable) => (variable, true),
        };
        let found = self.last_of(run.node, Some(variable));
        let row = found.map(|node| if last { node.row } else { node.first });
        match row.filter(|row| *row != run.start) {
            Some(row) => Ok((row, false)),
            None => {
                let name = &rules.names[variable];
                let what = match row {
                    Some(_) => "begins with it, so that the next one would be the same",
                    None => "has no row of it",
                };
                Err(Error::user(format!(
                    "operator {}: AFTER MATCH SKIP TO {} {name} cannot be done: a match {what}",
                    rules.operator,
                    if last { "LAST" } else { "FIRST" },
                )))
            }
        }
    }

    /// A row behind a node.
    pub(super) fn push(&mut self, parent: u32, variable: usize, row: u32) -> u32 {
        let mut node =
            Node { row, variable, parent, before: parent, first: row, count: 1, depth: 1 };
        if let Some(parent) = self.nodes.get(parent as usize) {
            node.depth = parent.depth + 1;
            if parent.variable == variable {
                let Node { before, first, count, .. } = *parent;
                node = Node { before, first, count: count + 1, ..node };
            }
        }
        self.nodes.push(node);
        self.nodes.len() as u32 - 1
    }

    /// The last node of a variable (none: of all) up to a node.
    fn last_of(&self, mut node: u32, variable: Option<usize>) -> Option<&Node> {
        loop {
            let found = self.nodes.get(node as usize)?;
            if variable.is_none_or(|variable| found.variable == variable) {
                return Some(found);
            }
            node = found.before;
        }
    }

    /// How many rows a variable (none: all) has up to a node.
    pub(super) fn count(&self, node: u32, variable: Option<usize>) -> usize {
        let last = self.last_of(node, variable);
        last.map_or(0, |node| if variable.is_some() { node.count } else { node.depth }) as usize
    }

    /// The row so many rows before the last one of a variable (none: of all), up to a node.
    pub(super) fn row_before(
        &self,
        node: u32,
        variable: Option<usize>,
        back: usize,
    ) -> Option<u32> {
        let count = self.count(node, variable);
        let mut found = self.last_of(node, variable).filter(|_| back < count)?;
        if variable.is_some() && back + 1 == count {
            return Some(found.first);
        }
        for _ in 0..back {
            found = self.nodes.get(found.parent as usize)?;
        }
        Some(found.row)
    }

    /// Appends the rows of a variable (none: of all) up to a node, in their order.
    pub(super) fn rows(&self, node: u32, variable: Option<usize>, rows: &mut Vec<u32>) {
        let begin = rows.len();
        let mut found = self.last_of(node, variable);
        for _ in 0..self.count(node, variable) {
            let Some(node) = found else { break };
            rows.push(node.row);
            found = self.nodes.get(node.parent as usize);
        }
        rows[begin..].reverse();
    }
}

/// Whether a match is whole in a state, as far as a row lets it go on.
fn reaches_end(
    automaton: &Automaton,
    state: StateId,
    is_open: impl Fn(&(usize, bool)) -> bool,
    states: &mut Vec<StateId>,
) -> bool {
    states.push(state);
    while let Some(id) = states.pop() {
        for edge in automaton.state(id).edges.iter().filter(|edge| !edge.takes) {
            if !edge.conditions.iter().all(&is_open) {
                continue;
            }
            if edge.to == FINAL {
                states.clear();
                return true;
            }
            states.push(edge.to);
        }
    }
    false
}
