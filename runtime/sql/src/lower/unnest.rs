//! Rows of the elements that a value has.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use sabot_core::plan::{ElementColumns, Exchange, Input, NodeId, NodeKind, UnnestDesc};
use sabot_core::row_kind;

use super::{Lowering, feed_columns, with_kind};
use crate::error::Result;
use crate::expr::compile;
use crate::needed::unnest_columns;
use crate::unnest::UnnestNode;

impl Lowering<'_> {
    pub(super) fn unnest(
        &mut self,
        node: &UnnestNode,
        used: &BTreeSet<String>,
        sink: &str,
    ) -> Result<NodeId> {
        let uid = self.uids.unnest(sink, &node.feed.columns[node.column].0)?;
        let chosen = unnest_columns(node, used);
        let columns = feed_columns(&node.feed, chosen.clone());
        let from = self.feed(&node.feed, &columns, &uid, sink)?;
        let column = chosen.iter().position(|c| *c == node.column).unwrap_or_default();
        let is_used = |name: &str| node.reads(used, name);
        let kept: Vec<usize> =
            (0..columns.len()).filter(|place| is_used(columns[*place].0.name())).collect();
        let mut fields: Vec<Field> = kept.iter().map(|place| columns[*place].0.clone()).collect();
        let parts = node.parts.iter().filter(|(name, _)| is_used(name));
        let element = match node.parts.as_slice() {
            [(name, None)] if is_used(name) => ElementColumns::Whole,
            _ => ElementColumns::Parts(parts.clone().filter_map(|(_, part)| *part).collect()),
        };
        let mut names: Vec<&str> = parts.map(|(name, _)| name.as_str()).collect();
        // Rows are counted by something: nothing costs less than the numbers.
        let ordinality = is_used(&node.number) || (kept.is_empty() && names.is_empty());
        names.extend(ordinality.then_some(node.number.as_str()));
        for name in names {
            fields.extend(node.schema.as_arrow().field_with_name(name).cloned());
        }
        let updating = row_kind::is_updating(&self.nodes[from.0].schema);
        let name = self.uids.name(&format!("{sink}[unnest]"));
        let inputs = vec![Input { from, exchange: Exchange::Forward }];
        let schema = Arc::new(Schema::new(with_kind(fields.into_iter(), updating)));
        let condition = node.condition.as_ref();
        let condition = condition
            .map(|condition| compile(condition, &schema, self.settings.zone))
            .transpose()?;
        let desc = UnnestDesc { column, kept, element, ordinality, outer: node.outer, condition };
        Ok(self.push(uid, name, NodeKind::Unnest(desc), inputs, schema))
    }
}
