//! Elements by their places: `items[1].name`, `attributes['a']`, `t.items[i]`.

use sqlparser::ast::{self, AccessExpr, Ident, Subscript};

use super::bind::Binder;
use super::bound::{Bound, precedence};
use super::field;
use crate::error::{Position, Result, SqlError};
use crate::functions::{collections, wrong_arguments};

/// What a chain of fields and subscripts leads to.
pub(super) fn chain(
    binder: &Binder<'_>,
    root: &ast::Expr,
    chain: &[AccessExpr],
    at: Position,
) -> Result<Bound> {
    let mut rest = chain.iter().peekable();
    let mut value = match root {
        ast::Expr::Identifier(first) => {
            // The names before the first subscript are those of a column and its fields.
            let mut names = vec![first.clone()];
            while let Some(name) = rest.peek().and_then(|access| name_of(access)) {
                names.push(name.clone());
                rest.next();
            }
            match names.as_slice() {
                [_] => binder.bind(root)?,
                names => binder.qualified(names, at)?,
            }
        }
        other => binder.bind(other)?,
    };
    for access in rest {
        value = match access {
            AccessExpr::Subscript(Subscript::Index { index }) => {
                subscript(binder, &value, binder.bind(index)?, at)?
            }
            AccessExpr::Subscript(Subscript::Slice { .. }) => {
                return Err(SqlError::new(at, "a part of an ARRAY is not written as [a:b]")
                    .hint("use ARRAY_SLICE(<array>, <from>, <to>)"));
            }
            AccessExpr::Dot(_) => match name_of(access) {
                Some(name) => field::fields(value, std::slice::from_ref(name), at)?,
                None => return Err(SqlError::new(at, "expected the name of a field behind the .")),
            },
        };
    }
    Ok(value)
}

fn name_of(access: &AccessExpr) -> Option<&Ident> {
    match access {
        AccessExpr::Dot(ast::Expr::Identifier(name)) => Some(name),
        _ => None,
    }
}

fn subscript(binder: &Binder<'_>, of: &Bound, index: Bound, at: Position) -> Result<Bound> {
    let text = format!("{}[{}]", of.text_within(precedence::ATOM), index.text);
    let expr = collections::at(of, index.clone(), at)?;
    // What is not there is null.
    binder.finish(expr, true, (text, precedence::ATOM), || {
        wrong_arguments("[]", &[of.clone(), index], at)
    })
}
