//! A savepoint's summary as text.

use std::fmt::Write;

use indicatif::{HumanBytes, HumanCount};
use sabot_core::SplitState;
use sabot_core::state::StateField;
use sabot_snapshot::ManifestKind;
use sabot_snapshot::inspect::{Inspection, OperatorInspection, StateInspection};

use crate::run_progress::time_text;
use sabot_types::EventTime;

/// The summary, a block each operator.
pub(super) fn text(savepoint: &Inspection) -> String {
    let kind = match savepoint.kind {
        ManifestKind::Checkpoint => "checkpoint",
        ManifestKind::Savepoint => "savepoint",
    };
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = head(&mut out, kind, savepoint);
    for operator in &savepoint.operators {
        let _ = self::operator(&mut out, operator);
    }
    out
}

fn head(out: &mut String, kind: &str, savepoint: &Inspection) -> std::fmt::Result {
    let created = time_text(Some(EventTime::from_millis(savepoint.created_at_ms)));
    writeln!(out, "{kind} {}", savepoint.location)?;
    writeln!(out, "  job          {}", savepoint.job_uid)?;
    writeln!(out, "  attempt      {}, epoch {}", savepoint.attempt, savepoint.epoch)?;
    writeln!(out, "  created      {created} UTC by Sabot {}", savepoint.sabot_version)?;
    writeln!(
        out,
        "  parallelism  {} of {} key groups",
        savepoint.parallelism, savepoint.key_groups
    )?;
    writeln!(out, "  size         {}", HumanBytes(savepoint.size_bytes))?;
    if savepoint.finished {
        writeln!(out, "  the input had ended")?;
    }
    if savepoint.committables > 0 {
        writeln!(out, "  {} outputs are not yet committed", savepoint.committables)?;
    }
    Ok(())
}

fn operator(out: &mut String, operator: &OperatorInspection) -> std::fmt::Result {
    writeln!(out, "\noperator {}", operator.uid)?;
    if let Some(watermark) = operator.watermark {
        writeln!(out, "  watermark  {}", time_text(Some(watermark)))?;
    }
    for split in &operator.splits {
        self::split(out, split)?;
    }
    for state in &operator.states {
        self::state(out, state)?;
    }
    Ok(())
}

fn split(out: &mut String, split: &SplitState) -> std::fmt::Result {
    write!(out, "  split      {} at {}", split.split, split.position)?;
    if let Some(watermark) = split.watermark {
        write!(out, ", watermark {}", time_text(Some(watermark)))?;
    }
    writeln!(out, "{}", if split.finished { ", finished" } else { "" })
}

fn state(out: &mut String, state: &StateInspection) -> std::fmt::Result {
    writeln!(
        out,
        "  state      {}: {} rows, {} ({} stored), by {}",
        state.name,
        HumanCount(state.rows),
        HumanBytes(state.bytes),
        HumanBytes(state.stored_bytes),
        state.namespace
    )?;
    writeln!(out, "    key      {}", columns(&state.key))?;
    writeln!(out, "    value    {}", columns(&state.value))
}

fn columns(fields: &[StateField]) -> String {
    if fields.is_empty() {
        return "-".to_owned();
    }
    let fields: Vec<String> =
        fields.iter().map(|field| format!("{} {}", field.name, field.data_type)).collect();
    fields.join(", ")
}

#[cfg(test)]
mod tests {
    use sabot_types::{Attempt, Epoch, JobUid, OperatorUid};

    use super::*;

    #[test]
    fn a_summary_names_positions_states_and_sizes() {
        let field = |name: &str| StateField { name: name.into(), data_type: "Int64".into() };
        let summary = Inspection {
            location: "file:///tmp/sp".into(),
            kind: ManifestKind::Savepoint,
            job_uid: JobUid::new("local-a").unwrap(),
            attempt: Attempt::new(2),
            epoch: Epoch::new(9),
            created_at_ms: 0,
            sabot_version: "0.1.0".into(),
            key_groups: 8,
            parallelism: 2,
            finished: true,
            committables: 1,
            size_bytes: 2048,
            operators: vec![OperatorInspection {
                uid: OperatorUid::new("source bids").unwrap(),
                watermark: Some(EventTime::MAX),
                splits: vec![SplitState {
                    split: "a.json".into(),
                    position: serde_json::json!({"line": 3}),
                    finished: true,
                    watermark: None,
                }],
                states: vec![StateInspection {
                    name: "window".into(),
                    namespace: "tumble".into(),
                    key: vec![field("k")],
                    value: vec![field("SUM(v)"), field("COUNT(*)")],
                    rows: 1000,
                    bytes: 4096,
                    stored_bytes: 1024,
                }],
            }],
        };
        let expected = "\
savepoint file:///tmp/sp
  job          local-a
  attempt      2, epoch 9
  created      1970-01-01 00:00:00 UTC by Sabot 0.1.0
  parallelism  2 of 8 key groups
  size         2.00 KiB
  the input had ended
  1 outputs are not yet committed

operator source bids
  watermark  end
  split      a.json at {\"line\":3}, finished
  state      window: 1,000 rows, 4.00 KiB (1.00 KiB stored), by tumble
    key      k Int64
    value    SUM(v) Int64, COUNT(*) Int64
";
        assert_eq!(text(&summary), expected);
    }
}
