//! `GROUPING SETS`, `ROLLUP` and `CUBE`: several groupings of the same rows.

use sqlparser::ast::{Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments};

use crate::aggregate::GroupScope;
use crate::error::{Position, Result, SqlError};
use crate::expr::{Binder, Bound, integer, place_of};

/// More groupings than a statement is meant to have.
const SETS_MAX: usize = 64;

/// What a `GROUP BY` groups by, one after the other: the sets of its elements, each with each.
pub(super) fn of(group_by: &[Expr], at: Position) -> Result<Vec<Vec<Expr>>> {
    let mut sets = combined(group_by, at)?;
    if sets.len() == 1 {
        return Ok(sets);
    }
    for set in &mut sets {
        let mut once: Vec<Expr> = Vec::new();
        set.retain(|expr| {
            let is_new = !once.contains(expr);
            once.extend(is_new.then(|| expr.clone()));
            is_new
        });
    }
    Ok(sets)
}

/// The sets of elements, each with each.
fn combined(elements: &[Expr], at: Position) -> Result<Vec<Vec<Expr>>> {
    let mut sets = vec![Vec::new()];
    for element in elements {
        let more = sets_of(element, at)?;
        if sets.len().saturating_mul(more.len()) > SETS_MAX {
            return Err(too_many(element, at));
        }
        let each = |set: &Vec<Expr>| more.iter().map(|more| [&set[..], more].concat()).collect();
        sets = sets.iter().flat_map(|set| -> Vec<Vec<Expr>> { each(set) }).collect();
    }
    Ok(sets)
}

fn too_many(element: &Expr, at: Position) -> SqlError {
    SqlError::new(place_of(element, at), "GROUP BY has too many groupings")
        .hint(format!("at most {SETS_MAX} are computed for one SELECT"))
}

fn sets_of(element: &Expr, at: Position) -> Result<Vec<Vec<Expr>>> {
    Ok(match element {
        Expr::GroupingSets(within) => {
            let mut sets = Vec::new();
            for set in within {
                sets.extend(combined(set, at)?);
                if sets.len() > SETS_MAX {
                    return Err(too_many(element, at));
                }
            }
            sets
        }
        Expr::Rollup(parts) => (0..=parts.len()).rev().map(|n| parts[..n].concat()).collect(),
        Expr::Cube(parts) if parts.len() > 6 => {
            return Err(SqlError::new(place_of(element, at), "CUBE has too many groupings")
                .hint("write the wanted ones as GROUPING SETS"));
        }
        Expr::Cube(parts) => {
            let chosen = |bits: u32| {
                let chosen = parts.iter().enumerate().filter(|(n, _)| bits & (1 << n) != 0);
                chosen.flat_map(|(_, part)| part.clone()).collect()
            };
            (0..1_u32 << parts.len()).rev().map(chosen).collect()
        }
        // `(a, b)` are two elements, and `()` is none.
        Expr::Tuple(parts) => vec![parts.clone()],
        plain => vec![vec![plain.clone()]],
    })
}

impl GroupScope<'_> {
    /// Whether other groupings are by this, and this one is not.
    fn is_absent(&self, bound: &Bound) -> bool {
        self.absent.iter().any(|absent| absent.text == bound.text)
    }

    /// Has expressions that are grouped by elsewhere be NULL; `repeated`: how many groupings before
    /// are the same.
    pub(crate) fn without(mut self, absent: Vec<Bound>, repeated: usize) -> Self {
        self.absent = absent;
        self.repeated = repeated;
        self
    }

    /// `GROUP_ID()`: which of several times this is that rows are grouped by the same.
    pub(crate) fn group_id(&self, function: &Function, at: Position) -> Result<Bound> {
        if !matches!(&function.args, FunctionArguments::List(list) if list.args.is_empty()) {
            return Err(SqlError::new(at, "GROUP_ID takes no arguments")
                .hint("GROUPING_ID(a, b) tells which of a and b are grouped by"));
        }
        let number = integer(i64::try_from(self.repeated).unwrap_or(i64::MAX));
        let number = number.implicit_cast(&arrow::datatypes::DataType::Int64);
        Ok(Bound { text: format!("GROUP_ID({})", number.text), ..number })
    }

    /// `GROUPING(a, b)`: a bit for each argument, 1 where it is not grouped by.
    pub(crate) fn grouping(&self, function: &Function, name: &str, at: Position) -> Result<Bound> {
        let wrong = || {
            SqlError::new(at, format!("{name} takes expressions of GROUP BY"))
                .hint(format!("write {name}(a) with GROUP BY ROLLUP (a)"))
        };
        let FunctionArguments::List(list) = &function.args else { return Err(wrong()) };
        if list.args.is_empty() {
            return Err(wrong());
        }
        let mut bits = 0;
        for argument in &list.args {
            let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = argument else {
                return Err(wrong());
            };
            let bound = Binder::new(self.input, at).bind(expr)?;
            let absent = self.is_absent(&bound);
            if !absent && self.key(&bound).is_none() {
                return Err(wrong());
            }
            bits = bits * 2 + i64::from(absent);
        }
        let bits = integer(bits).implicit_cast(&arrow::datatypes::DataType::Int64);
        Ok(Bound { text: format!("{name}({})", bits.text), ..bits })
    }
}

#[cfg(test)]
mod tests {
    use sqlparser::parser::Parser;

    use super::*;

    fn sets(text: &str) -> Vec<String> {
        let at = Position { line: 1, column: 1 };
        let tokens = crate::tokens::tokenize(&format!("SELECT 1 GROUP BY {text}")).unwrap().list;
        let parser = Parser::new(&crate::dialect::FlinkDialect);
        let query = parser.with_tokens_with_locations(tokens).parse_query().unwrap();
        let select = query.body.as_select().unwrap();
        let (list, _) = super::super::group_by(&select.group_by, at).unwrap();
        let text =
            |set: &Vec<Expr>| set.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        of(list, at).unwrap().iter().map(text).collect()
    }

    #[test]
    fn sets_of_several_elements_are_combined() {
        assert_eq!(sets("a, b"), ["a b"]);
        assert_eq!(sets("a, ROLLUP (b, c)"), ["a b c", "a b", "a"]);
        assert_eq!(sets("CUBE (a, b)"), ["a b", "b", "a", ""]);
        assert_eq!(
            sets("GROUPING SETS ((a, b), a, ()), GROUPING SETS (a, c)"),
            ["a b", "a b c", "a", "a c", "a", "c"]
        );
        assert_eq!(
            sets("GROUPING SETS (a, ROLLUP (b, (c, d)), CUBE (a), GROUPING SETS (b, ()))"),
            ["a", "b c d", "b", "", "a", "", "b", ""]
        );
        assert_eq!(sets("GROUPING SETS ((a, ROLLUP (b)), ())"), ["a b", "a", ""]);
    }
}
