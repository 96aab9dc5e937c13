//! Everything that the document lists is compared with Flink: expressions with `tests/flink`, queries
//! with `tests/oracle/flink/statements`. What is not has a reason here.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use sqlparser::ast::{
    CeilFloorKind, DateTimeField, DuplicateTreatment, Expr, Function, FunctionArguments,
    GroupByExpr, Query, Select, SetExpr, Value, Visit, Visitor, visit_expressions,
};
use sqlparser::parser::Parser;

use super::examples::{AGGREGATES, Example, QUERIES, operators};
use super::{FLINK_FUNCTIONS, plans};
use crate::dialect::FlinkDialect;
use crate::statement::{self, Statement};
use crate::tokens::tokenize;

/// Answers of Flink that each form of an operator and each function has at least.
const LEAST: usize = 2;

/// Functions of which no expression is compared, and why.
const NOT_COMPARED: &[(&str, &str)] = &[
    ("COUNT_CHAR", "it is the function that query 14 of Nexmark brings"),
    ("CURRENT_WATERMARK", "its answer depends on the watermark"),
    ("OCTET_LENGTH", "Flink does not have it"),
    ("PARSE_JSON", "it makes a VARIANT, and that type is not there"),
    ("PROCTIME", "its answer depends on when it is asked"),
    ("TRY_PARSE_JSON", "as PARSE_JSON"),
];

/// Calls that have one answer, or that are no call: of a key without a value, of one of two patterns,
/// and what `TRIM(BOTH c FROM s)` is here.
const NO_SUCH_CALL: &[&str] = &[
    "CURRENT_DATABASE of 0",
    "E of 0",
    "JSON_ARRAY of 0",
    "JSON_OBJECT of 0",
    "JSON_OBJECT of 1",
    "PI of 0",
    "STR_TO_MAP of 2",
    "TRIM of 2",
];

