use std::sync::Arc;
use std::time::Duration;

use arrow::array::cast::AsArray;
use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{DataType, Int64Type, SchemaRef, TimestampMillisecondType};
use sabot_core::{SourceContext, SourcePoll};

use super::generator;
use crate::testing::{read_some, read_with_rescale, schema, source_context, timestamp, world};

fn bids() -> SchemaRef {
    schema(&[
        ("auction", DataType::Int64),
        ("bidder", DataType::Int64),
        ("price", DataType::Int64),
        ("channel", DataType::Utf8),
        ("url", DataType::Utf8),
        ("dateTime", timestamp()),
        ("extra", DataType::Utf8),
    ])
}

fn auctions() -> SchemaRef {
    let text = |name| (name, DataType::Utf8);
    let long = |name| (name, DataType::Int64);
    schema(&[
        long("id"),
        text("itemName"),
        text("description"),
        long("initialBid"),
        long("reserve"),
        ("dateTime", timestamp()),
        ("expires", timestamp()),
        long("seller"),
        long("category"),
        text("extra"),
    ])
}

fn persons() -> SchemaRef {
    let text = |name| (name, DataType::Utf8);
    schema(&[
        ("id", DataType::Int64),
        text("name"),
        text("emailAddress"),
        text("creditCard"),
        text("city"),
        text("state"),
        ("dateTime", timestamp()),
        text("extra"),
    ])
}

const BOUNDED: &[(&str, &str)] = &[("connector", "nexmark"), ("number-of-rows", "5000")];

