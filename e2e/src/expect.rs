//! What is produced, and what a job must therefore have counted: pure, so that the producer and the
//! checker can never disagree by accident.

use std::collections::BTreeMap;

use k8s_openapi::jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde::Serialize;

/// Partitions of a case's topic.
pub(crate) const PARTITIONS: u32 = 4;
/// The length of a window of event time.
pub(crate) const WINDOW_MS: i64 = 10_000;
/// Event time from a record to the next of its partition: 100 records a window and partition.
pub(crate) const STEP_MS: i64 = 100;
/// How far the watermark stays behind the latest row.
pub(crate) const OUT_OF_ORDER_MS: i64 = 1000;
/// The key of the rows that end the partitions.
pub(crate) const FAR_KEY: i64 = -1;
/// 2024-01-01 00:00:00 UTC, the first record's time.
const BASE_MS: i64 = 1_704_067_200_000;
/// 2030-01-01 00:00:00 UTC: later than whatever a case produces.
const FAR_MS: i64 = 1_893_456_000_000;
/// Distinct keys.
const KEYS: u64 = 7;

/// A produced record; as JSON it is a message's payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Record {
    /// Its number within the partition, which is also its offset.
    pub(crate) id: u64,
    /// Its partition.
    pub(crate) part: u32,
    /// Its key.
    pub(crate) key: i64,
    /// Its value.
    pub(crate) value: i64,
    /// Its event time as text.
    pub(crate) ts: String,
    /// Its event time.
    #[serde(skip)]
    pub(crate) ts_ms: i64,
}

/// The record number `id` of partition `part`.
pub(crate) fn record(part: u32, id: u64) -> Record {
    // Each partition at its own offset, and neighbours swapped: rows are a little out of order.
    let swapped = i64::try_from(id ^ 1).unwrap_or(i64::MAX);
    let ts_ms = BASE_MS + swapped * STEP_MS + i64::from(part);
    let key = i64::try_from((id * 5 + u64::from(part) * 3 + id / 11) % KEYS).unwrap_or_default();
    let value = i64::try_from((id * 31 + u64::from(part) * 17) % 1000).unwrap_or_default();
    Record { id, part, key, value, ts: text_of(ts_ms), ts_ms }
}

/// The row that ends partition `part` after `count` records: it fires all windows before it.
pub(crate) fn far_record(part: u32, count: u64) -> Record {
    Record { id: count, part, key: FAR_KEY, value: 1, ts: text_of(FAR_MS), ts_ms: FAR_MS }
}

/// A key and the start of a window, milliseconds since the Unix epoch.
pub(crate) type Cell = (i64, i64);

/// What a job keeps for a cell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Rows.
    pub(crate) count: i64,
    /// The sum of their values.
    pub(crate) total: i64,
}

/// What each cell must hold after `counts[p]` records of each partition p.
pub(crate) fn tallies(counts: &[u64]) -> BTreeMap<Cell, Tally> {
    let mut cells = BTreeMap::<Cell, Tally>::new();
    for (part, count) in (0..).zip(counts) {
        for id in 0..*count {
            add(&mut cells, &record(part, id));
        }
    }
    cells
}

/// What must still be open after `offsets[p]` messages of each partition, of which the first
/// `count` are records and the next one ends the partition, at `watermark_ms`.
pub(crate) fn open_cells(
    offsets: &[u64],
    count: Option<u64>,
    watermark_ms: i64,
) -> BTreeMap<Cell, Tally> {
    let records: Vec<u64> = offsets.iter().map(|o| count.map_or(*o, |c| c.min(*o))).collect();
    let mut cells = tallies(&records);
    for (part, offset) in (0..).zip(offsets) {
        if count.is_some_and(|count| *offset > count) {
            add(&mut cells, &far_record(part, *offset - 1));
        }
    }
    cells.retain(|(_, start), _| start + WINDOW_MS - 1 > watermark_ms);
    cells
}

fn add(cells: &mut BTreeMap<Cell, Tally>, record: &Record) {
    let start = record.ts_ms - record.ts_ms.rem_euclid(WINDOW_MS);
    let cell = cells.entry((record.key, start)).or_default();
    cell.count += 1;
    cell.total += record.value;
}

/// `yyyy-MM-dd HH:mm:ss.SSS`, as Flink's JSON format reads it.
pub(crate) fn text_of(ms: i64) -> String {
    Timestamp::from_millisecond(ms)
        .map(|time| time.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string())
        .unwrap_or_default()
}

/// Reads what [`text_of`] and the sink write.
pub(crate) fn millis_of(text: &str) -> Option<i64> {
    let time: DateTime = text.parse().ok()?;
    Some(TimeZone::UTC.to_timestamp(time).ok()?.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_back() {
        for ms in [BASE_MS, BASE_MS + 1, FAR_MS] {
            assert_eq!(millis_of(&text_of(ms)), Some(ms), "{}", text_of(ms));
        }
        assert_eq!(text_of(BASE_MS + 20), "2024-01-01 00:00:00.020");
        assert_eq!(millis_of("2024-01-01 00:00:10"), Some(BASE_MS + 10_000));
    }

    #[test]
    fn rows_are_out_of_order_but_never_late() {
        for part in 0..PARTITIONS {
            let mut latest = i64::MIN;
            for id in 0..1000 {
                let ts = record(part, id).ts_ms;
                assert!(latest == i64::MIN || ts >= latest - OUT_OF_ORDER_MS);
                latest = latest.max(ts);
            }
        }
    }

    #[test]
    fn every_record_is_in_exactly_one_cell() {
        let cells = tallies(&[500, 400, 0, 7]);
        assert_eq!(cells.values().map(|tally| tally.count).sum::<i64>(), 907);
        assert!(cells.keys().all(|(_, start)| start % WINDOW_MS == 0));
    }

    #[test]
    fn after_the_last_rows_only_theirs_is_open() {
        let open = open_cells(&[101; 4], Some(100), FAR_MS - OUT_OF_ORDER_MS);
        let far = (FAR_KEY, FAR_MS - FAR_MS.rem_euclid(WINDOW_MS));
        assert_eq!(open, BTreeMap::from([(far, Tally { count: 4, total: 4 })]));
    }

    #[test]
    fn windows_stay_open_until_the_watermark_reaches_their_last_millisecond() {
        let end = BASE_MS + WINDOW_MS;
        assert!(open_cells(&[50], None, end - 2).len() == usize::try_from(KEYS).unwrap());
        assert!(open_cells(&[50], None, end - 1).is_empty());
    }
}
