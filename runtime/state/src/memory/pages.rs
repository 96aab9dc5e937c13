//! Rows one behind the other in pages. A frozen state shares them: a write to a page that it still
//! has copies the page first.

use std::mem::take;
use std::num::NonZero;
use std::sync::Arc;

use sabot_types::KeyGroup;
use sabot_types::bytes::is_equal;

/// A page that would get larger is followed by another; a row that is larger has one of its own.
const PAGE_BYTES: usize = 64 << 10;
/// Rows begin at multiples of this.
const UNIT_BYTES: usize = 8;
/// Bits of an offset in a page, in units.
const OFFSET_BITS: u32 = (PAGE_BYTES / UNIT_BYTES).trailing_zeros();
/// The bytes that the processor takes from memory at once.
pub(super) const LINE_BYTES: usize = 64;
/// Value bytes, room for value bytes, key bytes, key group.
pub(super) const ROW_HEADER_BYTES: usize = 4 + 4 + 4 + 2;
/// Stands for the value bytes of a row that is gone.
const GONE: u32 = u32::MAX;

/// Where a row is: one more than the page's number and the offset in units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(NonZero<u64>);

impl Place {
    /// Bits of its number: 128 M pages, 8 TiB.
    pub(super) const BITS: u32 = 40;
    pub(super) const MAX: u64 = (1 << Self::BITS) - 1;

    fn new(page: usize, offset: usize) -> Self {
        Self::from_number(((page as u64) << OFFSET_BITS) | (offset / UNIT_BYTES) as u64)
    }

    pub(super) fn number(self) -> u64 {
        self.0.get() - 1
    }

    pub(super) fn from_number(number: u64) -> Self {
        Self(NonZero::<u64>::MIN.saturating_add(number))
    }

    fn page(self) -> usize {
        (self.number() >> OFFSET_BITS) as usize
    }

    fn offset(self) -> usize {
        (self.number() as usize % (1 << OFFSET_BITS)) * UNIT_BYTES
    }
}

/// A row in its page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) group: KeyGroup,
    pub(super) key: &'a [u8],
    pub(super) value: &'a [u8],
}

/// A page as frozen states have it.
pub(super) type SharedPage = Arc<Vec<u8>>;

/// A page. One that no frozen state has needs no count of who has it, which to look at would hold up
/// the processor at each write.
enum Page {
    Own(Vec<u8>),
    /// With frozen states, or since then not written.
    Shared(SharedPage),
}

impl Default for Page {
    fn default() -> Self {
        Self::Own(Vec::new())
    }
}

impl Page {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Own(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }

    /// To be written.
    fn own(&mut self) -> &mut Vec<u8> {
        if let Self::Shared(bytes) = self {
            *self = Self::Own(Arc::unwrap_or_clone(take(bytes)));
        }
        match self {
            Self::Own(bytes) => bytes,
            Self::Shared(_) => unreachable!("it was made this table's own"),
        }
    }

    fn share(&mut self) -> SharedPage {
        let bytes = match take(self) {
            Self::Own(bytes) => Arc::new(bytes),
            Self::Shared(bytes) => bytes,
        };
        *self = Self::Shared(Arc::clone(&bytes));
        bytes
    }
}

/// The rows of a table.
#[derive(Default)]
pub(super) struct Pages {
    all: Vec<Page>,
    /// What each page holds of rows that are there, in bytes.
    live: Vec<usize>,
    /// Pages that hold nothing.
    empty: Vec<usize>,
    /// Closed pages of which half is gone, to be emptied.
    sparse: Vec<usize>,
    /// The page that takes new rows, if there is one.
    open: Option<usize>,
}

/// What became of a row's value; with the length of the one before it.
pub(super) enum Overwrite {
    Done {
        before: usize,
    },
    /// The value is longer than the room for it, and not written.
    NoRoom {
        before: usize,
    },
    /// The row at the place is another one, or gone.
    OtherRow,
}

/// A row's header.
#[derive(Clone, Copy)]
struct Header {
    value: u32,
    room: u32,
    key: u32,
    group: u16,
}

impl Header {
    fn read(page: &[u8], offset: usize) -> Self {
        let header: &[u8; ROW_HEADER_BYTES] =
            page[offset..].first_chunk().expect("a row begins with its header");
        let word = |at: usize| {
            u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
        };
        let group = u16::from_le_bytes([header[12], header[13]]);
        Self { value: word(0), room: word(4), key: word(8), group }
    }

