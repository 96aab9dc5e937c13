//! Topics that a lookup join reads whole.

use sabot_core::{SplitState, partitions};

use super::*;
use crate::registry::TableRead;

/// The topic's table; it says how a stream of it begins and that it does not end, which does not
/// count.
pub(super) fn table(
    topic: &Topic,
    more: &[(&str, &str)],
    restored: Vec<SplitState>,
) -> SourceContext {
    let all = [
        ("scan.startup.mode", "latest-offset"),
        ("scan.bounded.mode", "unbounded"),
        (partitions::READ_WHOLE, ""),
    ];
    let ctx = topic.source(&world(1).env, &[&all[..], more].concat());
    SourceContext { restored: Arc::new(restored), ..ctx }
}

/// What is read, whether it comes after what was read before, and where it ends.
pub(super) async fn read(ctx: SourceContext) -> Result<(Vec<i64>, bool, Vec<SplitState>)> {
    let schema = ctx.schema.clone();
    let TableRead { mut source, goes_on } = crate::open_table(ctx).await?;
    let read = read_some(source.as_mut(), 1000, usize::MAX).await?;
    Ok((sorted(&concat(&schema, &read)), goes_on, source.positions()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_the_whole_topic_and_then_what_has_come_to_it() {
    let topic = Topic::with(3);
    for partition in 0..2 {
        let first = i64::from(partition) * 100;
        topic.send(partition, &rows_of(first..first + 100));
    }
    let (rows, goes_on, at) = read(table(&topic, &[], Vec::new())).await.unwrap();
    assert_eq!((rows, goes_on), ((0..200).collect(), false));
    let (rows, goes_on, at) = read(table(&topic, &[], at)).await.unwrap();
    assert_eq!((rows, goes_on), (Vec::new(), true));
    topic.send(0, &[rows_of(200..203), vec![None]].concat());
    topic.send(2, &rows_of(203..205));
    let (rows, goes_on, at) = read(table(&topic, &[], at)).await.unwrap();
    assert_eq!((rows, goes_on), ((200..205).collect(), true));

    // Retention has deleted what was read, the topic was made anew, or it had another partition.
    let changed = |change: fn(&mut SplitState)| {
        let mut at = at.clone();
        change(&mut at[1]);
        at
    };
    for at in [
        changed(|split| split.position["first"] = (-3).into()),
        changed(|split| split.position["next"] = 101.into()),
        changed(|split| split.split = "another-7".to_owned()),
    ] {
        let (rows, goes_on, _) = read(table(&topic, &[], at.clone())).await.unwrap();
        assert_eq!((rows, goes_on), ((0..205).collect(), false), "{at:?}");
    }
    // A partition that was added.
    let (rows, goes_on, _) = read(table(&topic, &[], at[..2].to_vec())).await.unwrap();
    assert_eq!((rows, goes_on), ((203..205).collect(), true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_brokers_or_topic_is_named() {
    let topic = Topic::with(1);
    let nowhere = [(SERVERS, "127.0.0.1:1")];
    let error = read(table(&topic, &nowhere, Vec::new())).await.unwrap_err().chain();
    let says = format!("topic {} at the Kafka brokers 127.0.0.1:1", topic.name);
    assert!(error.contains(&says), "{error}");
    let gone = topic.brokers.missing();
    let ctx = table(&topic, &[("topic", &gone)], Vec::new());
    let error = read(ctx).await.unwrap_err().to_string();
    let says = format!("topic {gone} does not exist at the Kafka brokers");
    assert!(error.contains(&says) && error.contains(topic.brokers.servers()), "{error}");
}

#[test]
fn how_a_stream_would_begin_need_not_be_said_but_must_be_right() {
    let pairs = [
        ("connector", "kafka"),
        ("topic", TOPIC),
        ("properties.bootstrap.servers", "h:1"),
        ("format", "json"),
        (partitions::READ_WHOLE, ""),
    ];
    let check = |more: &[(&str, &str)]| {
        let pairs = [&pairs[..], more].concat();
        crate::validate("t", Role::Source, &options(&pairs), &ids()).map_err(|e| e.to_string())
    };
    assert_eq!(check(&[]), Ok(()));
    let error = check(&[("scan.startup.mode", "soon")]).unwrap_err();
    assert!(error.contains("'earliest-offset' or 'latest-offset' or"), "{error}");
}
