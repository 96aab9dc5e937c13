//! `PATTERN (A B+ C?)`: its variables with how many rows they have.

use sqlparser::ast::{
    Ident, MatchRecognizePattern, MatchRecognizeSymbol, RepetitionQuantifier as Times,
};

use crate::error::{Position, Result, SqlError, start_of};

/// A variable as it is written.
#[derive(Debug)]
pub(super) struct Written<'p> {
    pub(super) name: &'p Ident,
    pub(super) min: u32,
    pub(super) max: Option<u32>,
    pub(super) greedy: bool,
}

/// Rows that a variable is counted to, at most: so many states are kept of a pattern.
const ROWS_MAX: u32 = 1000;

impl Written<'_> {
    fn at(&self, at: Position) -> Position {
        start_of(self.name.span).unwrap_or(at)
    }
}

/// The variables of a pattern, in their order; `at` is the place of the clause.
pub(super) fn variables(pattern: &MatchRecognizePattern, at: Position) -> Result<Vec<Written<'_>>> {
    let mut all: Vec<Written<'_>> = Vec::new();
    flatten(pattern, at, &mut all)?;
    let mut before: Option<&Written<'_>> = None;
    for (index, variable) in all.iter().enumerate() {
        let (name, place) = (&variable.name.value, variable.at(at));
        if all[..index].iter().any(|other| other.name.value == *name) {
            return Err(SqlError::new(place, format!("variable \"{name}\" is in PATTERN twice"))
                .hint("give it another name, and define both"));
        }
        // `{0,n}` counts as a number of rows, and is no such case in Flink.
        let may_lack = variable.min == 0 && matches!(variable.max, None | Some(1));
        if let Some(before) = before.filter(|before| before.greedy && may_lack) {
            let message = format!(
                "\"{name}\" need not be there, and cannot stand behind the greedy \"{}\"",
                before.name.value
            );
            return Err(SqlError::new(place, message)
                .hint(format!("write a reluctant quantifier, such as {}+?", before.name.value)));
        }
        before = Some(variable);
    }
    if all.iter().all(|variable| variable.min == 0) {
        return Err(SqlError::new(at, "PATTERN can be matched by no rows at all")
            .hint("at least one variable needs a row: A or A+, not A* or A?"));
    }
    if let Some(last) = all.last().filter(|last| last.greedy) {
        let name = &last.name.value;
        let message = format!("the last variable of PATTERN, \"{name}\", cannot be greedy");
        return Err(SqlError::new(last.at(at), message).hint(format!(
            "finish with a variable without a quantifier, or with a reluctant one: {name}+?"
        )));
    }
    Ok(all)
}

fn flatten<'p>(
    pattern: &'p MatchRecognizePattern,
    at: Position,
    to: &mut Vec<Written<'p>>,
) -> Result<()> {
    use MatchRecognizePattern as P;
    match pattern {
        P::Concat(parts) => parts.iter().try_for_each(|part| flatten(part, at, to)),
        P::Group(inner) => flatten(inner, at, to),
        P::Symbol(_) => {
            let name = name(pattern, at)?;
            to.push(Written { name, min: 1, max: Some(1), greedy: false });
            Ok(())
        }
        P::Repetition(inner, times) => {
            to.push(match (inner.as_ref(), times) {
                (P::Repetition(inner, times), Times::AtMostOne) => {
                    counted(name(inner, at)?, times, false, at)?
                }
                _ => counted(name(inner, at)?, times, true, at)?,
            });
            Ok(())
        }
        P::Alternation(parts) => Err(refused("alternatives (|)", parts.first(), at)),
        P::Permute(symbols) => {
            let named = symbols.iter().find_map(|symbol| match symbol {
                MatchRecognizeSymbol::Named(name) => start_of(name.span),
                _ => None,
            });
            Err(refused("PERMUTE", None, named.unwrap_or(at)))
        }
        P::Exclude(MatchRecognizeSymbol::Named(name)) => {
            Err(refused("{- -}", None, start_of(name.span).unwrap_or(at)))
        }
        P::Exclude(_) => Err(refused("{- -}", None, at)),
    }
}

/// The variable that a part with a quantifier, or without one, is.
fn name(part: &MatchRecognizePattern, at: Position) -> Result<&Ident> {
    use MatchRecognizePattern as P;
    match part {
        P::Symbol(MatchRecognizeSymbol::Named(name)) => Ok(name),
        P::Symbol(MatchRecognizeSymbol::Start | MatchRecognizeSymbol::End) => {
            Err(SqlError::new(at, "^ and $ are not supported in PATTERN")
                .hint("a stream of rows has no end that a pattern could stand at"))
        }
        P::Group(inner) => match inner.as_ref() {
            P::Symbol(_) | P::Group(_) => name(inner, at),
            _ => Err(refused("quantifiers of groups", Some(inner), at)),
        },
        P::Repetition(..) => Err(refused("quantifiers of quantifiers", Some(part), at)),
        other => Err(refused("quantifiers of groups", Some(other), at)),
    }
}

fn counted<'p>(name: &'p Ident, times: &Times, greedy: bool, at: Position) -> Result<Written<'p>> {
    let (min, max) = match times {
        Times::ZeroOrMore => (0, None),
        Times::OneOrMore => (1, None),
        Times::AtMostOne => (0, Some(1)),
        Times::Exactly(rows) => (*rows, Some(*rows)),
        Times::AtLeast(rows) => (*rows, None),
        Times::AtMost(rows) => (0, Some(*rows)),
        Times::Range(min, max) => (*min, Some(*max)),
    };
    let place = start_of(name.span).unwrap_or(at);
    let wrong = |what: &str| {
        let message = format!("the quantifier of \"{}\" {what}", name.value);
        Err(SqlError::new(place, message)
            .hint("write {n}, {n,}, {n,m} or {,m} with numbers of rows, the last one from 1"))
    };
    if max.is_some_and(|max| max == 0 || max < min) {
        return wrong("allows no number of rows");
    }
    if max.unwrap_or(min) > ROWS_MAX {
        return wrong(&format!("counts more than {ROWS_MAX} rows"));
    }
    let may_lack = (min, max) == (0, Some(1));
    if may_lack && !greedy {
        return Err(SqlError::new(place, "reluctant optional variables (??) are not supported")
            .hint(format!("write {0}?, or {0}*?", name.value)));
    }
    // As in Flink: these have no choice, or take it both ways.
    Ok(Written { name, min, max, greedy: greedy && !may_lack && max != Some(min) })
}

fn refused(what: &str, part: Option<&MatchRecognizePattern>, at: Position) -> SqlError {
    let place = part.and_then(first_place).unwrap_or(at);
    SqlError::new(place, format!("PATTERN cannot have {what}"))
        .hint("a pattern is a list of variables, each with a quantifier or without one: (A B+ C)")
}

/// Where the first variable of a part stands.
fn first_place(part: &MatchRecognizePattern) -> Option<Position> {
    use MatchRecognizePattern as P;
    match part {
        P::Symbol(MatchRecognizeSymbol::Named(name)) => start_of(name.span),
        P::Symbol(_) | P::Permute(_) | P::Exclude(_) => None,
        P::Concat(parts) | P::Alternation(parts) => parts.first().and_then(first_place),
        P::Group(inner) | P::Repetition(inner, _) => first_place(inner),
    }
}