    fn write(self, page: &mut Vec<u8>) {
        let mut header = [0; ROW_HEADER_BYTES];
        header[..4].copy_from_slice(&self.value.to_le_bytes());
        header[4..8].copy_from_slice(&self.room.to_le_bytes());
        header[8..12].copy_from_slice(&self.key.to_le_bytes());
        header[12..].copy_from_slice(&self.group.to_le_bytes());
        page.extend_from_slice(&header);
    }

    fn row_bytes(self) -> usize {
        ROW_HEADER_BYTES + self.key as usize + self.room as usize
    }

    /// Whether the row is there, and has this key.
    fn is_of(self, page: &[u8], offset: usize, group: KeyGroup, key: &[u8]) -> bool {
        let is_there = self.value != GONE && self.group == group.index();
        is_there && is_equal(&page[offset + ROW_HEADER_BYTES..][..self.key as usize], key)
    }

    fn row(self, page: &[u8], offset: usize) -> Row<'_> {
        let key = offset + ROW_HEADER_BYTES;
        let value = key + self.key as usize;
        Row {
            group: KeyGroup::new(self.group),
            key: &page[key..value],
            value: &page[value..value + self.value as usize],
        }
    }
}

/// Makes room for so many bytes; a page gets no larger than others are unless it must.
fn reserve(page: &mut Vec<u8>, bytes: usize) {
    let needed = page.len() + bytes;
    if needed > page.capacity() {
        let capacity = needed.max(PAGE_BYTES.min(page.capacity() * 2));
        page.reserve_exact(capacity - page.len());
    }
}

/// How many bytes a row of this size takes from `offset` on: it ends where another may begin, and
/// where little room is lost the next one begins with a line if it would reach into one more
/// otherwise.
fn padded(offset: usize, bytes: usize) -> usize {
    let end = (offset + bytes).next_multiple_of(UNIT_BYTES);
    let line = end.next_multiple_of(LINE_BYTES);
    let lost = line - end;
    let reaches = |start: usize| (start + bytes).div_ceil(LINE_BYTES) - start / LINE_BYTES;
    let is_better = reaches(end) > reaches(line);
    (if is_better && lost * 8 <= bytes { line } else { end }) - offset
}

impl Pages {
    /// The value at `place` if the row of this key is there.
    pub(super) fn value(&self, place: Place, group: KeyGroup, key: &[u8]) -> Option<&[u8]> {
        let (page, offset) = (self.all[place.page()].bytes(), place.offset());
        let header = Header::read(page, offset);
        header.is_of(page, offset, group, key).then(|| header.row(page, offset).value)
    }

    /// The page from `place` on.
    pub(super) fn from(&self, place: Place) -> &[u8] {
        &self.all[place.page()].bytes()[place.offset()..]
    }