/// The queries of `tests/oracle/flink` that show what is in the document, or why there is none.
const QUERIES_COMPARED: &[(&str, &str)] = &[
    ("SELECT ... FROM ... WHERE", "rows_among_others"),
    ("SELECT *", "all_columns"),
    ("WITH name AS (...)", "common_table_expressions"),
    ("FROM (SELECT ...)", "nested_aggregates"),
    ("TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), size))", "distinct_of_tumbling_windows"),
    ("TABLE(HOP(...))", "distinct_of_hopping_windows"),
    ("TABLE(CUMULATE(...))", "cumulating_windows"),
    ("TABLE(SESSION(...))", "distinct_of_sessions"),
    ("TABLE(SESSION(...)) without GROUP BY", "rows_of_sessions"),
    ("GROUP BY TUMBLE(ts, size)", "tumbling_groups"),
    ("GROUP BY without a window", "distinct_of_groups"),
    ("aggregates without GROUP BY", "aggregates_without_keys"),
    ("HAVING", "having_of_windows"),
    ("FILTER (WHERE ...)", "filters_and_having"),
    ("COUNT(DISTINCT ...)", "distinct_of_groups"),
    ("GROUPING SETS", "grouping_sets"),
    ("GROUP BY array", "groups_by_arrays"),
    ("SELECT DISTINCT", "distinct_rows"),
    ("JOIN", "inner_join"),
    ("LEFT JOIN", "left_join"),
    ("RIGHT JOIN", "right_join"),
    ("FULL JOIN", "full_join"),
    ("JOIN with times near each other", "interval_join"),
    ("JOIN ... FOR SYSTEM_TIME AS OF row_time", "temporal_join"),
    ("JOIN ... FOR SYSTEM_TIME AS OF proc_time", "-- what is looked up depends on when"),
    ("JOIN of windows", "window_full_join"),
    ("/*+ STATE_TTL('t' = '1 d') */", "hints_of_a_join"),
    ("/*+ OPTIONS('key' = 'value') */", "-- options are those of connectors"),
    ("UNION ALL", "union_all"),
    ("UNION", "union_of_different_rows"),
    ("EXCEPT", "except"),
    ("INTERSECT", "intersect"),
    ("EXCEPT ALL", "except_all"),
    ("ROW_NUMBER() OVER (...) <= n", "first_rows"),
    ("ROW_NUMBER() OVER (...) <= n of windows", "first_rows_of_windows"),
    ("QUALIFY", "qualify_first_rows"),
    ("SUM(...) OVER (...)", "over_all_rows_before"),
    ("ROWS | RANGE BETWEEN ... PRECEDING AND CURRENT ROW", "over_an_interval"),
    ("WINDOW w AS (...)", "over_some_rows"),
    ("RANK() OVER (...)", "ranks_with_ties"),
    ("STDDEV_POP(...) OVER (...)", "moments_over"),
    ("COUNT(DISTINCT ...) OVER (...)", "over_distinct_values"),
    ("SUM(SUM(...)) OVER (...)", "sums_of_sums_of_groups"),
    ("ORDER BY ... LIMIT n", "first_rows_by_limit"),
    ("(SELECT ... ORDER BY b)", "groups_of_rows_in_an_order"),
    ("LIMIT n", "rows_that_come_first"),
    ("ORDER BY ts", "sorted_by_time"),
    ("IN (SELECT ...)", "in_a_subquery"),
    ("NOT IN (SELECT ...)", "not_in_a_subquery"),
    ("[NOT] EXISTS (SELECT ...)", "not_exists"),
    ("a subquery as a value", "scalar_subquery"),
    ("a subquery that names columns around it", "scalar_of_each_row_in_select"),
    ("x > ANY (SELECT ...), x > ALL (SELECT ...)", "greater_than_all"),
    ("LATERAL (SELECT ...)", "lateral"),
    ("TABLE t", "a_table_as_a_query"),
    ("VALUES (...), (...)", "values_of_a_query"),
    ("CROSS JOIN UNNEST(...) AS x (...)", "elements"),
    ("LEFT JOIN UNNEST(...) AS x ON ...", "elements_or_none"),
    ("UNNEST(...) WITH ORDINALITY", "elements_with_numbers"),
    ("COLLECT(...)", "collect_of_groups"),
    ("ARRAY_AGG(...), LISTAGG(...)", "lists_of_groups"),
    ("LISTAGG(...) OVER (...)", "over_lists"),
    ("JSON_OBJECTAGG(KEY k VALUE v), JSON_ARRAYAGG(v)", "json_of_groups"),
    ("MATCH_RECOGNIZE (... PATTERN (A B+ C) ...)", "match_skip_to_last"),
    ("MATCH_RECOGNIZE (... WITHIN INTERVAL ...)", "match_within_some_seconds"),
    ("MATCH_ROWTIME()", "match_row_times"),
];

/// Forms of aggregates that are not compared, by how they begin, and why.
const FORMS_NOT_COMPARED: &[(&str, &str)] = &[
    ("FIRST_VALUE DISTINCT", "Flink visits different values in no order"),
    ("LAST_VALUE DISTINCT", "Flink visits different values in no order"),
    ("MEDIAN", "it is of DataFusion, and a PERCENTILE"),
];

/// Functions that are only called beside groups and windows.
const BESIDE_GROUPS: &[&str] = &[
    "GROUPING",
    "GROUPING_ID",
    "GROUP_ID",
    "HOP_END",
    "HOP_ROWTIME",
    "HOP_START",
    "SESSION_END",
    "SESSION_ROWTIME",
    "SESSION_START",
    "TUMBLE_END",
    "TUMBLE_ROWTIME",
    "TUMBLE_START",
];

/// Functions that are only called with OVER.
const WITH_OVER: &[&str] = &["DENSE_RANK", "LAG", "RANK", "ROW_NUMBER"];

/// Expressions to which Flink has an answer, as they are written.
fn expressions() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/flink");
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let answered = lines.filter_map(|line| line.split_once(" => "));
        let answered = answered.filter(|(_, answer)| *answer != "fails");
        all.extend(answered.map(|(expression, _)| expression.to_owned()));
    }
    all
}

/// An expression's parts; none where it is no expression here.
fn parts(expression: &str) -> Vec<Expr> {
    let mut parts = Vec::new();
    let Ok(tokens) = tokenize(expression) else { return parts };
    let parsed = Parser::new(&FlinkDialect).with_tokens_with_locations(tokens.list).parse_expr();
    let _ = parsed.map(|expr| collect(&expr, &mut parts));
    parts
}

