//! Flink's lexical rules: backticks quote identifiers, single quotes strings.

use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, Ident, ObjectName, UnaryOperator, Value,
};
use sqlparser::dialect::{Dialect, Precedence};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};

use crate::grouping;
use crate::json_syntax;
use crate::tokens::{IS_JSON, is_keyword, is_word};

/// The SQL dialect of Flink, as far as the parser's hooks reach. What they do not reach
/// (`WATERMARK FOR`, the `TABLE` inside window functions, ...) is parsed by hand.
#[derive(Debug)]
pub(crate) struct FlinkDialect;

impl Dialect for FlinkDialect {
    fn is_identifier_start(&self, ch: char) -> bool {
        ch.is_alphabetic() || ch == '_' || ch == '$'
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        ch.is_alphanumeric() || ch == '_' || ch == '$'
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ch == '`'
    }

    fn identifier_quote_style(&self, _identifier: &str) -> Option<char> {
        Some('`')
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }

    fn supports_table_versioning(&self) -> bool {
        true
    }

    fn supports_window_function_null_treatment_arg(&self) -> bool {
        true
    }

    fn supports_map_literal_with_angle_brackets(&self) -> bool {
        true
    }

    fn supports_unicode_string_literal(&self) -> bool {
        true
    }

    fn supports_group_by_expr(&self) -> bool {
        true
    }

    fn supports_match_recognize(&self) -> bool {
        true
    }

    fn parse_prefix(&self, parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
        json_syntax::call(parser).or_else(|| grouping::groupings(parser))
    }

    fn parse_infix(
        &self,
        parser: &mut Parser<'_>,
        expr: &Expr,
        _precedence: u8,
    ) -> Option<Result<Expr, ParserError>> {
        // The parser takes all that follows, ANDs and ORs too, for what is compared.
        for (keywords, distinct) in [
            (&[Keyword::IS, Keyword::DISTINCT, Keyword::FROM][..], true),
            (&[Keyword::IS, Keyword::NOT, Keyword::DISTINCT, Keyword::FROM][..], false),
        ] {
            if parser.parse_keywords(keywords) {
                let right = parser.parse_subexpr(self.prec_value(Precedence::Is));
                let left = Box::new(expr.clone());
                return Some(right.map(|right| match distinct {
                    true => Expr::IsDistinctFrom(left, Box::new(right)),
                    false => Expr::IsNotDistinctFrom(left, Box::new(right)),
                }));
            }
        }
        is_json(parser, expr).or_else(|| self.between(parser, expr))
    }

    fn require_interval_qualifier(&self) -> bool {
        true
    }
}

impl FlinkDialect {
    /// `[NOT] BETWEEN SYMMETRIC a AND b`, or `ASYMMETRIC`, which is what it is without.
    fn between(&self, parser: &mut Parser<'_>, expr: &Expr) -> Option<Result<Expr, ParserError>> {
        let negated = is_keyword(parser.peek_token_ref(), Keyword::NOT);
        let first = usize::from(negated);
        if !is_keyword(parser.peek_nth_token_ref(first), Keyword::BETWEEN) {
            return None;
        }
        let kind = parser.peek_nth_token_ref(first + 1);
        let symmetric = is_word(kind, "SYMMETRIC");
        if !symmetric && !is_word(kind, "ASYMMETRIC") {
            return None;
        }
        (0..first + 2).for_each(|_| drop(parser.next_token()));
        let level = self.prec_value(Precedence::Between);
        let mut bounds = || {
            let low = parser.parse_subexpr(level)?;
            parser.expect_keyword_is(Keyword::AND)?;
            Ok((low, parser.parse_subexpr(level)?))
        };
        let (low, high) = match bounds() {
            Ok(bounds) => bounds,
            Err(error) => return Some(Err(error)),
        };
        let within = |low: &Expr, high: &Expr, negated| Expr::Between {
            expr: Box::new(expr.clone()),
            negated,
            low: Box::new(low.clone()),
            high: Box::new(high.clone()),
        };
        if !symmetric {
            return Some(Ok(within(&low, &high, negated)));
        }
        let either = Expr::Nested(Box::new(Expr::BinaryOp {
            left: Box::new(within(&low, &high, false)),
            op: BinaryOperator::Or,
            right: Box::new(within(&high, &low, false)),
        }));
        Some(Ok(match negated {
            true => Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(either) },
            false => either,
        }))
    }
}

/// `IS [NOT] JSON [VALUE | OBJECT | ARRAY | SCALAR]`, as a call.
fn is_json(parser: &mut Parser<'_>, expr: &Expr) -> Option<Result<Expr, ParserError>> {
    let negated = is_keyword(parser.peek_nth_token_ref(1), Keyword::NOT);
    let words = 2 + usize::from(negated);
    let is_there = is_keyword(parser.peek_token_ref(), Keyword::IS)
        && is_word(parser.peek_nth_token_ref(words - 1), "JSON");
    if !is_there {
        return None;
    }
    let begin = parser.peek_token_ref().span;
    (0..words).for_each(|_| drop(parser.next_token()));
    let kinds = ["VALUE", "OBJECT", "ARRAY", "SCALAR"];
    let kind = kinds.into_iter().find(|kind| is_word(parser.peek_token_ref(), kind));
    if kind.is_some() {
        parser.next_token();
    }
    let kind = Value::SingleQuotedString(kind.unwrap_or_default().to_owned());
    let argument = |expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr));
    let call = Expr::Function(Function {
        name: ObjectName::from(vec![Ident::with_span(begin, IS_JSON)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: vec![argument(expr.clone()), argument(Expr::Value(kind.with_span(begin)))],
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    });
    Some(Ok(match negated {
        true => Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(call) },
        false => call,
    }))
}
