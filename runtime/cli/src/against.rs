//! `sabot explain --against`: what a changed job would keep of the state of a savepoint.

use std::fmt::Write as _;

use sabot_core::plan::{JobPlan, NodeKind};
use sabot_core::state::{StateField, StateSpec};
use sabot_snapshot::restore::check_key_groups;
use sabot_snapshot::{LoadedManifest, UriStores};
use sabot_state::{Severity, compatibility};

use crate::exit::{CliError, Exit, chain};
use crate::job_config::JobConfig;
use crate::preflight::check_states;
use crate::savepoint::load;

/// What becomes of a source's positions or of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Kept,
    New,
    Dropped,
    Incompatible,
}

impl Fate {
    fn text(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::New => "new",
            Self::Dropped => "dropped",
            Self::Incompatible => "incompatible",
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Line {
    fate: Fate,
    uid: String,
    /// The state's name; none for positions.
    state: Option<String>,
    note: String,
}

/// Prints what of the savepoint, checkpoint or whole job at `location` the plan keeps. An error when
/// the job could not go on with it.
pub(crate) async fn against(
    location: &str,
    config: &JobConfig,
    plan: &JobPlan,
) -> Result<Exit, CliError> {
    let stores = UriStores::new(config.s3.clone());
    let loaded = load(&stores, location).await?;
    let mut lines = sources(&loaded, plan);
    let stored = loaded.manifest.operators.values().flat_map(|o| o.states.clone());
    let wanted: Vec<StateSpec> = sabot_ops::states_of(plan).collect();
    lines.extend(states(&stored.collect::<Vec<_>>(), &wanted));
    print!("\nagainst {location}, epoch {}\n{}", loaded.manifest.epoch, text(&lines));
    check_key_groups(&loaded, config.key_groups).map_err(|e| CliError::config(chain(&e)))?;
    if check_states(&loaded, plan, config.acknowledge_state_loss).is_err() {
        return Err(CliError::config(format!(
            "the job cannot go on with {location}: incompatible state starts under another sink table \
             or with restore.mode Empty; state is dropped with spec.acknowledgeStateLoss: true"
        )));
    }
    println!("\nthe job can go on with it");
    Ok(Exit::Success)
}

/// The sources' positions.
fn sources(loaded: &LoadedManifest, plan: &JobPlan) -> Vec<Line> {
    let operators = &loaded.manifest.operators;
    let line = |fate, uid: &str, note| Line { fate, uid: uid.to_owned(), state: None, note };
    let sources = plan.nodes.iter().filter(|node| matches!(node.kind, NodeKind::Source(_)));
    let mut lines: Vec<Line> = sources
        .clone()
        .map(|node| match operators.get(&node.uid).map(|operator| operator.splits.len()) {
            Some(splits) if splits > 0 => line(Fate::Kept, node.uid.as_str(), positions(splits)),
            _ => line(Fate::New, node.uid.as_str(), "reads from its first position".to_owned()),
        })
        .collect();
    let gone = operators.iter().filter(|(uid, operator)| {
        !operator.splits.is_empty() && !sources.clone().any(|node| node.uid == **uid)
    });
    lines.extend(gone.map(|(uid, operator)| {
        let note = positions(operator.splits.len());
        line(Fate::Dropped, uid.as_str(), note)
    }));
    lines
}

/// The keyed states.
fn states(stored: &[StateSpec], wanted: &[StateSpec]) -> Vec<Line> {
    let line = |spec: &StateSpec, fate, note| Line {
        fate,
        uid: spec.operator.as_str().to_owned(),
        state: Some(spec.name.clone()),
        note,
    };
    let same = |a: &StateSpec, b: &StateSpec| a.operator == b.operator && a.name == b.name;
    let mut lines = Vec::new();
    for spec in stored {
        let target = wanted.iter().find(|w| same(w, spec));
        let found = compatibility(std::slice::from_ref(spec), wanted).err().unwrap_or_default();
        if found.is_empty() {
            let note = target.map_or_else(String::new, |target| difference(spec, target));
            lines.push(line(spec, Fate::Kept, note));
        }
        lines.extend(found.into_iter().map(|found| match found.severity() {
            Severity::Dropped => line(spec, Fate::Dropped, columns(&spec.value)),
            Severity::Refused => line(spec, Fate::Incompatible, found.reason.to_string()),
        }));
    }
    let new = wanted.iter().filter(|w| !stored.iter().any(|s| same(s, w)));
    lines.extend(new.map(|spec| line(spec, Fate::New, columns(&spec.value))));
    lines
}

/// What is kept, and what is not any more.
fn difference(stored: &StateSpec, wanted: &StateSpec) -> String {
    let left: Vec<StateField> =
        stored.value.iter().filter(|field| !wanted.value.contains(field)).cloned().collect();
    let mut notes = vec![columns(&wanted.value)];
    if !left.is_empty() {
        notes.push(format!("without {}", columns(&left)));
    }
    if stored.ttl_ms != wanted.ttl_ms {
        let text = |ttl_ms: Option<u64>| ttl_ms.map_or("none".to_owned(), |ms| format!("{ms} ms"));
        let (now, before) = (text(wanted.ttl_ms), text(stored.ttl_ms));
        notes.push(format!("time to live {now}, was {before}"));
    }
    notes.join("; ")
}

fn columns(fields: &[StateField]) -> String {
    let names = fields.iter().filter(|field| field.name != StateField::WRITTEN);
    names.map(|field| field.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn text(lines: &[Line]) -> String {
    let mut out = String::new();
    let name = |line: &Line| match &line.state {
        Some(state) => format!("{} ({state})", line.uid),
        None => line.uid.clone(),
    };
    let width = lines.iter().map(|line| name(line).len()).max().unwrap_or(0);
    for line in lines {
        let row = format!("  {:<12}  {:<width$}  {}", line.fate.text(), name(line), line.note);
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{}", row.trim_end());
    }
    out
}

fn positions(splits: usize) -> String {
    match splits {
        1 => "the position of 1 split".to_owned(),
        _ => format!("positions of {splits} splits"),
    }
}

#[cfg(test)]
mod tests {
    use sabot_types::OperatorUid;

    use sabot_core::state::ValueEncoding;

    use super::*;

    fn spec(operator: &str, value: &[(&str, &str)]) -> StateSpec {
        let field = |(name, data_type): &(&str, &str)| StateField {
            name: (*name).to_owned(),
            data_type: (*data_type).to_owned(),
        };
        StateSpec {
            operator: OperatorUid::new(operator).unwrap(),
            name: "group".to_owned(),
            key: vec![field(&("k", "Int64"))],
            value: value.iter().map(field).collect(),
            namespace: "none".to_owned(),
            ttl_ms: None,
            encoding: ValueEncoding::Sortable,
        }
    }

    #[test]
    fn each_state_has_its_fate() {
        let (count, sum) = (("COUNT(*)", "Int64"), ("SUM(v)", "Int64"));
        let stored = [spec("a", &[count, sum]), spec("b", &[sum]), spec("gone", &[count])];
        let wanted = [
            spec("a", &[count]).with_ttl(Some(5000)),
            spec("b", &[("SUM(v)", "Float64")]),
            spec("c", &[count, sum]),
        ];
        assert_eq!(
            text(&states(&stored, &wanted)),
            "  kept          a (group)     COUNT(*); without SUM(v); time to live 5000 ms, was none\n\
             \x20 incompatible  b (group)     aggregate SUM(v) is stored as Int64 and would be Float64; \
             start it under a new sink table, or restore with mode Empty\n\
             \x20 dropped       gone (group)  COUNT(*)\n\
             \x20 new           c (group)     COUNT(*), SUM(v)\n"
        );
    }
}
