//! Makes the rows of a subtask's splits. Everything happens in `poll`, without tasks.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use sabot_core::{Result, Source, SourceContext, SourcePoll, SplitState};

use super::draw;
use super::make::{Maker, Rows};
use super::settings::Settings;
use super::splits::{Reading, Split};
use crate::pace::Pace;
use crate::splits::deal;

/// A batch has fewer rows where these take more.
const BATCH_BYTES: u64 = 8 << 20;

pub(super) struct DataGenSource {
    names: Vec<String>,
    splits: Vec<Split>,
    /// Of which splits the end was announced.
    ended: Vec<bool>,
    makers: Vec<Maker>,
    schema: SchemaRef,
    /// The rows of the table.
    rows: u64,
    batch_rows_max: usize,
    pace: Pace,
    /// The row at which this run begins; the pace counts from it.
    first: u64,
}

impl DataGenSource {
    pub(super) fn open(ctx: &SourceContext, settings: Settings) -> Result<Self> {
        let reading = Reading {
            parallelism: ctx.parallelism,
            rows_per_second: settings.rows_per_second,
            rows: settings.rows,
            now_ms: ctx.env.clock.now_ms(),
        };
        let all = reading.splits(&ctx.restored)?;
        let own = deal(all.iter().map(Split::name), &[], ctx.subtask, ctx.parallelism);
        let names: Vec<String> = own.into_iter().map(|split| split.name).collect();
        let splits = names.iter().filter_map(|name| all.iter().find(|split| split.name() == *name));
        let splits: Vec<Split> = splits.cloned().collect();
        let bytes = settings.makers.iter().map(|maker| maker.bytes).sum::<u64>().max(1);
        Ok(Self {
            ended: vec![false; splits.len()],
            names,
            splits,
            makers: settings.makers,
            schema: ctx.schema.clone(),
            rows: settings.rows,
            batch_rows_max: (BATCH_BYTES / bytes).max(1) as usize,
            pace: Pace::new(ctx.env.clock.clone(), settings.rows_per_second),
            first: all.iter().map(|split| split.next_row).min().unwrap_or_default(),
        })
    }

    fn batch(&self, split: &Split, numbers: Vec<u64>) -> Result<RecordBatch> {
        let has_times = self.makers.iter().any(|maker| maker.has_times);
        let due = |number: &u64| split.due_ms(*number);
        let rows = Rows {
            seeds: numbers.iter().map(|number| draw::seed_of_row(*number)).collect(),
            due_ms: if has_times { numbers.iter().map(due).collect() } else { Vec::new() },
            numbers,
        };
        let columns = self.makers.iter().map(|maker| maker.array(&rows, None));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        Ok(RecordBatch::try_new(self.schema.clone(), columns)?)
    }
}

impl Source for DataGenSource {
    fn poll(&mut self, max_rows: usize) -> Result<SourcePoll> {
        let limit = self.first.saturating_add(self.pace.allowed());
        let open = self.splits.iter().enumerate().filter(|(index, _)| !self.ended[*index]);
        let Some((index, split)) = open.min_by_key(|(_, split)| split.next_row) else {
            return Ok(SourcePoll::Finished);
        };
        let end = split.end(self.rows);
        if split.next_row >= end {
            self.ended[index] = true;
            return Ok(SourcePoll::SplitFinished(index));
        }
        if split.next_row >= limit {
            return Ok(SourcePoll::Pending);
        }
        let max = max_rows.clamp(1, self.batch_rows_max);
        let numbers = self.splits[index].take(end.min(limit), max);
        let rows = self.batch(&self.splits[index], numbers)?;
        Ok(SourcePoll::Batch { split: index, rows })
    }

    fn splits(&self) -> &[String] {
        &self.names
    }

    fn positions(&self) -> Vec<SplitState> {
        let state = |(index, split): (usize, &Split)| SplitState {
            split: self.names[index].clone(),
            position: serde_json::json!(split),
            finished: self.ended[index],
            watermark: None,
        };
        self.splits.iter().enumerate().map(state).collect()
    }
}
