use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use sabot_core::state::{FrozenState, Namespace, StateChanges, StateRow, StateRows, StateSpec};
use sabot_core::store::PutCondition;
use sabot_types::KeyGroupRange;

use super::*;
use crate::restore::RestoreError;
use crate::store::{Call, Outcome};
use crate::testing::{Instantly, Rows, faulty, memory, one_segment, some_rows, spec};

type Row = (String, i64, u16, Vec<u8>, Vec<u8>);

async fn uploaded(store: &Arc<dyn ObjectStore>, frozen: Vec<Rows>) -> SegmentRef {
    let frozen = frozen.into_iter().map(|rows| Box::new(rows) as Box<dyn FrozenState>).collect();
    let encoded = one_segment(|give| encode(frozen, give)).unwrap().unwrap();
    let (attempt, epoch) = (Attempt::new(1), Epoch::new(1));
    upload_segment(store.as_ref(), &Instantly, attempt, epoch, (0, 0), &encoded).await.unwrap()
}

async fn read(
    store: &Arc<dyn ObjectStore>,
    segment: &SegmentRef,
    range: KeyGroupRange,
) -> Result<Vec<Row>, RestoreError> {
    let mut found = Vec::new();
    let reader = SegmentReader::open(Arc::clone(store), segment).await?;
    reader
        .read(range, |_, _| true, &mut |spec, rows: StateRows| {
            assert!(rows.groups.len() <= BATCH_ROWS);
            for (row, group) in rows.groups.iter().enumerate() {
                let Namespace(namespace) = rows.namespace;
                let (key, value) = (rows.keys.value(row).to_vec(), rows.values.value(row).to_vec());
                found.push((spec.name.clone(), namespace, group.index(), key, value));
            }
            Ok(())
        })
        .await?;
    Ok(found)
}

fn expected(rows: &Rows, range: KeyGroupRange) -> Vec<Row> {
    rows.rows
        .iter()
        .filter(|(_, group, ..)| range.indexes().contains(group))
        .map(|(namespace, group, key, value)| {
            (rows.spec.name.clone(), *namespace, *group, key.clone(), value.clone())
        })
        .collect()
}

/// Large enough for many blocks.
fn many_rows(name: &str) -> Rows {
    let mut rows = Vec::new();
    for namespace in [-5, 0, i64::MAX] {
        for n in 0..20_000_u32 {
            // Bytes that do not compress away.
            let value = xxhash_rust::xxh3::xxh3_128(&n.to_le_bytes()).to_le_bytes().repeat(2);
            rows.push((namespace, (n / 1250) as u16, n.to_be_bytes().to_vec(), value));
        }
    }
    Rows { spec: spec("window", name), rows }
}

#[tokio::test]
async fn all_rows_come_back_in_order_for_any_range() {
    let store = memory("mem://job");
    let (one, two) = (many_rows("one"), Rows { spec: spec("window", "two"), rows: some_rows() });
    for range in [(0, 16), (0, 8), (5, 6), (15, 16), (3, 3), (16, 20)] {
        let range = KeyGroupRange::new(range.0, range.1);
        let mut wanted = expected(&one, range);
        wanted.extend(expected(&two, range));
        let frozen = vec![
            Rows { spec: one.spec.clone(), rows: one.rows.clone() },
            Rows { spec: two.spec.clone(), rows: two.rows.clone() },
        ];
        let segment = uploaded(&store, frozen).await;
        assert_eq!(read(&store, &segment, range).await.unwrap(), wanted);
    }
}

#[tokio::test]
async fn the_halves_of_a_range_make_the_whole() {
    let store = memory("mem://job");
    let segment = uploaded(&store, vec![many_rows("one")]).await;
    assert_eq!(segment.rows, 60_000);
    let of = |start, end| read(&store, &segment, KeyGroupRange::new(start, end));
    let mut halves = of(0, 7).await.unwrap();
    halves.extend(of(7, 16).await.unwrap());
    let mut whole = of(0, 16).await.unwrap();
    halves.sort();
    whole.sort();
    assert_eq!(halves, whole);
}

