//! Which options a column takes, and what is wrong with others.

use super::NAME;
use super::declared::{Declared, Type};
use super::settings::OPTIONS;
use crate::options::{OptionError, Options, Role, did_you_mean};

/// What the names of options of columns begin with.
pub(super) const PREFIX: &str = "fields.";

const KIND: &str = "kind";
/// All that a column may take.
const ALL: &[&str] =
    &["end", KIND, "length", "max", "max-past", "min", "null-rate", "start", "var-len"];

/// The option's whole name; names of options are in lower case.
pub(super) fn name(path: &str, option: &str) -> String {
    format!("{PREFIX}{}.{option}", path.to_ascii_lowercase())
}

/// Whether the values are numbers that count up.
pub(super) fn is_sequence(options: &Options<'_>, of: &Declared) -> Result<bool, OptionError> {
    if !of.is_column {
        return Ok(false);
    }
    let kind = name(&of.path, KIND);
    let is_sequence = options.one_of(&kind, &[("random", false), ("sequence", true)])?;
    let has_sequences = !matches!(
        of.data_type,
        Type::Boolean
            | Type::Date
            | Type::Time
            | Type::Timestamp
            | Type::Row
            | Type::Array
            | Type::Map
            | Type::Multiset
    );
    match is_sequence {
        Some(true) if !has_sequences => {
            Err(options.bad(&kind, format!("'random', the only kind of {} values", of.name)))
        }
        other => Ok(other.unwrap_or(false)),
    }
}

/// What a column, or what is within one, takes.
fn taken(of: &Declared, is_sequence: bool) -> Vec<&'static str> {
    let own: &[&str] = match of.data_type {
        _ if is_sequence => &["end", "start"],
        Type::Integer(..) | Type::Float | Type::Double | Type::Decimal(..) => {
            &["max", "min", "null-rate"]
        }
        Type::Varying(..) => &["length", "null-rate", "var-len"],
        Type::Array | Type::Map | Type::Multiset => &["length", "null-rate"],
        Type::Timestamp => &["max-past", "null-rate"],
        Type::Boolean | Type::Fixed(..) | Type::Date | Type::Time | Type::Row => &["null-rate"],
    };
    let kind = of.is_column.then_some(KIND);
    kind.into_iter().chain(own.iter().copied()).collect()
}

/// Refuses options of columns that are not there, and those that do not fit their columns.
pub(super) fn check(options: &Options<'_>, declared: &[Declared]) -> Result<(), OptionError> {
    let mut known = Vec::new();
    for of in declared {
        let is_sequence = is_sequence(options, of)?;
        known.extend(taken(of, is_sequence).into_iter().map(|option| name(&of.path, option)));
    }
    let given = options.map.keys().filter(|option| option.starts_with(PREFIX));
    match given.into_iter().find(|option| !known.contains(option)) {
        None => Ok(()),
        Some(option) => Err(refused(options, declared, option)),
    }
}

/// The error about an option that no column takes.
fn refused(options: &Options<'_>, declared: &[Declared], option: &str) -> OptionError {
    let unfit = |problem| OptionError::Unfit {
        table: options.table.to_owned(),
        option: option.to_owned(),
        problem,
    };
    let of_column = |of: &&Declared| option.starts_with(&name(&of.path, ""));
    let Some(of) = declared.iter().filter(of_column).max_by_key(|of| of.path.len()) else {
        return unfit(of_no_column(declared, option));
    };
    let is_sequence = is_sequence(options, of).unwrap_or(false);
    let taken = taken(of, is_sequence);
    let names: Vec<String> = taken.iter().map(|option| name(&of.path, option)).collect();
    let rest = &option[name(&of.path, "").len()..];
    if ALL.contains(&rest) {
        let what = if is_sequence { "a sequence" } else { of.name.as_str() };
        let list = names.join("', '");
        let problem = format!("does not fit '{}', which is {what} and takes '{list}'", of.path);
        return unfit(problem);
    }
    let is_near = |(word, _): &(&&str, _)| !did_you_mean(rest, [**word]).is_empty();
    let near = taken.iter().zip(&names).filter(is_near).map(|(_, name)| name.as_str());
    let others = OPTIONS.iter().map(|option| (*option).to_owned());
    OptionError::UnknownOption {
        table: options.table.to_owned(),
        option: option.to_owned(),
        connector: NAME,
        role: Role::Source.name(),
        hint: did_you_mean(option, near).into(),
        known: others.chain(names).collect::<Vec<_>>().join(", ").into(),
    }
}

/// What is wrong with an option of a column that is not there.
fn of_no_column(declared: &[Declared], option: &str) -> String {
    let columns: Vec<&str> =
        declared.iter().filter(|of| of.is_column).map(|of| of.path.as_str()).collect();
    let of = option.strip_prefix(PREFIX).unwrap_or(option);
    let (column, _) = of.rsplit_once('.').unwrap_or((of, ""));
    let hint = did_you_mean(column, declared.iter().map(|of| of.path.as_str()));
    let columns = columns.join(", ");
    format!(
        "is of no column{hint}: the columns are {columns}, and options 'fields.<column>.<option>'"
    )
}
