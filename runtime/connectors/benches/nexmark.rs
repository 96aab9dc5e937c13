//! Events a second that the generator makes on one core, by what is read of them:
//! `cargo bench --workspace --bench nexmark`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use arrow::datatypes::{DataType, Field, Fields, Schema, TimeUnit};
use async_trait::async_trait;
use sabot_core::metrics::OperatorMetrics;
use sabot_core::store::{ObjectStore, StoreError};
use sabot_core::{
    Doorbell, Env, Result, SeededRandom, SourceContext, SourceFilter, SourcePoll, Stores,
    SystemClock, TokioTasks,
};
use sabot_types::OperatorUid;

const BATCH_ROWS: usize = 8192;
const ROWS: usize = 20_000_000;

/// The generator reads nothing.
struct NoStores;

#[async_trait]
impl Stores for NoStores {
    async fn open(&self, _: &str) -> Result<Arc<dyn ObjectStore>, StoreError> {
        unreachable!("the generator opens no store")
    }
}

fn fields(names: &[&str]) -> Fields {
    let data_type = |name: &str| match name {
        "dateTime" | "expires" => DataType::Timestamp(TimeUnit::Millisecond, None),
        "channel" | "url" | "extra" | "name" | "city" | "state" => DataType::Utf8,
        _ => DataType::Int64,
    };
    names.iter().map(|name| Field::new(*name, data_type(name), true)).collect()
}

fn context(schema: Schema, types: &[i64]) -> SourceContext {
    let options = BTreeMap::from([("connector".to_owned(), "nexmark".to_owned())]);
    SourceContext {
        uid: OperatorUid::new("source:bench").expect("the uid is valid"),
        table: "bench".to_owned(),
        options: Arc::new(options),
        schema: Arc::new(schema),
        filter: (!types.is_empty())
            .then(|| SourceFilter { column: "event_type".to_owned(), values: types.to_vec() })
            .map(Arc::new),
        subtask: 0,
        parallelism: 1,
        restored: Arc::default(),
        max_batch_rows: BATCH_ROWS,
        doorbell: Doorbell::new(),
        metrics: Arc::new(OperatorMetrics::default()),
        env: Env {
            clock: Arc::new(SystemClock::default()),
            random: Arc::new(SeededRandom::new(0)),
            tasks: Arc::new(TokioTasks::current()),
            stores: Arc::new(NoStores),
            local_dir: std::path::PathBuf::new(),
        },
    }
}

async fn run(what: &str, rows: usize, context: SourceContext) -> Result<()> {
    let mut source = sabot_connectors::open_source(context).await?;
    let began = Instant::now();
    let mut made = 0;
    while made < rows {
        if let SourcePoll::Batch { rows, .. } = source.poll(BATCH_ROWS)? {
            made += std::hint::black_box(rows).num_rows();
        }
    }
    let rate = made as f64 / began.elapsed().as_secs_f64() / 1e6;
    println!("{what:<58} {rate:>6.1} M rows/s");
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let event_type = || Field::new("event_type", DataType::Int32, true);
    let row = |kind: &str, names| Field::new(kind, DataType::Struct(fields(names)), true);
    let few = &["auction", "price", "dateTime"];
    let all = &["auction", "bidder", "price", "channel", "url", "dateTime", "extra"];
    run("bids: auction, price, dateTime", ROWS, context(Schema::new(fields(few)), &[])).await?;
    let most = ["auction", "bidder", "price", "dateTime", "extra"];
    for (what, names) in [
        ("bids in a ROW: auction, price, dateTime", &few[..]),
        ("bids in a ROW: all but channel and url", &most),
        ("bids in a ROW: all", all),
    ] {
        let schema = Schema::new(vec![event_type(), row("bid", names)]);
        run(what, ROWS / 2, context(schema, &[2])).await?;
    }
    let schema = Schema::new(vec![event_type(), row("auction", &["id", "seller", "dateTime"])]);
    run("auctions in a ROW: id, seller, dateTime", ROWS / 10, context(schema, &[1])).await?;
    let schema =
        Schema::new(vec![event_type(), row("auction", &["id", "expires"]), row("bid", few)]);
    run("bids and auctions: a few fields of each", ROWS / 4, context(schema, &[1, 2])).await?;
    let schema = Schema::new(vec![
        event_type(),
        row("person", &["id", "name", "city", "state", "dateTime"]),
        row("auction", &["id", "seller", "dateTime"]),
        row("bid", all),
    ]);
    run("all events: most fields", ROWS / 10, context(schema, &[])).await
}