#[tokio::test]
async fn only_blocks_of_the_wanted_groups_are_read() {
    let store = memory("mem://job");
    let segment = uploaded(&store, vec![many_rows("one")]).await;
    // The index and, for each of three namespaces, one run of blocks.
    let counted =
        faulty(&store, Call::Get, [Outcome::Works; 4].into_iter().chain([Outcome::FailsBefore]));
    let rows = read(&counted, &segment, KeyGroupRange::new(0, 1)).await.unwrap();
    assert_eq!(rows.len(), 3 * 1250);
}

#[test]
fn states_without_rows_make_no_segment() {
    let empty = Rows { spec: spec("window", "none"), rows: Vec::new() };
    assert!(one_segment(|give| encode(vec![Box::new(empty)], give)).unwrap().is_none());
}

#[tokio::test]
async fn large_state_is_several_segments_which_are_given_as_they_are_made() {
    let store = memory("mem://job");
    let row = |n: u32| {
        // Bytes that do not compress away.
        let part = |n: u32| xxhash_rust::xxh3::xxh3_128(&n.to_le_bytes()).to_le_bytes();
        let value = (0..4096).flat_map(|at| part(n * 4096 + at)).collect();
        (i64::from(n / 300), (n % 300 / 20) as u16, n.to_be_bytes().to_vec(), value)
    };
    let states = || {
        ["one", "two"]
            .map(|name| Rows { spec: spec("window", name), rows: (0..600).map(row).collect() })
    };
    let boxed = || states().map(|state| Box::new(state) as Box<dyn FrozenState>).into();
    let segments = Mutex::new(Vec::new());
    encode(boxed(), &|segment| {
        segments.lock().unwrap().push(segment);
        ControlFlow::Continue(())
    })
    .unwrap();
    let segments = segments.into_inner().unwrap();
    assert!(segments.len() > 3, "{}", segments.len());
    let mut found = Vec::new();
    for (part, segment) in (0..).zip(&segments) {
        let (attempt, epoch) = (Attempt::new(1), Epoch::new(1));
        let uploaded =
            upload_segment(store.as_ref(), &Instantly, attempt, epoch, (0, part), segment);
        found.extend(
            read(&store, &uploaded.await.unwrap(), KeyGroupRange::new(0, 16)).await.unwrap(),
        );
    }
    let all: Vec<_> =
        states().iter().flat_map(|rows| expected(rows, KeyGroupRange::new(0, 16))).collect();
    assert!(found == all);

    let given = AtomicUsize::new(0);
    encode(boxed(), &|_| {
        given.fetch_add(1, Ordering::Relaxed);
        ControlFlow::Break(())
    })
    .unwrap();
    assert_eq!(given.into_inner(), 1, "nothing is encoded that nobody wants");
}

/// A state in parts, each of which fails where it is none.
struct Parts(StateSpec, VecDeque<Option<Rows>>);

impl FrozenState for Parts {
    fn spec(&self) -> &StateSpec {
        &self.0
    }

    fn changes(&mut self) -> Option<StateChanges> {
        None
    }

    fn split(&mut self) -> sabot_core::Result<Vec<Box<dyn FrozenState>>> {
        let part = |part| Box::new(Self(self.0.clone(), [part].into())) as Box<dyn FrozenState>;
        Ok(self.1.drain(1..).map(part).collect())
    }