/// Rows as texts, in order.
fn sorted(rows: &RecordBatch) -> Vec<String> {
    let text = arrow::util::pretty::pretty_format_batches(std::slice::from_ref(rows)).unwrap();
    let mut lines: Vec<String> = text.to_string().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn the_same_events_come_at_any_parallelism_and_after_any_restore() {
    let ctx = source_context(&world(1).env, BOUNDED, bids());
    let reference = sorted(&read_with_rescale(&ctx, 1, 0, 1).await.unwrap());
    for (before, first, after) in [(1, 100, 2), (2, 500, 3), (3, 1, 11), (9, 40, 1), (2, 9999, 2)] {
        let rows = read_with_rescale(&ctx, before, first, after).await.unwrap();
        assert_eq!(sorted(&rows), reference, "{before} to {after} subtasks");
    }
}

#[tokio::test]
async fn of_fifty_events_one_is_a_person_three_are_auctions_and_the_rest_are_bids() {
    for (table, schema, count) in
        [("bid", bids(), 4600), ("auction", auctions(), 300), ("person", persons(), 100)]
    {
        let pairs = [BOUNDED, &[("nexmark.table", table)][..]].concat();
        let ctx = source_context(&world(1).env, &pairs, schema);
        let rows = read_with_rescale(&ctx, 1, 0, 1).await.unwrap();
        assert_eq!(rows.num_rows(), count, "{table}");
    }
}

/// A change of these numbers changes what every benchmark and every restored job reads.
#[tokio::test]
async fn the_first_events_never_change() {
    let ctx = source_context(&world(1).env, BOUNDED, bids());
    let mut source = crate::open_source(SourceContext { max_batch_rows: 8, ..ctx }).await.unwrap();
    let read = read_some(source.as_mut(), 8, 5000).await.unwrap();
    let mut sum = 0_u64;
    for (_, rows) in &read {
        for column in rows.columns() {
            for row in 0..rows.num_rows() {
                let text = arrow::util::display::array_value_to_string(column, row).unwrap();
                let hash = sabot_types::key_hash::of_bytes(text.as_bytes());
                sum = sum.wrapping_add(hash);
            }
        }
    }
    let first = &read[0].1;
    let long = |column: usize| first.column(column).as_primitive::<Int64Type>().value(0);
    let url = first.column(4).as_string::<i32>().value(0);
    assert_eq!((long(0), long(1), long(2), url, sum), GOLDEN);
}

/// The first bid's auction, bidder, price and page; a sum over 4,600 bids.
const GOLDEN: (i64, i64, i64, &str, u64) = (
    1007,
    1002,
    18_168_004,
    "https://www.nexmark.com/ujwjh/cvvno/ijuuu/item.htm?query=1&channel_id=1962180558",
    3_008_330_046_705_419_403,
);

#[tokio::test]
async fn event_time_starts_at_the_base_and_never_goes_back_within_a_split() {
    let pairs = [
        BOUNDED,
        &[("nexmark.first-event.base-time", "60000"), ("nexmark.event-rate", "20000")][..],
    ]
    .concat();
    let ctx = source_context(&world(1).env, &pairs, schema(&[("ts", timestamp())]));
    let mut source = crate::open_source(ctx).await.unwrap();
    let mut last = std::collections::BTreeMap::new();
    for (split, rows) in read_some(source.as_mut(), 50, usize::MAX).await.unwrap() {
        let times = rows.column(0).as_primitive::<TimestampMillisecondType>().values().clone();
        assert!(times.is_sorted() && times[0] >= *last.get(&split).unwrap_or(&60_000));
        last.insert(split, times[times.len() - 1]);
    }
    // 5,000 events at 20,000 a second of event time.
    assert_eq!(last.values().max(), Some(&60_249));
}

#[tokio::test]
async fn splits_advance_together() {
    let ctx = source_context(&world(1).env, &[("connector", "nexmark")], bids());
    let mut source = crate::open_source(ctx).await.unwrap();
    for _ in 0..10 {
        read_some(source.as_mut(), 100, 750).await.unwrap();
        let next = |state: &sabot_core::SplitState| state.position["nextEvent"].as_u64().unwrap();
        let positions: Vec<u64> = source.positions().iter().map(next).collect();
        let spread = positions.iter().max().unwrap() - positions.iter().min().unwrap();
        assert!(spread <= 8 * 120, "{positions:?}");
    }
}

#[tokio::test]
async fn the_rate_is_kept_also_after_a_restore() {
    let world = world(1);
    let pairs = [("connector", "nexmark"), ("rows-per-second", "1000")];
    let ctx = source_context(&world.env, &pairs, bids());
    let mut source = crate::open_source(ctx.clone()).await.unwrap();
    let rows_until_pending = |source: &mut dyn sabot_core::Source| {
        let mut rows = 0;
        loop {
            match source.poll(64).unwrap() {
                SourcePoll::Batch { rows: batch, .. } => rows += batch.num_rows(),
                SourcePoll::Pending => return rows,
                other => panic!("{other:?}"),
            }
        }
    };
    assert_eq!(rows_until_pending(source.as_mut()), 0);
    world.clock.advance(Duration::from_secs(2));
    assert_eq!(rows_until_pending(source.as_mut()), 2000 / 50 * 46);
    let restored = Arc::new(source.positions());
    world.clock.advance(Duration::from_secs(1000));
    let mut source = crate::open_source(SourceContext { restored, ..ctx }).await.unwrap();
    assert_eq!(rows_until_pending(source.as_mut()), 0);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(rows_until_pending(source.as_mut()), 1000 / 50 * 46);
}

#[test]
fn prices_spread_over_six_powers_of_ten_and_ids_stay_near_the_newest() {
    let prices: Vec<i64> = (0..10_000).map(generator::price).collect();
    let below = |limit| prices.iter().filter(|price| **price < limit).count();
    assert!(prices.iter().all(|price| (100..=100_000_000).contains(price)));
    assert!((4800..5200).contains(&below(100_000)), "{}", below(100_000));
    for n in 0..100_000 {
        let newest = 1000 + (n / 50 * 3) as i64 + 3;
        assert!((newest - 200..=newest + 11).contains(&generator::bid_auction(n)), "{n}");
        assert!(generator::bid_bidder(n) >= 1000);
    }
}

#[tokio::test]
async fn all_columns_have_values() {
    for (table, schema) in [("bid", bids()), ("auction", auctions()), ("person", persons())] {
        let pairs = [BOUNDED, &[("nexmark.table", table)][..]].concat();
        let ctx = source_context(&world(1).env, &pairs, schema.clone());
        let rows = read_with_rescale(&ctx, 1, 0, 1).await.unwrap();
        for (field, column) in schema.fields().iter().zip(rows.columns()) {
            assert_eq!(column.null_count(), 0, "{}", field.name());
            if let Some(texts) = column.as_string_opt::<i32>() {
                assert!(texts.iter().flatten().all(|text| !text.is_empty()), "{}", field.name());
            }
        }
    }
}
