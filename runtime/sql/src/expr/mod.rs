//! Expressions: names resolved, types checked and found as Flink has them.

mod access;
mod bind;
mod bound;
mod cast;
mod compiled;
mod field;
mod intervals;
mod json_clauses;
mod literal;
mod operator;
mod overlaps;
mod rows;
mod scope;
mod special;
mod wholes;

pub(crate) use bind::{
    AGGREGATES, Binder, function_arguments, function_name, has_part, is_aggregate, place_of,
};
pub(crate) use bound::{Bound, Meaning, coerce, column_expr, precedence, quoted};
pub(crate) use compiled::compile;
pub(crate) use field::{column_path, fields, fields_read};
pub(crate) use literal::{integer, interval_ms, null, text};
pub(crate) use operator::{binary, boolean, window_start};
pub(crate) use scope::{Scope, WrittenByKey};
pub(crate) use special::is_made as is_made_json;

#[cfg(test)]
mod tests;
