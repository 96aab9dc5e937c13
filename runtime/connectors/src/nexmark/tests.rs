use std::sync::Arc;
use std::time::Duration;

use arrow::array::cast::AsArray;
use arrow::array::{Array, BooleanArray, RecordBatch};
use arrow::datatypes::{DataType, Int64Type, SchemaRef, TimestampMillisecondType};
use sabot_core::{SourceContext, SourceFilter, SourcePoll};

use super::{model, settings};
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
    "https://www.nexmark.com/sped/vcud/zde/item.htm?query=1&channel_id=2143027200",
    10_167_379_181_228_406_420,
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

fn row(fields: &SchemaRef) -> DataType {
    DataType::Struct(fields.fields().clone())
}

/// The table of all events, as the Nexmark project declares it.
fn events() -> SchemaRef {
    schema(&[
        ("event_type", DataType::Int32),
        ("person", row(&persons())),
        ("auction", row(&auctions())),
        ("bid", row(&bids())),
    ])
}

#[tokio::test]
async fn events_of_all_kinds_come_in_one_table_and_are_those_of_the_tables_of_one_kind() {
    let ctx = source_context(&world(1).env, BOUNDED, events());
    let rows = read_with_rescale(&ctx, 1, 0, 1).await.unwrap();
    assert_eq!(rows.num_rows(), 5000);
    let types = rows.column(0).as_primitive::<arrow::datatypes::Int32Type>().clone();
    for (index, kind) in model::Kind::ALL.into_iter().enumerate() {
        let is_kind: BooleanArray = types.iter().map(|t| Some(t == Some(index as i32))).collect();
        let column = rows.column(index + 1).as_struct();
        assert_eq!(column.null_count(), 5000 - is_kind.true_count());
        for field in column.columns() {
            assert_eq!(field.null_count(), column.null_count(), "fields are null with their row");
        }
        let own = arrow::compute::filter(column, &is_kind).unwrap();
        let table = SchemaRef::new(arrow::datatypes::Schema::new(column.fields().clone()));
        let pairs = [BOUNDED, &[("nexmark.table", kind.name())][..]].concat();
        let ctx = source_context(&world(1).env, &pairs, table);
        let alone = read_with_rescale(&ctx, 1, 0, 1).await.unwrap();
        assert_eq!(sorted(&RecordBatch::from(own.as_struct())), sorted(&alone), "{kind:?}");
    }
}

#[tokio::test]
async fn only_the_kinds_and_fields_that_are_asked_for_are_made() {
    let fields = schema(&[("price", DataType::Int64)]);
    let wanted = |values: &[i64]| {
        let filter = SourceFilter { column: "event_type".to_owned(), values: values.to_vec() };
        let schema = schema(&[("bid", row(&fields))]);
        SourceContext {
            filter: Some(Arc::new(filter)),
            ..source_context(&world(1).env, BOUNDED, schema)
        }
    };
    for (values, count, nulls) in [(&[2][..], 4600, 0), (&[0, 2], 4700, 100), (&[1], 300, 300)] {
        let rows = read_with_rescale(&wanted(values), 3, 100, 2).await.unwrap();
        assert_eq!((rows.num_rows(), rows.column(0).null_count()), (count, nulls), "{values:?}");
    }
    let mut none = crate::open_source(wanted(&[7])).await.unwrap();
    assert!(read_some(none.as_mut(), 10, 1).await.unwrap().is_empty());
}

/// With one kind in fifty no split may be without it: its watermark would never move.
#[tokio::test]
async fn every_split_has_events_of_every_kind() {
    for table in ["person", "auction", "bid"] {
        let pairs = [BOUNDED, &[("nexmark.table", table)][..]].concat();
        let ctx = source_context(&world(1).env, &pairs, schema(&[("ts", timestamp())]));
        let mut source = crate::open_source(ctx).await.unwrap();
        let read = read_some(source.as_mut(), 1, usize::MAX).await.unwrap();
        let splits: std::collections::BTreeSet<_> = read.iter().map(|(split, _)| split).collect();
        assert_eq!(splits.len(), 8, "{table}");
    }
}

#[tokio::test]
async fn a_source_that_is_kept_alive_does_not_end() {
    let pairs = [("connector", "nexmark"), ("events.num", "50"), ("keep-alive", "true")];
    let mut source =
        crate::open_source(source_context(&world(1).env, &pairs, events())).await.unwrap();
    assert_eq!(concat_rows(source.as_mut()), 50);
    assert!(matches!(source.poll(10).unwrap(), SourcePoll::Pending));
}

fn concat_rows(source: &mut dyn sabot_core::Source) -> usize {
    let mut rows = 0;
    while let SourcePoll::Batch { rows: batch, .. } = source.poll(10).unwrap() {
        rows += batch.num_rows();
    }
    rows
}

/// The model with the options of a text such as `bid.proportion = 0, person.proportion = 2`.
fn model_of(pairs: &[(&str, &str)]) -> Result<model::Model, String> {
    let map = crate::testing::options(pairs);
    let options = crate::options::Options { table: "t", map: &map };
    settings::Settings::read(&options).map(|s| s.model).map_err(|error| error.to_string())
}

fn event(model: &model::Model, n: u64) -> model::Event {
    model::Event { n, round: n / model.proportions.total() }
}

