//! Rows that come too late for windows, as rows of a table: `SET 'sabot.late-rows.table' = '...'`.

use std::sync::Arc;

use arrow::datatypes::Schema;
use sabot_core::plan::{CalcDesc, Exchange, Input, NodeId, NodeKind, SinkDesc};
use sabot_types::OperatorUid;

use super::{Lowering, column_value, connector_field, sink_exchange};
use crate::aggregate::WindowNode;
use crate::catalog::{Table, TableColumn};
use crate::error::{Position, Result, SqlError};
use crate::expr::{Bound, compile};
use crate::relation::Base;
use crate::settings::LATE_ROWS;
use crate::types::{casts_implicitly, flink_name};

/// Where late rows go.
#[derive(Debug, Clone)]
pub(crate) struct LateRows {
    pub table: Arc<Table>,
    /// Where that is set.
    pub at: Position,
}

impl LateRows {
    /// The values of the table's columns in the rows that windows read; none where no row can be
    /// late. The results of windows, and rows of joins, come with their own watermark.
    pub(crate) fn values(&self, node: &WindowNode) -> Result<Vec<Bound>> {
        match &node.base {
            Base::Table(read) if !node.window.is_processing() => {
                self.table.written().map(|column| self.value(read, column)).collect()
            }
            _ => Ok(Vec::new()),
        }
    }

    fn value(&self, read: &Table, column: &TableColumn) -> Result<Bound> {
        let Some(value) = read.column(&column.name) else {
            let message = format!(
                "late rows of table \"{}\" have no column \"{}\" for table \"{}\"",
                read.name, column.name, self.table.name
            );
            let known = read.columns.iter().map(|column| column.name.as_str());
            return Err(SqlError::new(self.at, message).suggest(&column.name, "columns", known));
        };
        if !casts_implicitly(&value.data_type, &column.data_type) {
            let message = format!(
                "column \"{}\" of table \"{}\" is {}, late rows of table \"{}\" have {} for it",
                column.name,
                self.table.name,
                flink_name(&column.data_type),
                read.name,
                flink_name(&value.data_type)
            );
            return Err(SqlError::new(self.at, message)
                .hint(format!("declare it as {}", flink_name(&value.data_type))));
        }
        Ok(value.implicit_cast(&column.data_type).plain())
    }
}

impl Lowering<'_> {
    /// The values of late rows behind a window's own input.
    pub(super) fn late_values(&self, node: &WindowNode) -> Result<Vec<Bound>> {
        self.late.as_ref().map_or(Ok(Vec::new()), |late| late.values(node))
    }

    /// Writes the rows that are too late for `window`, whose values are at `places` of its input.
    pub(super) fn late_rows(
        &mut self,
        window: NodeId,
        input: NodeId,
        places: &[usize],
        of: &OperatorUid,
    ) -> Result<()> {
        let Some(LateRows { table, .. }) = self.late.clone() else { return Ok(()) };
        if places.is_empty() {
            return Ok(());
        }
        let input = Arc::clone(&self.nodes[input.0].schema);
        let columns = places
            .iter()
            .map(|place| compile(&column_value(input.field(*place)), &input, self.settings.zone));
        let kind = NodeKind::Calc(CalcDesc {
            columns: columns.collect::<Result<_>>()?,
            ..CalcDesc::default()
        });
        let schema =
            Arc::new(Schema::new(table.written().map(connector_field).collect::<Vec<_>>()));
        let uid = self.uids.late(of)?;
        let (calc, sink) = (self.uids.input_of(&uid)?, uid);
        let name = self.uids.name(&format!("{}[calc]", table.name));
        let inputs = vec![Input { from: window, exchange: Exchange::Late }];
        let from = self.push(calc, name, kind, inputs, Arc::clone(&schema));
        let name = self.uids.name(&format!("{}[sink]", table.name));
        let desc = SinkDesc { table: table.name.clone(), options: Arc::clone(&table.options) };
        let inputs = vec![Input { from, exchange: sink_exchange(&table, &schema) }];
        self.push(sink, name, NodeKind::Sink(desc), inputs, schema);
        Ok(())
    }

    /// Refuses a table for late rows where none can be.
    pub(super) fn check_late(&self) -> Result<()> {
        let is_late = |input: &Input| input.exchange == Exchange::Late;
        match &self.late {
            Some(late) if !self.nodes.iter().any(|node| node.inputs.iter().any(is_late)) => {
                let message = format!("no rows can be too late for '{LATE_ROWS}'");
                Err(SqlError::new(late.at, message).hint(
                    "late are rows of a table that come after a window of event time, which they are \
                     grouped by, has fired",
                ))
            }
            _ => Ok(()),
        }
    }
}