    /// Each page.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.all.iter().map(Page::bytes)
    }

    /// The pages as they are now.
    pub(super) fn share(&mut self) -> Vec<SharedPage> {
        self.all.iter_mut().map(Page::share).collect()
    }

    pub(super) fn append(&mut self, row: Row<'_>) -> Place {
        let bytes = ROW_HEADER_BYTES + row.key.len() + row.value.len();
        let number = self.page_with_room(bytes);
        let page = self.all[number].own();
        let offset = page.len();
        let bytes = padded(offset, bytes);
        reserve(page, bytes);
        let (value, key) = (row.value.len() as u32, row.key.len() as u32);
        let room = (bytes - ROW_HEADER_BYTES) as u32 - key;
        Header { value, room, key, group: row.group.index() }.write(page);
        page.extend_from_slice(row.key);
        page.extend_from_slice(row.value);
        page.resize(offset + bytes, 0);
        self.live[number] += bytes;
        Place::new(number, offset)
    }

    /// Writes a row's value at `place`, where the row is or was.
    pub(super) fn overwrite(&mut self, place: Place, row: Row<'_>) -> Overwrite {
        let offset = place.offset();
        let page = &mut self.all[place.page()];
        let header = Header::read(page.bytes(), offset);
        if !header.is_of(page.bytes(), offset, row.group, row.key) {
            return Overwrite::OtherRow;
        }
        let before = header.value as usize;
        if row.value.len() > header.room as usize {
            return Overwrite::NoRoom { before };
        }
        let page = page.own();
        page[offset..offset + 4].copy_from_slice(&(row.value.len() as u32).to_le_bytes());
        let at = offset + ROW_HEADER_BYTES + row.key.len();
        page[at..at + row.value.len()].copy_from_slice(row.value);
        Overwrite::Done { before }
    }

    pub(super) fn remove(&mut self, place: Place) {
        let (number, offset) = (place.page(), place.offset());
        let page = self.all[number].own();
        let bytes = Header::read(page, offset).row_bytes();
        page[offset..offset + 4].copy_from_slice(&GONE.to_le_bytes());
        let was_sparse = self.is_sparse(number);
        self.live[number] -= bytes;
        if self.open != Some(number) && !was_sparse && self.is_sparse(number) {
            self.sparse.push(number);
        }
    }

    /// Moves the rows of a page of which half is gone to others, if there is such a page; `moved`
    /// is told each row, its place and its new one.
    pub(super) fn empty_one(&mut self, mut moved: impl FnMut(Row<'_>, Place, Place)) -> bool {
        let Some(number) = self.sparse.pop() else { return false };
        let page = take(&mut self.all[number]);
        for (offset, row) in rows(page.bytes()) {
            let to = self.append(row);
            moved(row, Place::new(number, offset), to);
        }
        self.live[number] = 0;
        self.empty.push(number);
        true
    }

    fn page_with_room(&mut self, bytes: usize) -> usize {
        if let Some(open) = self.open {
            let len = self.all[open].bytes().len();
            if len == 0 || len + bytes <= PAGE_BYTES {
                return open;
            }
            if self.is_sparse(open) {
                self.sparse.push(open);
            }
        }
        let number = self.empty.pop().unwrap_or_else(|| {
            self.all.push(Page::default());
            self.live.push(0);
            self.all.len() - 1
        });
        if number > 0 {
            // It will be filled as the one before it.
            let bytes = PAGE_BYTES.max(bytes.next_multiple_of(LINE_BYTES));
            self.all[number] = Page::Own(Vec::with_capacity(bytes));
        }
        self.open = Some(number);
        number
    }

    fn is_sparse(&self, number: usize) -> bool {
        self.live[number] * 2 <= self.all[number].bytes().len()
    }
}

/// The rows of a page with their offsets.
pub(super) fn rows(page: &[u8]) -> impl Iterator<Item = (usize, Row<'_>)> {
    let mut offset = 0;
    std::iter::from_fn(move || {
        while offset < page.len() {
            let (at, header) = (offset, Header::read(page, offset));
            offset += header.row_bytes();
            if header.value != GONE {
                return Some((at, header.row(page, at)));
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_reaches_into_few_lines_where_little_is_lost() {
        assert_eq!(padded(0, 1), 8);
        assert_eq!(padded(8, 40), 40);
        // From 120 on the next one would reach into three lines, from 128 on into two.
        assert_eq!(padded(0, 116), 128);
        // 24 bytes of 104 are too many to lose.
        assert_eq!(padded(0, 104), 104);
        assert_eq!(padded(64, 64), 64);
    }

    #[test]
    fn a_place_has_all_bits_of_its_page_and_offset() {
        let pages_max = 1 << (Place::BITS - OFFSET_BITS);
        for page in [0, 1, 77, pages_max - 1] {
            for offset in [0, 8, 64, PAGE_BYTES - UNIT_BYTES] {
                let place = Place::from_number(Place::new(page, offset).number());
                assert!(place.number() <= Place::MAX);
                assert_eq!((place.page(), place.offset()), (page, offset));
            }
        }
    }

    #[test]
    fn rows_of_a_page_are_found_one_after_the_other() {
        let mut pages = Pages::default();
        let group = KeyGroup::new(3);
        let row = |n: usize| (vec![n as u8; n % 40], vec![n as u8; n * 7 % 300]);
        let all: Vec<_> = (0..200).map(row).collect();
        let append = |(key, value): &(Vec<u8>, Vec<u8>)| pages.append(Row { group, key, value });
        let places: Vec<_> = all.iter().map(append).collect();
        for place in places.iter().step_by(3) {
            pages.remove(*place);
        }
        let left = all.iter().enumerate().filter(|(n, _)| n % 3 > 0).map(|(_, row)| row);
        let found = pages.iter().flat_map(rows).map(|(_, row)| (row.key, row.value));
        assert!(found.eq(left.map(|(key, value)| (&key[..], &value[..]))));
    }
}
