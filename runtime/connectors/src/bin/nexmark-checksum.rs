//! A checksum of the first events of the connector `nexmark`:
//! `nexmark-checksum EVENTS [option=value ...]`.
//!
//! `make bench-flink` compares it with that of the generator's port for Flink (tests/flink), which
//! says how it is made: the sum of a hash of each event, so that the order does not matter.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StructArray};
use arrow::datatypes::{
    DataType, Field, Fields, Int64Type, Schema, TimeUnit, TimestampMillisecondType,
};
use async_trait::async_trait;
use sabot_core::metrics::OperatorMetrics;
use sabot_core::store::{ObjectStore, StoreError};
use sabot_core::{
    Doorbell, Env, Error, Result, SeededRandom, SourceContext, SourcePoll, Stores, SystemClock,
    TokioTasks,
};
use sabot_types::OperatorUid;

const BATCH_ROWS: usize = 8192;

/// The fields of an event's kind: N a number, S a text, T a time. The columns have to be those of
/// `examples/nexmark/tables.sql`.
const KINDS: [(&str, &[(&str, char)]); 3] = [
    (
        "person",
        &[
            ("id", 'N'),
            ("name", 'S'),
            ("emailAddress", 'S'),
            ("creditCard", 'S'),
            ("city", 'S'),
            ("state", 'S'),
            ("dateTime", 'T'),
            ("extra", 'S'),
        ],
    ),
    (
        "auction",
        &[
            ("id", 'N'),
            ("itemName", 'S'),
            ("description", 'S'),
            ("initialBid", 'N'),
            ("reserve", 'N'),
            ("dateTime", 'T'),
            ("expires", 'T'),
            ("seller", 'N'),
            ("category", 'N'),
            ("extra", 'S'),
        ],
    ),
    (
        "bid",
        &[
            ("auction", 'N'),
            ("bidder", 'N'),
            ("price", 'N'),
            ("channel", 'S'),
            ("url", 'S'),
            ("dateTime", 'T'),
            ("extra", 'S'),
        ],
    ),
];

/// The hash FNV-1a of 64 bits.
#[derive(Debug, Clone, Copy)]
struct Fnv(u64);

impl Fnv {
    const OFFSET: Self = Self(0xcbf2_9ce4_8422_2325);

    fn add(self, bytes: &[u8]) -> Self {
        let byte = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        Self(bytes.iter().fold(self.0, byte))
    }
}

/// The generator reads nothing.
struct NoStores;

#[async_trait]
impl Stores for NoStores {
    async fn open(&self, name: &str) -> Result<Arc<dyn ObjectStore>, StoreError> {
        unreachable!("the generator opens no store, and not {name}")
    }
}

fn schema() -> Schema {
    let data_type = |letter| match letter {
        'N' => DataType::Int64,
        'S' => DataType::Utf8,
        _ => DataType::Timestamp(TimeUnit::Millisecond, None),
    };
    let mut columns = vec![Field::new("event_type", DataType::Int32, true)];
    for (kind, fields) in KINDS {
        let field = |(name, letter): &(&str, char)| Field::new(*name, data_type(*letter), true);
        let fields: Fields = fields.iter().map(field).collect();
        columns.push(Field::new(kind, DataType::Struct(fields), true));
    }
    Schema::new(columns)
}

fn context(options: BTreeMap<String, String>) -> Result<SourceContext> {
    let uid = OperatorUid::new("source:checksum").map_err(|why| Error::user(why.to_string()))?;
    Ok(SourceContext {
        uid,
        table: "checksum".to_owned(),
        options: Arc::new(options),
        schema: Arc::new(schema()),
        filter: None,
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
    })
}

fn add(hash: Fnv, column: &ArrayRef, row: usize) -> Fnv {
    match column.data_type() {
        DataType::Int64 => hash.add(&column.as_primitive::<Int64Type>().value(row).to_le_bytes()),
        DataType::Utf8 => {
            let text = column.as_string::<i32>().value(row).as_bytes();
            hash.add(&(text.len() as u32).to_le_bytes()).add(text)
        }
        _ => {
            let times = column.as_primitive::<TimestampMillisecondType>();
            hash.add(&times.value(row).to_le_bytes())
        }
    }
}

/// The sum of the rows' hashes.
fn sum(rows: &RecordBatch) -> u64 {
    let mut sum = 0_u64;
    for (kind, name) in (0_u8..).zip(KINDS.map(|(name, _)| name)) {
        let Some(events) = rows.column_by_name(name).and_then(|c| c.as_struct_opt()) else {
            continue;
        };
        let events: &StructArray = events;
        for row in (0..events.len()).filter(|row| events.is_valid(*row)) {
            let begin = Fnv::OFFSET.add(&[kind]);
            let hash = events.columns().iter().fold(begin, |hash, column| add(hash, column, row));
            sum = sum.wrapping_add(hash.0);
        }
    }
    sum
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let usage = || Error::user("usage: nexmark-checksum EVENTS [option=value ...]");
    let mut arguments = std::env::args().skip(1);
    let events = arguments.next().ok_or_else(usage)?;
    let mut options = BTreeMap::from([("connector".to_owned(), "nexmark".to_owned())]);
    options.insert("events.num".to_owned(), events);
    for argument in arguments {
        let (name, value) = argument.split_once('=').ok_or_else(usage)?;
        options.insert(name.to_owned(), value.to_owned());
    }
    let mut source = sabot_connectors::open_source(context(options)?).await?;
    let mut total = 0_u64;
    loop {
        match source.poll(BATCH_ROWS)? {
            SourcePoll::Batch { rows, .. } => total = total.wrapping_add(sum(&rows)),
            SourcePoll::Finished => break,
            SourcePoll::SplitFinished(_) | SourcePoll::Pending => {}
        }
    }
    println!("{total:016x}");
    Ok(())
}
