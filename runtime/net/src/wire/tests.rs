use arrow::array::{DictionaryArray, Int64Array, StringArray, StringViewArray};
use arrow::compute::concat_batches;
use arrow::datatypes::Int32Type;

use super::*;

fn roundtrip(elements: &[Element]) -> (Vec<Element>, Vec<FlightData>) {
    let mut messages = Vec::new();
    let mut encoder = Encoder::new();
    for element in elements {
        encoder.encode(element, &mut messages).unwrap();
    }
    let mut decoder = Decoder::default();
    let read = messages.iter().filter_map(|m| decoder.decode(m).unwrap()).collect();
    (read, messages)
}

fn rows(elements: &[Element]) -> Vec<&RecordBatch> {
    let batches = elements.iter().filter_map(|element| match element {
        Element::Batch(batch) => Some(batch),
        _ => None,
    });
    batches.collect()
}

fn texts(from: i64, count: i64) -> RecordBatch {
    let long = |i: i64| format!("a text too long to be inlined, number {i}");
    let range = from..from + count;
    RecordBatch::try_from_iter([
        ("n", Arc::new(Int64Array::from_iter_values(range.clone())) as ArrayRef),
        ("text", Arc::new(StringArray::from_iter_values(range.clone().map(long)))),
        ("view", Arc::new(StringViewArray::from_iter_values(range.map(long)))),
    ])
    .unwrap()
}

fn dictionary(values: &[&str]) -> RecordBatch {
    let column: DictionaryArray<Int32Type> = values.iter().copied().collect();
    RecordBatch::try_from_iter([("d", Arc::new(column) as ArrayRef)]).unwrap()
}

#[test]
fn batches_of_one_schema_send_it_once() {
    let (read, messages) = roundtrip(&[Element::Batch(texts(0, 10)), Element::Batch(texts(10, 5))]);
    assert_eq!(messages.len(), 3);
    assert_eq!(rows(&read), [&texts(0, 10), &texts(10, 5)]);
}

#[test]
fn a_changed_dictionary_is_sent_again() {
    let batches = [dictionary(&["a", "b"]), dictionary(&["a", "b"]), dictionary(&["c", "a", "c"])];
    let (read, _) = roundtrip(&batches.clone().map(Element::Batch));
    assert_eq!(rows(&read), batches.iter().collect::<Vec<_>>());
}

#[test]
fn a_changed_schema_is_sent_again() {
    let batches = [texts(0, 3), dictionary(&["a"]), texts(3, 3)];
    let (read, _) = roundtrip(&batches.clone().map(Element::Batch));
    assert_eq!(rows(&read), batches.iter().collect::<Vec<_>>());
}

#[test]
fn elements_without_rows_keep_their_place() {
    let (read, _) = roundtrip(&[
        Element::Watermark(EventTime::MIN),
        Element::Batch(texts(0, 1)),
        Element::Barrier(Epoch::new(7)),
        Element::Idle,
        Element::Marker(1_700_000_000_000_123),
        Element::Watermark(EventTime::MAX),
        Element::End,
    ]);
    assert!(
        matches!(
            &read[..],
            [
                Element::Watermark(EventTime::MIN),
                Element::Batch(_),
                Element::Barrier(epoch),
                Element::Idle,
                Element::Marker(1_700_000_000_000_123),
                Element::Watermark(EventTime::MAX),
                Element::End,
            ] if epoch.get() == 7
        ),
        "{read:?}"
    );
}

#[test]
fn a_large_batch_is_cut_into_messages_below_the_limit() {
    let batch = texts(0, 200_000);
    assert!(batch.get_array_memory_size() > 2 * BATCH_BYTES_MAX);
    let (read, messages) = roundtrip(&[Element::Batch(batch.clone())]);
    assert!(read.len() > 2);
    assert!(messages.iter().all(|m| m.data_body.len() < 2 * BATCH_BYTES_MAX));
    assert_eq!(concat_batches(&batch.schema(), rows(&read)).unwrap(), batch);
}

#[test]
fn a_slice_of_views_does_not_carry_the_texts_of_other_rows() {
    let (read, messages) = roundtrip(&[Element::Batch(texts(0, 10_000).slice(5000, 10))]);
    assert_eq!(rows(&read), [&texts(5000, 10)]);
    assert!(messages.iter().all(|m| m.data_body.len() < 4096));
}

#[test]
fn malformed_messages_are_refused() {
    for message in [
        FlightData::new(),
        FlightData::new().with_app_metadata(vec![1, 2, 3]),
        FlightData::new().with_app_metadata(vec![99; 9]),
        FlightData::new().with_data_header(vec![1, 2, 3, 4, 5, 6, 7, 8]),
    ] {
        assert!(Decoder::default().decode(&message).is_err());
    }
    assert!(Opening::decode(&FlightData::new()).is_err());
    assert!(
        Opening::decode(&FlightData::new().with_descriptor(FlightDescriptor::new_cmd("{}")))
            .is_err()
    );
    let (_, messages) = roundtrip(&[Element::Batch(texts(0, 1))]);
    let error = Decoder::default().decode(&messages[1]).unwrap_err();
    assert_eq!(error.to_string(), "a message is malformed: rows came before their schema");
}

#[test]
fn an_opening_names_attempt_and_channel() {
    let opening =
        Opening { attempt: Attempt::new(3), channel: ChannelId { edge: 1, from: 2, to: 3 } };
    let message = opening.encode();
    assert_eq!(Opening::decode(&message).unwrap(), opening);
    assert_eq!(
        message.flight_descriptor.unwrap().cmd,
        r#"{"attempt":3,"channel":{"edge":1,"from":2,"to":3}}"#
    );
}