fn collect(node: &impl Visit, parts: &mut Vec<Expr>) {
    let _ = visit_expressions(node, |expr: &Expr| {
        parts.push(expr.clone());
        ControlFlow::<()>::Continue(())
    });
}

/// Which operator an expression is, and what is said with it; none of columns and plain values.
fn form(expr: &Expr) -> Option<String> {
    let not = |negated: &bool| if *negated { "NOT " } else { "" };
    let with = |what: &str, is_there| if is_there { format!(" {what}") } else { String::new() };
    Some(match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Nested(_) => return None,
        Expr::Value(value) => match &value.value {
            Value::HexStringLiteral(_) => "X'...'".to_owned(),
            Value::UnicodeStringLiteral(_) => "U&'...'".to_owned(),
            _ => return None,
        },
        Expr::BinaryOp { op, .. } => op.to_string(),
        Expr::UnaryOp { op, .. } => format!("{op} before a value"),
        Expr::Like { negated, escape_char, .. } => {
            format!("{}LIKE{}", not(negated), with("ESCAPE", escape_char.is_some()))
        }
        Expr::SimilarTo { negated, escape_char, .. } => {
            format!("{}SIMILAR TO{}", not(negated), with("ESCAPE", escape_char.is_some()))
        }
        Expr::Between { negated, .. } => format!("{}BETWEEN", not(negated)),
        Expr::InList { negated, expr, .. } => {
            let rows = matches!(expr.as_ref(), Expr::Tuple(_));
            format!("{}IN{}", not(negated), with("of rows", rows))
        }
        Expr::Case { operand, else_result, .. } => format!(
            "CASE{}{}",
            with("of a value", operand.is_some()),
            with("ELSE", else_result.is_some())
        ),
        Expr::Cast { kind, .. } => format!("{kind:?}"),
        Expr::Extract { field, .. } => format!("EXTRACT({field})"),
        Expr::Floor { field: CeilFloorKind::DateTimeField(unit), .. } => rounding("FLOOR", unit),
        Expr::Ceil { field: CeilFloorKind::DateTimeField(unit), .. } => rounding("CEIL", unit),
        Expr::Substring { substring_for, shorthand, .. } => {
            let name = if *shorthand { "SUBSTR" } else { "SUBSTRING" };
            call(name, 2 + usize::from(substring_for.is_some()))
        }
        Expr::Overlay { overlay_for, .. } => {
            call("OVERLAY", 3 + usize::from(overlay_for.is_some()))
        }
        Expr::Position { .. } => call("POSITION", 2),
        Expr::Trim { trim_where: Some(side), .. } => format!("TRIM({side})"),
        Expr::Trim { trim_where: None, trim_what, trim_characters, .. } => {
            let characters = trim_characters.as_ref().map_or(0, Vec::len);
            call("TRIM", 1 + usize::from(trim_what.is_some()) + characters)
        }
        Expr::Interval(interval) => format!("INTERVAL {:?}", interval.leading_field),
        Expr::TypedString(typed) => format!("{} '...'", typed.data_type),
        Expr::Function(function) => function_form(function),
        other => format!("{other:?}").split(['(', ' ', '{']).next().unwrap_or_default().to_owned(),
    })
}

fn rounding(name: &str, unit: &DateTimeField) -> String {
    match unit {
        DateTimeField::NoDateTime => call(name, 1),
        unit => format!("{name} TO {unit}"),
    }
}

/// The clauses of functions of JSON are arguments, of which there are too many forms.
fn function_form(function: &Function) -> String {
    let name = name_of(function);
    match name.as_str() {
        "JSON_VALUE" | "JSON_QUERY" | "JSON_EXISTS" => call(&name, 2),
        _ => call(&name, count_of(function)),
    }
}

fn call(name: &str, arguments: usize) -> String {
    format!("{name} of {arguments}")
}

fn name_of(function: &Function) -> String {
    function.name.to_string().replace('`', "").to_ascii_uppercase()
}

fn count_of(function: &Function) -> usize {
    match &function.args {
        FunctionArguments::List(list) => list.args.len(),
        _ => 0,
    }
}