    fn visit(
        self: Box<Self>,
        visit: &mut dyn FnMut(StateRow<'_>) -> sabot_core::Result<()>,
    ) -> sabot_core::Result<()> {
        match self.1.into_iter().next().flatten() {
            Some(rows) => Box::new(rows).visit(visit),
            None => Err(sabot_core::Error::user("damaged")),
        }
    }
}

/// What `parts` are encoded to, and all that is read back.
async fn encoded_in_parts(parts: Parts) -> Result<Vec<Row>, SegmentError> {
    let store = memory("mem://job");
    let segments = Mutex::new(Vec::new());
    encode(vec![Box::new(parts)], &|segment| {
        segments.lock().unwrap().push(segment);
        ControlFlow::Continue(())
    })?;
    let mut found = Vec::new();
    for (part, segment) in (0..).zip(&segments.into_inner().unwrap()) {
        let (attempt, epoch) = (Attempt::new(1), Epoch::new(1));
        let segment =
            upload_segment(store.as_ref(), &Instantly, attempt, epoch, (0, part), segment).await?;
        found.extend(read(&store, &segment, KeyGroupRange::new(0, 16)).await.unwrap());
    }
    found.sort();
    Ok(found)
}

#[tokio::test]
async fn parts_that_several_threads_encode_make_all_rows_once() {
    let all = many_rows("one");
    let parts = |size: usize| {
        let part = |rows: &[_]| Some(Rows { spec: all.spec.clone(), rows: rows.to_vec() });
        Parts(all.spec.clone(), all.rows.chunks(size).map(part).collect())
    };
    let mut wanted = expected(&all, KeyGroupRange::new(0, 16));
    wanted.sort();
    for size in [60_000, 30_001, 777] {
        assert!(encoded_in_parts(parts(size)).await.unwrap() == wanted, "{size}");
    }
    for bad in [0, 1, 59] {
        let mut parts = parts(1000);
        parts.1[bad] = None;
        let error = encoded_in_parts(parts).await.unwrap_err();
        assert!(matches!(error, SegmentError::Visit { .. }), "{error}");
    }
}

#[tokio::test]
async fn empty_keys_and_values_are_rows_too() {
    let store = memory("mem://job");
    let rows = vec![(0, 0, Vec::new(), Vec::new()), (0, 0, vec![1], Vec::new())];
    let state = Rows { spec: spec("window", "one"), rows };
    let wanted = expected(&state, KeyGroupRange::new(0, 16));
    let segment = uploaded(&store, vec![state]).await;
    assert_eq!(read(&store, &segment, KeyGroupRange::new(0, 16)).await.unwrap(), wanted);
}

#[test]
fn a_state_is_frozen_only_once_for_a_segment() {
    let state = || Box::new(Rows { spec: spec("window", "one"), rows: Vec::new() });
    assert!(matches!(
        one_segment(|give| encode(vec![state(), state()], give)),
        Err(SegmentError::StateTwice { .. })
    ));
}

#[tokio::test]
async fn every_damaged_byte_of_blocks_and_index_is_noticed() {
    let store = memory("mem://job");
    let rows = Rows { spec: spec("window", "one"), rows: some_rows() };
    let segment = uploaded(&store, vec![rows]).await;
    let good = store.get(&segment.key).await.unwrap().bytes;
    // The header is for people and tools, the readers start at the trailer.
    for at in HEADER_BYTES..good.len() {
        let mut bad = good.to_vec();
        bad[at] ^= 0x40;
        store.put(&segment.key, bad.into(), PutCondition::Always).await.unwrap();
        let error = read(&store, &segment, KeyGroupRange::new(0, 16)).await.unwrap_err();
        let RestoreError::Segment(error) = error else { panic!("byte {at}: {error}") };
        assert!(error.to_string().contains(&format!("mem://job/{}", segment.key)), "{error}");
    }
}

#[tokio::test]
async fn a_short_or_missing_segment_is_named_with_the_remedy() {
    let store = memory("mem://job");
    let rows = Rows { spec: spec("window", "one"), rows: some_rows() };
    let segment = uploaded(&store, vec![rows]).await;
    let good = store.get(&segment.key).await.unwrap().bytes;
    store.put(&segment.key, good.slice(..good.len() - 9), PutCondition::Always).await.unwrap();
    let error = SegmentReader::open(Arc::clone(&store), &segment).await.unwrap_err();
    assert!(error.to_string().contains(&segment.key), "{error}");
    store.delete(&segment.key).await.unwrap();
    let error = SegmentReader::open(Arc::clone(&store), &segment).await.unwrap_err();
    assert!(matches!(error, SegmentError::Missing { .. }), "{error}");
    assert!(error.to_string().contains("restore another savepoint"), "{error}");
}

#[tokio::test]
async fn uploading_survives_lost_replies_and_never_replaces_a_segment() {
    let store = memory("mem://job");
    let lossy = faulty(&store, Call::Put, [Outcome::FailsBefore, Outcome::LosesReply]);
    uploaded(&lossy, vec![many_rows("one")]).await;
    let other = one_segment(|give| encode(vec![Box::new(many_rows("other"))], give));
    let other = other.unwrap().unwrap();
    let (attempt, epoch) = (Attempt::new(1), Epoch::new(1));
    let error = upload_segment(store.as_ref(), &Instantly, attempt, epoch, (0, 0), &other)
        .await
        .unwrap_err();
    assert!(matches!(error, SegmentError::Conflict { .. }), "{error}");
}
