//! State that goes on under other aggregates.

use std::sync::Arc;

use arrow::array::{AsArray, BinaryArray};
use arrow::datatypes::{Int64Type, Schema};
use sabot_core::plan::{NodeKind, PlanNode, Steps, Window};
use sabot_core::state::StateRows;
use sabot_state::{Backend, compatibility, open};

use super::fixture::{batch, input, plan_of, row};
use crate::OperatorConfig;
use crate::testing::{Driver, config};

const KEYS: &[usize] = &[0];
const WINDOWS: [Window; 3] = [
    Window::Hop(Steps { step_ms: 10, size_ms: 30, offset_ms: 0 }),
    Window::Cumulate(Steps { step_ms: 10, size_ms: 30, offset_ms: 0 }),
    Window::Session { gap_ms: 10 },
];

/// The plan with these of its aggregates, in this order.
fn with_aggregates(window: Window, chosen: &[usize]) -> PlanNode {
    let mut node = plan_of(window, KEYS);
    let NodeKind::WindowAggregate(desc) = &mut node.kind else { panic!("a window aggregate") };
    let fields = node.schema.fields();
    let aggregates = chosen.iter().map(|index| Arc::clone(&fields[4 + index]));
    let all: Vec<_> = fields.iter().take(4).cloned().chain(aggregates).collect();
    desc.aggregates = chosen.iter().map(|index| desc.aggregates[*index].clone()).collect();
    node.schema = Arc::new(Schema::new(all));
    node
}

#[test]
fn aggregates_may_go_and_change_their_order() {
    for window in WINDOWS {
        let node = plan_of(window, KEYS);
        let mut before = Driver::new(&node, &input(), &config(), open(Backend::Memory).unwrap());
        before.process(batch(&[row(1, "a", 5, 11), row(1, "a", 6, 12)])).unwrap();
        before.watermark(19);
        let snapshot = before.snapshot();
        // SUM(v) and COUNT(*).
        let node = with_aggregates(window, &[2, 0]);
        let wanted = crate::state_specs(&node, &[input()]);
        let mut backend = open(Backend::Memory).unwrap();
        for (frozen, wanted) in snapshot.keyed.into_iter().zip(&wanted) {
            compatibility(&[frozen.spec().clone()], std::slice::from_ref(wanted)).unwrap();
            let migration = crate::migrate(frozen.spec(), wanted, 0).unwrap();
            let state = backend.open(wanted).unwrap();
            frozen
                .visit(&mut |row| {
                    let rows = migration.rows(StateRows {
                        namespace: row.namespace,
                        groups: vec![row.group],
                        keys: BinaryArray::from(vec![row.key]),
                        values: BinaryArray::from(vec![row.value]),
                    })?;
                    backend.put(state, rows.namespace, &rows.groups, &rows.keys, &rows.values)
                })
                .unwrap();
        }
        let config = OperatorConfig { restored_watermark: snapshot.watermark, ..config() };
        let mut after = Driver::new(&node, &input(), &config, backend);
        after.process(batch(&[row(1, "a", 7, 21)])).unwrap();
        after.watermark(29);
        after.watermark(i64::MAX);
        let last = after.batches().find(|batch| {
            let count = batch["COUNT(*)"].as_primitive::<Int64Type>();
            let sum = batch["SUM(v)"].as_primitive::<arrow::datatypes::Int32Type>();
            (count.value(0), sum.value(0)) == (3, 18)
        });
        assert!(last.is_some(), "{window:?}");
    }
}

#[test]
fn an_added_aggregate_and_another_window_are_refused() {
    for (window, other) in WINDOWS.into_iter().zip([WINDOWS[1], WINDOWS[0], WINDOWS[0]]) {
        let specs = |node: &PlanNode| crate::state_specs(node, &[input()]);
        let (few, all) = (specs(&with_aggregates(window, &[0])), specs(&plan_of(window, KEYS)));
        let found = compatibility(&few, &all).unwrap_err();
        assert!(found[0].to_string().contains("aggregate COUNT(v) is not in the state"));
        assert!(crate::migrate(&few[0], &all[0], 0).is_err());
        assert!(compatibility(&all, &specs(&plan_of(other, KEYS))).is_err());
    }
}
