use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use sabot_types::{Epoch, EventTime};

use super::*;

fn batch(rows: i64) -> Element {
    let values = Int64Array::from_iter_values(0..rows);
    Element::Batch(RecordBatch::try_from_iter([("v", Arc::new(values) as ArrayRef)]).unwrap())
}

fn watermark(millis: i64) -> Element {
    Element::Watermark(EventTime::from_millis(millis))
}

fn name(element: &Element) -> String {
    match element {
        Element::Batch(batch) => format!("batch {}", batch.num_rows()),
        Element::Watermark(time) => format!("watermark {time}"),
        Element::Idle => "idle".into(),
        Element::Marker(micros) => format!("marker {micros}"),
        Element::Barrier(epoch) => format!("barrier {epoch}"),
        Element::End => "end".into(),
    }
}

fn drain(receiver: &Receiver) -> Vec<String> {
    let mut names = Vec::new();
    while let TryRecv::Element(element) = receiver.try_recv() {
        names.push(name(&element));
    }
    names
}

/// Whether the bell was rung since it was last waited for.
fn rung(bell: &Doorbell) -> bool {
    let start = Instant::now();
    bell.wait(Duration::from_millis(40));
    start.elapsed() < Duration::from_millis(30)
}

#[test]
fn markers_stand_behind_rows_and_keep_no_watermarks_apart() {
    let (sender, receiver) = channel(1 << 20);
    for step in 0..100 {
        sender.try_send(Element::Marker(step)).unwrap();
        sender.try_send(watermark(step)).unwrap();
    }
    sender.try_send(batch(3)).unwrap();
    sender.try_send(watermark(200)).unwrap();
    sender.try_send(Element::Marker(7)).unwrap();
    sender.try_send(Element::Idle).unwrap();
    sender.try_send(Element::Marker(8)).unwrap();
    assert_eq!(
        drain(&receiver),
        [
            "marker 0",
            &format!("watermark {}", EventTime::from_millis(99)),
            "batch 3",
            "marker 7",
            &format!("watermark {}", EventTime::from_millis(200)),
            "idle",
        ]
    );
}

#[test]
fn a_batch_larger_than_the_limit_passes_an_empty_queue_and_the_next_waits() {
    let (sender, receiver) = channel(100);
    sender.try_send(batch(1000)).unwrap();
    assert!(receiver.len_bytes() >= 8000);
    assert!(matches!(sender.try_send(batch(1)), Err(TrySendError::Full(Element::Batch(_)))));
    assert_eq!(drain(&receiver), ["batch 1000"]);
    assert_eq!(receiver.len_bytes(), 0);
    sender.try_send(batch(1)).unwrap();
}

#[test]
fn a_full_queue_takes_barriers_and_keeps_the_order() {
    let (sender, receiver) = channel(1);
    sender.try_send(batch(1)).unwrap();
    sender.try_send(watermark(5)).unwrap();
    sender.try_send(Element::Barrier(Epoch::new(1))).unwrap();
    sender.try_send(Element::Idle).unwrap();
    sender.try_send(Element::End).unwrap();
    assert_eq!(drain(&receiver), ["batch 1", "watermark 5", "barrier 1", "idle", "end"]);
}

#[test]
fn a_later_watermark_replaces_one_that_was_not_read() {
    let (sender, receiver) = channel(1);
    for millis in 0..1000 {
        sender.try_send(watermark(millis)).unwrap();
    }
    sender.try_send(Element::Barrier(Epoch::new(1))).unwrap();
    sender.try_send(watermark(1001)).unwrap();
    assert_eq!(drain(&receiver), ["watermark 999", "barrier 1", "watermark 1001"]);
}

#[test]
fn dropping_all_senders_closes_after_the_queue_is_drained() {
    let (sender, receiver) = channel(1);
    let second = sender.clone();
    drop(sender);
    assert!(matches!(receiver.try_recv(), TryRecv::Empty));
    second.try_send(batch(1)).unwrap();
    drop(second);
    assert!(matches!(receiver.try_recv(), TryRecv::Element(_)));
    assert!(matches!(receiver.try_recv(), TryRecv::Closed));
}

#[test]
fn dropping_the_receiver_closes_for_senders() {
    let (sender, receiver) = channel(1);
    let bell = Doorbell::new();
    sender.on_room(bell.clone());
    drop(receiver);
    assert!(rung(&bell));
    assert!(matches!(sender.try_send(Element::End), Err(TrySendError::Closed(Element::End))));
}

#[test]
fn bells_ring_on_the_first_element_and_on_room() {
    let (sender, receiver) = channel(1);
    let (element, room) = (Doorbell::new(), Doorbell::new());
    sender.on_room(room.clone());
    receiver.on_element(element.clone());
    assert!(!rung(&element));
    sender.try_send(batch(1)).unwrap();
    assert!(rung(&element));
    assert!(!rung(&room));
    assert!(matches!(receiver.try_recv(), TryRecv::Element(_)));
    assert!(rung(&room));
    drop(sender);
    assert!(rung(&element), "closing rings too");
}

#[test]
fn a_bell_that_comes_late_rings_for_what_is_there() {
    let (sender, receiver) = channel(1);
    sender.try_send(batch(1)).unwrap();
    let bell = Doorbell::new();
    receiver.on_element(bell.clone());
    assert!(rung(&bell));
}

#[tokio::test]
async fn a_waiting_sender_and_a_waiting_receiver_are_woken() {
    let (sender, receiver) = channel(1);
    let task = tokio::spawn(async move {
        for rows in 1..=100 {
            sender.send(batch(rows)).await.unwrap();
        }
    });
    for rows in 1..=100 {
        assert_eq!(name(&receiver.recv().await.unwrap()), format!("batch {rows}"));
    }
    task.await.unwrap();
    assert!(receiver.recv().await.is_none());
}

#[tokio::test]
async fn a_waiting_sender_learns_that_the_receiver_is_gone() {
    let (sender, receiver) = channel(1);
    sender.try_send(batch(1)).unwrap();
    let task = tokio::spawn(async move { sender.send(batch(1)).await });
    tokio::task::yield_now().await;
    drop(receiver);
    assert_eq!(task.await.unwrap(), Err(Closed));
}
