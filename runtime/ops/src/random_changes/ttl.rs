//! Rows whose time to live is over: it is as if they had never come.

use sabot_core::plan::{NodeKind, PlanNode};

use super::{Row, Rows, Run, SEEDS};

const TTL_MS: u64 = 1000;
/// What is at hand is forgotten at most this long after it was written.
const FORGOTTEN_MS: i64 = 2 * TTL_MS as i64;
const STEPS: usize = 25;

/// Runs an operator for a while, lets the time go by, and again: each while stands for itself.
pub(super) fn check(
    ports: usize,
    plan: impl Fn(bool) -> PlanNode,
    expected: impl Fn(&[Vec<Row>]) -> Rows,
) {
    for seed in 0..SEEDS {
        let updating = seed % 4 > 1;
        let dir = tempfile::tempdir().unwrap();
        let folder = |n: usize| dir.path().join(n.to_string());
        let node = with_ttl(plan(updating));
        let mut run = Run::new(node, ports, updating, seed, &folder(0));
        for round in 1..=3 {
            for step in 1..=STEPS {
                run.driver.clock(round * (FORGOTTEN_MS + STEPS as i64) + step as i64);
                run.step();
                let there = expected(&run.there);
                assert_eq!(run.output, there, "seed {seed}, round {round}, step {step}");
            }
            if run.below(2) == 0 {
                run.restore(seed + round as u64, &folder(round as usize));
            }
            run.there.iter_mut().for_each(Vec::clear);
            run.output.clear();
        }
    }
}

fn with_ttl(mut node: PlanNode) -> PlanNode {
    let ttl_ms = match &mut node.kind {
        NodeKind::GroupAggregate(desc) => &mut desc.ttl_ms,
        NodeKind::Join(desc) => {
            desc.ttl_ms = [Some(TTL_MS); 2];
            return node;
        }
        NodeKind::TopN(desc) => &mut desc.ttl_ms,
        NodeKind::Over(desc) => &mut desc.ttl_ms,
        other => panic!("{other:?} has no time to live"),
    };
    *ttl_ms = Some(TTL_MS);
    node
}
