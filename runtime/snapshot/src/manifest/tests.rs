use sabot_core::SplitState;
use sabot_core::state::StateField;

use super::*;
use crate::testing::{committable, header, uid};

fn slot(slot: u32) -> SlotSnapshot {
    SlotSnapshot {
        slot,
        operators: BTreeMap::new(),
        segments: Vec::new(),
        committables: Vec::new(),
        finished: false,
    }
}

fn split(name: &str) -> SplitState {
    SplitState {
        split: name.to_owned(),
        position: serde_json::json!({ "offset": 7 }),
        finished: false,
        watermark: Some(EventTime::from_millis(5)),
    }
}

fn with(mut snapshot: SlotSnapshot, state: OperatorState) -> SlotSnapshot {
    snapshot.operators.insert(uid("window"), state);
    snapshot
}

fn spec(data_type: &str) -> StateSpec {
    let field = StateField { name: "k".to_owned(), data_type: data_type.to_owned() };
    StateSpec {
        operator: uid("window"),
        name: "rows".to_owned(),
        key: vec![field],
        value: Vec::new(),
        namespace: "window-end".to_owned(),
        ttl_ms: None,
        encoding: sabot_core::state::ValueEncoding::Sortable,
    }
}

#[test]
fn watermark_is_the_minimum_and_splits_come_together_sorted() {
    let of = |millis, name: &str| OperatorState {
        watermark: Some(EventTime::from_millis(millis)),
        splits: vec![split(name)],
        states: vec![spec("Int64")],
    };
    let manifest = assemble(
        header(2, 1, 1),
        vec![with(slot(1), of(10, "a")), with(slot(0), of(20, "b"))],
        vec![committable(1)],
    )
    .unwrap();
    let operator = &manifest.operators[&uid("window")];
    assert_eq!(operator.watermark, Some(EventTime::from_millis(10)));
    assert_eq!(operator.splits.iter().map(|s| s.split.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(operator.states.len(), 1);
    assert_eq!(manifest.committables, [committable(1)]);
}

#[test]
fn a_subtask_without_a_watermark_leaves_none() {
    let some = OperatorState { watermark: Some(EventTime::MAX), ..OperatorState::default() };
    let manifest = assemble(
        header(2, 1, 1),
        vec![with(slot(0), some), with(slot(1), OperatorState::default())],
        Vec::new(),
    )
    .unwrap();
    assert_eq!(manifest.operators[&uid("window")].watermark, None);
}

#[test]
fn carried_committables_come_before_new_ones() {
    let mut one = slot(0);
    one.committables = vec![committable(2)];
    let manifest = assemble(header(1, 1, 2), vec![one], vec![committable(1)]).unwrap();
    assert_eq!(manifest.committables, [committable(1), committable(2)]);
}

#[test]
fn every_slot_reports_exactly_once() {
    for slots in [vec![slot(0)], vec![slot(0), slot(0)], vec![slot(0), slot(2)]] {
        assert!(matches!(
            assemble(header(2, 1, 1), slots, Vec::new()),
            Err(AssembleError::Slots { .. })
        ));
    }
}

#[test]
fn a_split_that_two_subtasks_read_is_an_error() {
    let state = OperatorState { splits: vec![split("a")], ..OperatorState::default() };
    let result = assemble(
        header(2, 1, 1),
        vec![with(slot(0), state.clone()), with(slot(1), state)],
        Vec::new(),
    );
    assert_eq!(
        result,
        Err(AssembleError::SplitTwice { operator: uid("window"), split: "a".to_owned() })
    );
}

#[test]
fn states_that_differ_between_subtasks_are_an_error() {
    let of = |data_type| OperatorState { states: vec![spec(data_type)], ..Default::default() };
    let result = assemble(
        header(2, 1, 1),
        vec![with(slot(0), of("Int64")), with(slot(1), of("Utf8"))],
        Vec::new(),
    );
    assert!(matches!(result, Err(AssembleError::StateDiffers { .. })));
}

#[test]
fn the_input_has_ended_only_when_it_has_in_every_slot() {
    let ended = |n| SlotSnapshot { finished: true, ..slot(n) };
    let finished = |slots| assemble(header(2, 1, 1), slots, Vec::new()).unwrap().finished;
    assert!(!finished(vec![ended(0), slot(1)]));
    assert!(finished(vec![ended(0), ended(1)]));
}

#[test]
fn a_manifest_is_read_back_and_every_flipped_byte_is_noticed() {
    let state = OperatorState {
        watermark: Some(EventTime::MIN),
        splits: vec![split("a")],
        states: vec![spec("Int64")],
    };
    let manifest =
        assemble(header(1, 1, 1), vec![with(slot(0), state)], vec![committable(1)]).unwrap();
    let bytes = manifest.to_bytes();
    assert_eq!(Manifest::from_bytes(&bytes, "mem://m").unwrap(), manifest);
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        let error = Manifest::from_bytes(&damaged, "mem://m").unwrap_err();
        assert!(error.to_string().contains("mem://m"), "{error}");
    }
    let error = Manifest::from_bytes(&bytes[..bytes.len() / 2], "mem://m").unwrap_err();
    assert!(error.to_string().contains("restore another"), "{error}");
}

#[test]
fn a_manifest_of_another_format_is_refused() {
    let mut manifest = assemble(header(1, 1, 1), vec![slot(0)], Vec::new()).unwrap();
    for version in [OLDEST_FORMAT_VERSION, FORMAT_VERSION] {
        manifest.format_version = version;
        assert_eq!(Manifest::from_bytes(&manifest.to_bytes(), "mem://m").unwrap(), manifest);
    }
    for version in [OLDEST_FORMAT_VERSION - 1, FORMAT_VERSION + 1] {
        manifest.format_version = version;
        let read = Manifest::from_bytes(&manifest.to_bytes(), "mem://m");
        let Err(ManifestError::FormatVersion { found, .. }) = read else { panic!("{read:?}") };
        assert_eq!(found, u64::from(version));
    }
}