/// How many answers of Flink each form has.
fn answered_forms() -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for expression in expressions() {
        let forms: BTreeSet<String> = parts(&expression).iter().filter_map(form).collect();
        for form in forms {
            *counts.entry(form).or_default() += 1;
        }
    }
    counts
}

fn few(wanted: impl IntoIterator<Item = String>) -> Vec<String> {
    let counts = answered_forms();
    let count = |form: &String| counts.get(form).copied().unwrap_or_default();
    let wanted: BTreeSet<String> = wanted.into_iter().collect();
    wanted.into_iter().filter(|form| count(form) < LEAST).collect()
}

#[test]
fn every_form_of_an_operator_is_compared_with_flinks() {
    let mut wanted = BTreeSet::new();
    for Example { sql, .. } in operators().filter(|example| plans(example.sql)) {
        for statement in statement::parse(sql).unwrap().0 {
            let Statement::Insert { query, .. } = statement else { continue };
            let mut parts = Vec::new();
            collect(query.as_ref(), &mut parts);
            wanted.extend(parts.iter().filter_map(form));
        }
    }
    let few = few(wanted);
    assert!(few.is_empty(), "operators with few answers in tests/flink: {}", few.join(", "));
}

#[test]
fn every_function_is_compared_with_flinks() {
    let registered: Vec<(&str, usize, usize)> =
        crate::functions::groups().flat_map(|(_, functions)| functions).collect();
    let is_known = |name: &&str| {
        FLINK_FUNCTIONS.contains(name) || registered.iter().any(|(known, ..)| known == name)
    };
    for (name, why) in NOT_COMPARED {
        assert!(is_known(name), "{name} is listed ({why}) and is no function");
    }
    let is_compared = |name: &str| !NOT_COMPARED.iter().any(|(listed, _)| *listed == name);
    let mut wanted = Vec::new();
    for (name, least, most) in registered.iter().filter(|(name, ..)| is_compared(name)) {
        // Of any number there are the first few.
        let most = if *most == usize::MAX { (*least).max(1) + 1 } else { *most };
        wanted.extend((*least..=most).map(|count| call(name, count)));
    }
    wanted.retain(|form| !NO_SUCH_CALL.contains(&form.as_str()));
    let mut few = few(wanted);
    let missing = FLINK_FUNCTIONS.iter().filter(|name| is_compared(name));
    let expressions = expressions();
    for name in missing.filter(|name| !registered.iter().any(|(known, ..)| known == *name)) {
        let calls = expressions.iter().filter(|e| e.contains(&format!("{name}("))).count();
        if calls < LEAST {
            few.push((*name).to_owned());
        }
    }
    assert!(few.is_empty(), "functions with few answers in tests/flink: {}", few.join(", "));
}

fn statements() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/oracle/flink/statements")
}

/// The queries that Flink has answered.
fn queries() -> BTreeMap<String, Query> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(statements()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "sql") {
            continue;
        }
        for block in std::fs::read_to_string(path).unwrap().split("\n\n") {
            let named = block.trim().strip_prefix("-- ").and_then(|rest| rest.split_once('\n'));
            let Some((name, query)) = named.filter(|(name, _)| !name.contains(' ')) else {
                continue;
            };
            let answer = statements().join(format!("{name}.txt"));
            let parsed = statement::parse(&format!("INSERT INTO x {query}"));
            if let (true, Ok((mut statements, _))) = (answer.exists(), parsed)
                && let Some(Statement::Insert { query, .. }) = statements.pop()
            {
                all.insert(name.to_owned(), *query);
            }
        }
    }
    all
}

#[test]
fn every_query_is_compared_with_flinks() {
    let queries = queries();
    let mut missing = Vec::new();
    for Example { what, .. } in QUERIES.iter().filter(|example| plans(example.sql)) {
        let compared = QUERIES_COMPARED.iter().find(|(listed, _)| listed == what);
        let is_there = |name: &str| name.starts_with("-- ") || queries.contains_key(name);
        if !compared.is_some_and(|(_, name)| is_there(name)) {
            missing.push(*what);
        }
    }
    assert!(missing.is_empty(), "without a query in tests/oracle/flink: {}", missing.join("; "));
    for (what, _) in QUERIES_COMPARED {
        assert!(QUERIES.iter().any(|example| example.what == *what), "{what} is no query");
    }
}

