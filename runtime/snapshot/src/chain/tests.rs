use sabot_core::state::{ChangeLog, StateChanges};
use sabot_types::{Attempt, Epoch};

use super::*;
use crate::restore::read_rows;
use crate::segment::{Encoded, encode, encode_changes, upload_segment};
use crate::testing::{Instantly, Rows as All, checkpoint, memory, one_segment, some_rows, spec};

type Model = BTreeMap<(i64, u16, Vec<u8>), Vec<u8>>;

/// One slot's state as a backend would have it, and the segments of its checkpoints.
struct Slot {
    store: Arc<dyn ObjectStore>,
    number: u32,
    log: ChangeLog,
    model: Model,
    segments: Vec<SegmentRef>,
}

impl Slot {
    fn new(store: &Arc<dyn ObjectStore>, number: u32) -> Self {
        let (log, model) = (ChangeLog::default(), Model::new());
        Self { store: Arc::clone(store), number, log, model, segments: Vec::new() }
    }

    fn put(&mut self, namespace: i64, group: u16, key: &[u8], value: Option<&[u8]>) {
        self.log.put(Namespace(namespace), KeyGroup::new(group), key, value);
        let place = (namespace, group, key.to_vec());
        match value {
            Some(value) => self.model.insert(place, value.to_vec()),
            None => self.model.remove(&place),
        };
    }

    fn drop_namespace(&mut self, namespace: i64) {
        self.log.drop_namespace(Namespace(namespace));
        self.model.retain(|place, _| place.0 != namespace);
    }

    async fn checkpoint(&mut self, epoch: u64) {
        let encoded = match self.log.freeze(0) {
            Some(changes) => {
                let changes = vec![(spec("window", "rows"), changes)];
                one_segment(|give| encode_changes(changes, give)).unwrap()
            }
            None => all(&self.model),
        };
        let Some(encoded) = encoded else { return };
        let (of, at) = (Attempt::new(1), Epoch::new(epoch));
        let store = self.store.as_ref();
        let segment = upload_segment(store, &Instantly, of, at, (self.number, 0), &encoded);
        self.segments.push(segment.await.unwrap());
    }
}

fn all(model: &Model) -> Option<Encoded> {
    let row = |(place, value): (&(i64, u16, Vec<u8>), &Vec<u8>)| {
        (place.0, place.1, place.2.clone(), value.clone())
    };
    let rows = model.iter().map(row).collect();
    let state = All { spec: spec("window", "rows"), rows };
    one_segment(|give| encode(vec![Box::new(state)], give)).unwrap()
}

/// Two slots with a few checkpoints of changes: rows put, put again, removed, namespaces dropped
/// and filled again.
async fn two_slots(store: &Arc<dyn ObjectStore>) -> (Manifest, Model) {
    let mut slots = [Slot::new(store, 0), Slot::new(store, 1)];
    for epoch in 1..=4_u64 {
        for slot in &mut slots {
            let group = slot.number as u16 * 8;
            for n in 0..6_u8 {
                let value = [epoch as u8, n];
                slot.put(1, group + u16::from(n), &[n], Some(&value));
                slot.put(2, group, &[n, epoch as u8], Some(&value));
                slot.put(epoch as i64 * 10, group, &[n], Some(&value));
            }
            slot.put(1, group + 3, &[3], None);
            // Only the first slot drops it: the rows of the other must stay.
            if epoch == 3 && slot.number == 0 {
                slot.drop_namespace(2);
                slot.put(2, group, b"after", Some(b"1"));
            }
            slot.drop_namespace(epoch as i64 * 10 - 10);
            slot.checkpoint(epoch).await;
        }
    }
    let mut manifest = checkpoint(store, 2, 9, Vec::new()).await;
    let [one, two] = slots;
    // In any order: slot and epoch tell.
    manifest.segments = two.segments.into_iter().chain(one.segments.into_iter().rev()).collect();
    let model = one.model.into_iter().chain(two.model).collect();
    (manifest, model)
}

#[tokio::test]
async fn changes_on_top_of_all_rows_are_the_rows_that_were_left() {
    let store = memory("mem://job");
    let (manifest, expected) = two_slots(&store).await;
    let range = manifest.key_groups.full_range();
    let mut found = Model::new();
    read_rows(&store, &manifest, range, |_, rows| {
        for (row, group) in rows.groups.iter().enumerate() {
            let place = (rows.namespace.0, group.index(), rows.keys.value(row).to_vec());
            if rows.values.is_null(row) {
                found.remove(&place);
            } else {
                found.insert(place, rows.values.value(row).to_vec());
            }
        }
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn merged_each_row_comes_once() {
    let store = memory("mem://job");
    let (manifest, expected) = two_slots(&store).await;
    let mut found = Model::new();
    for segments in by_slot(&manifest) {
        let chain = Chain::open(&store, &segments).await.unwrap();
        let range = manifest.key_groups.full_range();
        chain
            .read_merged(range, &|_| true, &mut |_, rows| {
                for (row, group) in rows.groups.iter().enumerate() {
                    let place = (rows.namespace.0, group.index(), rows.keys.value(row).to_vec());
                    let twice = found.insert(place, rows.values.value(row).to_vec());
                    assert_eq!(twice, None);
                }
                Ok(())
            })
            .await
            .unwrap();
        let nothing = |_: &StateSpec, _| panic!("no state is wanted");
        chain.read_merged(range, &|_| false, &mut { nothing }).await.unwrap();
    }
    assert_eq!(found, expected);
}

#[tokio::test]
async fn what_was_dropped_since_is_not_read() {
    let store = memory("mem://job");
    let mut slot = Slot::new(&store, 0);
    for (namespace, group, key, value) in some_rows() {
        slot.put(namespace, group, &key, Some(&value));
    }
    slot.checkpoint(1).await;
    slot.drop_namespace(1_000);
    slot.checkpoint(2).await;
    assert_eq!(slot.segments[1].rows, 0);
    let segments: Vec<_> = slot.segments.iter().collect();
    let chain = Chain::open(&store, &segments).await.unwrap();
    let rows: u64 = chain.sizes().iter().map(|(_, size)| size.rows).sum();
    assert_eq!(rows, some_rows().len() as u64 / 2);
}

#[test]
fn changes_that_change_nothing_make_no_segment() {
    let changes = vec![(spec("window", "rows"), StateChanges::default())];
    assert!(one_segment(|give| encode_changes(changes, give)).unwrap().is_none());
}