#[test]
fn prices_spread_over_six_powers_of_ten_and_ids_stay_near_the_newest() {
    let prices: Vec<i64> = (0..10_000).map(|n| model::Prices::get().price(n)).collect();
    let below = |limit| prices.iter().filter(|price| **price < limit).count();
    assert!(prices.iter().all(|price| (100..=100_000_000).contains(price)));
    assert!((4800..5200).contains(&below(100_000)), "{}", below(100_000));
    let model = model_of(&[]).unwrap();
    for bid in (0..100_000).map(|n| event(&model, n)).filter(|e| e.n % 50 > 3) {
        let newest = 1000 + (bid.round * 3) as i64 + 2;
        assert!((newest - 200..=newest + 11).contains(&model.bid_auction(bid)), "{bid:?}");
        let newest = 1000 + bid.round as i64;
        assert!((newest - 1000..=newest + 11).contains(&model.bid_bidder(bid)), "{bid:?}");
    }
}

#[test]
fn ids_follow_each_other_at_any_proportions() {
    for (persons, auctions, bids) in [("1", "3", "46"), ("2", "5", "1"), ("3", "1", "0")] {
        let model = model_of(&[
            ("person.proportion", persons),
            ("auction.proportion", auctions),
            ("bid.proportion", bids),
        ])
        .unwrap();
        let ids = |kind, id: fn(&model::Model, model::Event) -> i64| {
            let of_kind = |e: &model::Event| model.kind(*e) == kind;
            let events = (0..1000).map(|n| event(&model, n)).filter(of_kind);
            events.map(|e| id(&model, e)).collect::<Vec<i64>>()
        };
        for ids in [
            ids(model::Kind::Person, model::Model::person_id),
            ids(model::Kind::Auction, model::Model::auction_id),
        ] {
            let wanted: Vec<i64> = (1000..1000 + ids.len() as i64).collect();
            assert_eq!(ids, wanted, "{persons}:{auctions}:{bids}");
        }
    }
}

/// Of the ids so many are hot as in the Nexmark project's generator: all but one in the ratio.
#[test]
fn hot_ids_are_as_frequent_as_the_options_say() {
    for (ratio, hot) in [("1", 0.0), ("2", 0.5), ("4", 0.75)] {
        let model = model_of(&[
            ("bid.hot-ratio.auctions", ratio),
            ("bid.hot-ratio.bidders", ratio),
            ("auction.hot-ratio.sellers", ratio),
        ])
        .unwrap();
        let share = |is_hot: &dyn Fn(model::Event) -> bool| {
            let late = (500_000..510_000).map(|n| event(&model, n));
            late.filter(|e| is_hot(*e)).count() as f64 / 10_000.0
        };
        let near = |share: f64| (hot - 0.02..hot + 0.03).contains(&share);
        assert!(near(share(&|e| model.bid_auction(e) % 100 == 0)), "{ratio}");
        assert!(near(share(&|e| model.bid_bidder(e) % 100 == 1)), "{ratio}");
        assert!(near(share(&|e| model.auction_seller(e) % 100 == 0)), "{ratio}");
    }
}

#[tokio::test]
async fn events_have_the_average_sizes_of_the_options() {
    for (table, schema, size) in
        [("bid", bids(), 100.0), ("auction", auctions(), 500.0), ("person", persons(), 200.0)]
    {
        let pairs =
            [("connector", "nexmark"), ("number-of-rows", "50000"), ("nexmark.table", table)];
        let ctx = source_context(&world(1).env, &pairs, schema);
        let rows = read_with_rescale(&ctx, 1, 0, 1).await.unwrap();
        // Of a bid its channel and its page do not count, of a person its time.
        let counts = |name: &str| {
            !matches!((table, name), ("bid", "channel" | "url") | ("person", "dateTime"))
        };
        let mut bytes = 0;
        for (field, column) in rows.schema().fields().iter().zip(rows.columns()) {
            bytes += match column.as_string_opt::<i32>() {
                _ if !counts(field.name()) => 0,
                Some(texts) => texts.values().len(),
                None => 8 * column.len(),
            };
        }
        let average = bytes as f64 / rows.num_rows() as f64;
        assert!((average - size).abs() < size * 0.02, "{table}: {average}");
    }
}

#[test]
fn options_of_flinks_connector_mean_the_same_and_others_are_refused() {
    let refused = |pairs: &[(&str, &str)]| model_of(pairs).unwrap_err();
    assert!(model_of(&[("first-event.rate", "5"), ("next-event.rate", "5")]).is_ok());
    assert!(model_of(&[("rate.shape", "sine"), ("rate.period", "600 s")]).is_ok());
    for (pairs, expected) in [
        (
            &[("first-event.rate", "5"), ("next-event.rate", "6")][..],
            "expected 5 as 'first-event.rate', since the rate does not change",
        ),
        (&[("rate.limited", "true")], "expected 'false'; 'max-emit-speed' = 'false' limits it"),
        (&[("first-event.rate", "5"), ("nexmark.event-rate", "5")], "they mean the same"),
        (&[("events.num", "5"), ("number-of-rows", "5")], "they mean the same"),
        (&[("bid.hot-ratio.auctions", "0")], "expected a number from 1 to"),
        (&[("bid.avg-size", "many")], "expected a size such as '200b' or '1 kb'"),
        (
            &[("bid.proportion", "0"), ("auction.proportion", "0"), ("person.proportion", "0")],
            "a number from 1",
        ),
    ] {
        let error = refused(pairs);
        assert!(error.contains(expected), "{pairs:?}: {error}");
    }
}

#[test]
fn stop_at_ends_a_stream_before_its_number_of_events() {
    for (pairs, events) in [
        (&[("events.num", "0")][..], None),
        (&[("events.num", "9")], Some(9)),
        (&[("events.num", "9"), ("stop-at", "-1")], Some(9)),
        (&[("events.num", "9"), ("stop-at", "4")], Some(4)),
        (&[("stop-at", "4")], Some(4)),
    ] {
        let map = crate::testing::options(pairs);
        let options = crate::options::Options { table: "t", map: &map };
        assert_eq!(settings::Settings::read(&options).unwrap().events, events, "{pairs:?}");
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