/// How functions are called in the SELECTs of queries.
#[derive(Default)]
struct Calls {
    forms: BTreeSet<String>,
}

impl Calls {
    fn of_select(&mut self, select: &Select) {
        let grouped = match &select.group_by {
            GroupByExpr::Expressions(exprs, _) => {
                exprs.iter().any(|expr| expr.to_string().contains("window_start"))
            }
            GroupByExpr::All(_) => false,
        };
        let mut parts = Vec::new();
        collect(&select.projection, &mut parts);
        collect(&select.having, &mut parts);
        for part in parts {
            let Expr::Function(function) = part else { continue };
            let distinct = matches!(&function.args, FunctionArguments::List(list)
                if list.duplicate_treatment == Some(DuplicateTreatment::Distinct));
            let place = match (function.over.is_some(), grouped) {
                (true, _) => "OVER",
                (false, true) => "of windows",
                (false, false) => "of groups",
            };
            let name = name_of(&function);
            self.forms.insert(aggregate_form(
                &name,
                if distinct { "DISTINCT" } else { "" },
                if function.filter.is_some() { "FILTER" } else { "" },
                place,
            ));
        }
    }
}

fn aggregate_form(name: &str, distinct: &str, filter: &str, place: &str) -> String {
    let words = [name, distinct, filter, place].into_iter().filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

impl Visitor for Calls {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if let SetExpr::Select(select) = query.body.as_ref() {
            self.of_select(select);
        }
        ControlFlow::Continue(())
    }
}

/// Whether an aggregate is accepted in this form.
fn is_accepted(name: &str, argument: &str, distinct: &str, filter: &str, place: &str) -> bool {
    let filter = if filter.is_empty() { "" } else { "FILTER (WHERE f)" };
    let call = format!("{name}({distinct} {argument}) {filter}");
    let call = match place {
        "OVER" => format!("{call} OVER (PARTITION BY k ORDER BY ts)"),
        _ => call,
    };
    let from = match place {
        "OVER" => "t",
        "of groups" => "t GROUP BY k",
        _ => {
            "TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end"
        }
    };
    ["CAST({} AS BIGINT)", "CARDINALITY({})", "CHAR_LENGTH({})"]
        .map(|value| value.replace("{}", &call))
        .iter()
        .any(|value| plans(&format!("INSERT INTO out (n) SELECT {value} FROM {from}")))
}

#[test]
fn every_form_of_an_aggregate_is_compared_with_flinks() {
    let mut calls = Calls::default();
    for query in queries().values() {
        let _ = query.visit(&mut calls);
    }
    let mut missing = Vec::new();
    for (name, argument) in AGGREGATES {
        for place in ["of groups", "of windows", "OVER"] {
            for (distinct, filter) in
                [("", ""), ("DISTINCT", ""), ("", "FILTER"), ("DISTINCT", "FILTER")]
            {
                let argument =
                    if *argument == "*" && distinct == "DISTINCT" { "b" } else { argument };
                let form = aggregate_form(name, distinct, filter, place);
                let is_listed =
                    FORMS_NOT_COMPARED.iter().any(|(listed, _)| form.starts_with(listed));
                if !is_listed
                    && !calls.forms.contains(&form)
                    && is_accepted(name, argument, distinct, filter, place)
                {
                    missing.push(form);
                }
            }
        }
    }
    let is_called = |name: &str, places: &[&str]| {
        places.iter().any(|place| calls.forms.contains(&aggregate_form(name, "", "", place)))
    };
    let beside = BESIDE_GROUPS.iter().filter(|name| !is_called(name, &["of groups", "of windows"]));
    missing.extend(beside.map(|name| (*name).to_owned()));
    let over = WITH_OVER.iter().filter(|name| !is_called(name, &["OVER"]));
    missing.extend(over.map(|name| format!("{name} OVER")));
    assert!(missing.is_empty(), "not in tests/oracle/flink: {}", missing.join(", "));
}
