//! Rows that change, where one that goes has to be the one that came, and where a sink has one of each
//! key.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use sabot_core::ambient::AmbientReads;
use sabot_core::plan::{
    Exchange, Input, NodeId, NodeKind, PlanNode, RememberDesc, UpsertMaterializeDesc,
};
use sabot_core::row_kind;
use sabot_types::OperatorUid;

use super::{Lowering, key_of, with_kind};
use crate::ambient;
use crate::error::Result;
use crate::expr::Bound;
use crate::insert::Insert;
use crate::kept_order;
use crate::settings::UpsertMaterialize;

impl Lowering<'_> {
    /// The rows that a sink takes.
    pub(super) fn written(
        &mut self,
        insert: &Insert,
        from: NodeId,
        columns: &[(Field, &Bound)],
        sink_uid: &OperatorUid,
    ) -> Result<NodeId> {
        let (sink, filter) = (&insert.sink, insert.filter.as_ref());
        if !sink.is_upsert() || !row_kind::is_updating(&self.nodes[from.0].schema) {
            return self.calc(from, filter, columns, sink_uid, &sink.name);
        }
        // What a key had before is written over, whatever it was.
        let is_fixed = !filter.into_iter().chain(insert.key()).any(|v| ambient::is_in(&v.expr));
        // Where rows are kept by other columns than before, with what they were given, they move.
        let stay = is_fixed || keys_of(&self.nodes[from.0]).is_some();
        let is_kept = match self.settings.upsert_materialize {
            UpsertMaterialize::None => true,
            UpsertMaterialize::Force => false,
            UpsertMaterialize::Auto => stay && kept_order::is_kept_by(insert),
        };
        if is_kept && is_fixed {
            return self.made(from, filter, columns, sink_uid, &sink.name);
        }
        let from = self.calc(from, filter, columns, sink_uid, &sink.name)?;
        if is_kept {
            return Ok(from);
        }
        let schema = Arc::clone(&self.nodes[from.0].schema);
        let keys = key_of(sink, &schema);
        let uid = self.uids.materialized(sink_uid, &sink.primary_key)?;
        let name = self.uids.name(&format!("{}[materialize]", sink.name));
        let inputs = vec![Input { from, exchange: Exchange::Keyed(keys.clone()) }];
        let desc = UpsertMaterializeDesc { keys, ttl_ms: self.settings.state_ttl_ms };
        Ok(self.push(uid, name, NodeKind::UpsertMaterialize(desc), inputs, schema))
    }

    /// Filters and projects what another operator reads, unless that would change nothing. Rows that
    /// change keep what they were given of what changes by itself.
    pub(super) fn calc(
        &mut self,
        from: NodeId,
        filter: Option<&Bound>,
        columns: &[(Field, &Bound)],
        reader: &OperatorUid,
        sink: &str,
    ) -> Result<NodeId> {
        let values = filter.into_iter().chain(columns.iter().map(|(_, value)| *value));
        let reads = values.map(|value| ambient::reads(&value.expr));
        let reads = reads.fold(AmbientReads::default(), AmbientReads::or);
        let input = Arc::clone(&self.nodes[from.0].schema);
        if reads.is_nothing() || !row_kind::is_updating(&input) {
            return self.made(from, filter, columns, reader, sink);
        }
        let fields = &input.fields()[..row_kind::width(&input)];
        let fields = fields.iter().map(|field| field.as_ref().clone()).chain(reads.remembered());
        let schema = Arc::new(Schema::new(with_kind(fields, true)));
        let all = || (0..row_kind::width(&input)).collect();
        let keys = keys_of(&self.nodes[from.0]).unwrap_or_else(all);
        let uid = self.uids.remembered(reader)?;
        let name = self.uids.name(&format!("{sink}[remember]"));
        let inputs = vec![Input { from, exchange: Exchange::Keyed(keys.clone()) }];
        let desc = RememberDesc { reads, keys, ttl_ms: self.settings.state_ttl_ms };
        let from = self.push(uid, name, NodeKind::Remember(desc), inputs, schema);
        let filter = filter.map(ambient::as_remembered);
        let values: Vec<Bound> =
            columns.iter().map(|(_, value)| ambient::as_remembered(value)).collect();
        let columns: Vec<_> = columns.iter().map(|(field, _)| field.clone()).zip(&values).collect();
        self.made(from, filter.as_ref(), &columns, reader, sink)
    }
}

/// The columns by which the rows of a node are divided among its subtasks, so that they can stay where
/// they are; none where that is not known.
fn keys_of(node: &PlanNode) -> Option<Vec<usize>> {
    match &node.kind {
        // Their keys are their first columns.
        NodeKind::GroupAggregate(desc) => Some((0..desc.keys.len()).collect()),
        NodeKind::WindowAggregate(desc) => Some((0..desc.keys.len()).collect()),
        NodeKind::TopN(desc) => Some(desc.keys.clone()),
        NodeKind::Over(desc) => Some(desc.keys.clone()),
        NodeKind::LastRow(desc) => Some(desc.keys.clone()),
        _ => None,
    }
}
