//! Tables that are read as the engine's operators.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use sabot_core::plan::{Exchange, Input, LastRowDesc, NodeId, NodeKind, SourceDesc, WatermarkDesc};
use sabot_core::{Evaluator, row_kind};

use super::{Lowering, arrow_field, column_value, connector_field, schema_of, with_kind};
use crate::catalog::{Table, TableColumn};
use crate::error::Result;
use crate::expr::compile;
use crate::reads::ReadTable;

impl Lowering<'_> {
    /// The one node that reads a table, with only the columns that anything needs.
    pub(super) fn source(&mut self, table: &Arc<Table>) -> Result<NodeId> {
        if let Some(id) = self.sources.get(&table.key) {
            return Ok(*id);
        }
        let read =
            self.needed.tables.entry(table.key.clone()).or_default().of(table, self.settings);
        let schema = node_schema(table, &schema_of(&read.columns));
        let read = if table.is_upsert() { with_tombstones(table, read) } else { read };
        let desc = self.source_desc(table, &read)?;
        let uid = self.uids.source(&table.uid_name)?;
        let name = self.uids.name(&format!("{}[source]", table.name));
        let read = node_schema(table, &schema_of(&read.columns));
        let mut id = self.push(uid, name, NodeKind::Source(desc), Vec::new(), read);
        if table.keeps_last_rows(self.settings) {
            id = self.last_rows(table, id, schema)?;
        }
        self.sources.insert(table.key.clone(), id);
        Ok(id)
    }

    /// The changes of a table, out of rows that may come again.
    fn last_rows(&mut self, table: &Table, from: NodeId, schema: SchemaRef) -> Result<NodeId> {
        let mut keys: Vec<usize> = Vec::new();
        for name in &table.primary_key {
            keys.extend(schema.index_of(name));
        }
        let uid = self.uids.last_row(&table.uid_name, &table.primary_key)?;
        let name = self.uids.name(&format!("{}[last]", table.name));
        let inputs = vec![Input { from, exchange: Exchange::Keyed(keys.clone()) }];
        let kind = NodeKind::LastRow(LastRowDesc { keys, ttl_ms: self.settings.state_ttl_ms });
        Ok(self.push(uid, name, kind, inputs, schema))
    }

    /// How a table is read.
    pub(super) fn source_desc(&self, table: &Table, read: &ReadTable) -> Result<SourceDesc> {
        let ReadTable { columns, physical, filter } = read;
        let schema = schema_of(columns);
        let fields = physical.iter().map(connector_field);
        let physical_schema = Arc::new(Schema::new(with_kind(fields, table.changes())));
        let values = if physical_schema == node_schema(table, &schema) {
            None
        } else {
            let value = |column: &TableColumn| match &column.computed {
                Some(bound) => compile(bound, &physical_schema, self.settings.zone),
                None => compile(
                    &column_value(&arrow_field(column)),
                    &physical_schema,
                    self.settings.zone,
                ),
            };
            let mut values =
                columns.iter().map(value).collect::<Result<Vec<Arc<dyn Evaluator>>>>()?;
            if table.changes() {
                values.push(compile(
                    &column_value(&row_kind::field()),
                    &physical_schema,
                    self.settings.zone,
                )?);
            }
            Some(values)
        };
        Ok(SourceDesc {
            table: table.name.clone(),
            options: Arc::clone(&table.options),
            physical_schema,
            filter: filter.clone(),
            columns: values,
            watermark: self.watermark(table, &schema)?,
        })
    }

    fn watermark(&self, table: &Table, schema: &SchemaRef) -> Result<Option<WatermarkDesc>> {
        let Some(watermark) = &table.watermark else { return Ok(None) };
        let Ok(column) = schema.index_of(&watermark.column) else { return Ok(None) };
        let options = &table.watermark_options;
        Ok(Some(WatermarkDesc {
            column,
            expression: compile(&watermark.expression, schema, self.settings.zone)?,
            idle_timeout_ms: match options.idle_timeout_ms {
                Some(ms) => Some(ms).filter(|ms| *ms > 0),
                None => self.settings.idle_timeout_ms,
            },
            alignment: options.alignment.clone(),
        }))
    }
}

/// The schema of the rows of a table with these columns.
pub(super) fn node_schema(table: &Table, columns: &SchemaRef) -> SchemaRef {
    let fields = columns.fields().iter().map(|field| field.as_ref().clone());
    Arc::new(Schema::new(with_kind(fields, table.changes())))
}

/// A table as it is read when of rows that are gone there is nothing but the key.
pub(super) fn with_tombstones(table: &Table, read: ReadTable) -> ReadTable {
    let relaxed = |column: TableColumn| TableColumn {
        nullable: column.nullable || !table.primary_key.contains(&column.name),
        ..column
    };
    ReadTable {
        columns: read.columns.into_iter().map(relaxed).collect(),
        physical: read.physical.into_iter().map(relaxed).collect(),
        filter: read.filter,
    }
}
