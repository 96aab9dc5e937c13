//! A pattern as the states of an automaton, as Flink's CEP library has them for rows that stand one
//! right after the other.

use sabot_core::plan::PatternVariable;

/// The number of a state.
pub(super) type StateId = u32;

/// Where matches are whole.
pub(super) const FINAL: StateId = 0;

/// The states of a pattern.
pub(super) struct Automaton {
    states: Vec<State>,
    start: StateId,
    /// For each state the variables whose conditions a step from it can ask for.
    asked: Vec<Vec<usize>>,
}

/// A state: which variable the next row would be one of, and where one can go from it.
pub(super) struct State {
    pub(super) variable: usize,
    pub(super) edges: Vec<Edge>,
}

/// A way from one state to another.
#[derive(Clone)]
pub(super) struct Edge {
    pub(super) to: StateId,
    /// Whether the row becomes one of the state's variable; if not, it is asked again in the next state.
    pub(super) takes: bool,
    /// The variables whose conditions have to be true of the row, or must not be.
    pub(super) conditions: Vec<(usize, bool)>,
}

impl Automaton {
    pub(super) fn new(variables: &[PatternVariable]) -> Self {
        let end = State { variable: usize::MAX, edges: Vec::new() };
        let mut this = Self { states: vec![end], start: FINAL, asked: Vec::new() };
        for (index, variable) in variables.iter().enumerate().rev() {
            this.start = this.before(this.start, index, variable);
        }
        this.asked = (0..this.states.len() as StateId).map(|state| this.asks(state)).collect();
        this
    }

    /// The state that a match begins in.
    pub(super) fn start(&self) -> StateId {
        self.start
    }

    pub(super) fn state(&self, id: StateId) -> &State {
        &self.states[id as usize]
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.states.len()
    }

    /// The variables whose conditions a step from `state` can ask for.
    pub(super) fn asked(&self, state: StateId) -> &[usize] {
        &self.asked[state as usize]
    }

    /// The first state of a variable, behind whose rows `next` comes.
    fn before(&mut self, next: StateId, index: usize, variable: &PatternVariable) -> StateId {
        let PatternVariable { min, max, greedy, .. } = variable;
        let least = (*min).max(1);
        let mut then = next;
        match max {
            None => {
                then = self.push(index, vec![proceed(next)]);
                if *greedy {
                    self.exclude(next, index);
                }
                let take = take(index, then);
                self.states[then as usize].edges.push(take);
            }
            Some(max) => {
                if *greedy && least != *max {
                    self.exclude(next, index);
                }
                for _ in least..*max {
                    then = self.push(index, vec![take(index, then), proceed(next)]);
                }
            }
        }
        for _ in 1..least {
            then = self.push(index, vec![take(index, then)]);
        }
        let mut edges = vec![take(index, then)];
        edges.extend(variable.is_optional().then(|| proceed(next)));
        self.push(index, edges)
    }

    fn push(&mut self, variable: usize, edges: Vec<Edge>) -> StateId {
        self.states.push(State { variable, edges });
        self.states.len() as StateId - 1
    }

    /// Has a row leave a state only if it cannot be one of a variable.
    fn exclude(&mut self, state: StateId, variable: usize) {
        for edge in &mut self.states[state as usize].edges {
            edge.conditions.push((variable, false));
        }
    }

    fn asks(&self, state: StateId) -> Vec<usize> {
        let mut found = Vec::new();
        let mut open = vec![state];
        while let Some(state) = open.pop() {
            for edge in &self.state(state).edges {
                found.extend(edge.conditions.iter().map(|(variable, _)| *variable));
                if edge.takes {
                    self.asks_to_end(edge.to, &mut found);
                } else {
                    open.push(edge.to);
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The variables that are asked for on the way to the end, without another row.
    fn asks_to_end(&self, state: StateId, found: &mut Vec<usize>) {
        let mut open = vec![state];
        while let Some(state) = open.pop() {
            for edge in self.state(state).edges.iter().filter(|edge| !edge.takes) {
                found.extend(edge.conditions.iter().map(|(variable, _)| *variable));
                open.push(edge.to);
            }
        }
    }
}

fn take(variable: usize, to: StateId) -> Edge {
    Edge { to, takes: true, conditions: vec![(variable, true)] }
}

fn proceed(to: StateId) -> Edge {
    Edge { to, takes: false, conditions: Vec::new() }
}
