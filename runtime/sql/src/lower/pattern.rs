//! Rows that match a pattern.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use sabot_core::plan::{
    Exchange, Input, MatchCondition, MatchValue, NodeId, NodeKind, PatternDesc, PatternVariable,
};

use super::over::order_by;
use super::{Lowering, feed_columns};
use crate::error::Result;
use crate::expr::{Bound, compile};
use crate::needed::{pattern_columns, used_measures};
use crate::pattern::{MatchColumn, PatternNode, Variable};

impl Lowering<'_> {
    pub(super) fn pattern(
        &mut self,
        node: &PatternNode,
        used: &BTreeSet<String>,
        sink: &str,
    ) -> Result<NodeId> {
        let keys: Vec<&str> =
            node.keys.iter().map(|key| node.feed.columns[*key].0.as_str()).collect();
        let shape: Vec<String> =
            node.variables.iter().map(|v| variable(v, None).to_string()).collect();
        let uid = self.uids.pattern(sink, &shape.join(" "), &keys)?;
        let chosen = pattern_columns(node, used);
        let columns = feed_columns(&node.feed, chosen.clone());
        let from = self.feed(&node.feed, &columns, &uid, sink)?;
        let place = |column: &usize| chosen.iter().position(|c| c == column).unwrap_or_default();
        let keys: Vec<usize> = node.keys.iter().map(place).collect();
        let value = |found: &MatchColumn| MatchValue {
            name: found.name.clone(),
            variable: found.variable,
            column: found.argument.as_ref().map(place),
            function: found.function,
            data_type: found.data_type.clone(),
        };
        let mut fields: Vec<Field> = columns.into_iter().map(|(field, _)| field).collect();
        let own: Vec<Field> = keys.iter().map(|key| fields[*key].clone()).collect();
        fields.extend(node.values.iter().map(MatchColumn::field));
        let over = Arc::new(Schema::new(fields));
        let reads_match = |condition: &Bound| {
            let refs = condition.expr.column_refs();
            refs.iter().any(|read| node.values.iter().any(|value| value.column == read.name))
        };
        let mut variables = Vec::new();
        for found in &node.variables {
            let condition = match &found.condition {
                None => None,
                Some(bound) => {
                    let compiled = compile(bound, &over, self.settings.zone)?;
                    Some(match reads_match(bound) {
                        true => MatchCondition::Match(compiled),
                        false => MatchCondition::Row(compiled),
                    })
                }
            };
            variables.push(variable(found, condition));
        }
        let measures = used_measures(node, used);
        let out = own.into_iter().chain(measures.iter().map(|measure| measure.field()));
        let schema = Arc::new(Schema::new(out.collect::<Vec<_>>()));
        let kind = NodeKind::Pattern(PatternDesc {
            keys: keys.clone(),
            order: order_by(&node.order, place),
            row_time: node.row_time.as_ref().map(place),
            variables,
            after: node.after,
            within_ms: node.within_ms,
            values: node.values.iter().map(value).collect(),
            measures: measures.into_iter().map(value).collect(),
        });
        let name = self.uids.name(&format!("{sink}[match]"));
        let exchange = Exchange::Keyed(keys);
        Ok(self.push(uid, name, kind, vec![Input { from, exchange }], schema))
    }
}

fn variable(found: &Variable, condition: Option<MatchCondition>) -> PatternVariable {
    let Variable { name, min, max, greedy, condition: _ } = found;
    PatternVariable { name: name.clone(), min: *min, max: *max, greedy: *greedy, condition }
}
