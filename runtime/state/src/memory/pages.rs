//! Rows one behind the other in pages that frozen states share: a write to a page that is shared
//! copies it first.

use std::sync::Arc;

use sabot_types::KeyGroup;

/// A page that would get larger is followed by another; a row that is larger has one of its own.
const PAGE_BYTES: usize = 64 << 10;
/// Value bytes, room for value bytes, key bytes, key group.
const HEADER_BYTES: usize = 4 + 4 + 4 + 2;
/// Stands for the value bytes of a row that is gone.
const GONE: u32 = u32::MAX;

/// Where a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    page: u32,
    offset: u32,
}

/// A row in its page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) group: KeyGroup,
    pub(super) key: &'a [u8],
    pub(super) value: &'a [u8],
}

/// The pages as they are shared with frozen states.
pub(super) type Shared = Arc<Vec<Arc<Vec<u8>>>>;

/// The rows of a table.
#[derive(Default)]
pub(super) struct Pages {
    all: Shared,
    /// What each page holds of rows that are there, in bytes.
    live: Vec<usize>,
    /// Pages that hold nothing.
    empty: Vec<u32>,
    /// Closed pages of which half is gone, to be emptied.
    sparse: Vec<u32>,
    /// The page that takes new rows, if there is one.
    open: Option<u32>,
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
        let header = &page[offset..offset + HEADER_BYTES];
        let word = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|byte| header[at + byte]));
        let group = u16::from_le_bytes([header[12], header[13]]);
        Self { value: word(0), room: word(4), key: word(8), group }
    }

    fn write(self, page: &mut Vec<u8>) {
        for word in [self.value, self.room, self.key] {
            page.extend_from_slice(&word.to_le_bytes());
        }
        page.extend_from_slice(&self.group.to_le_bytes());
    }

    fn row_bytes(self) -> usize {
        HEADER_BYTES + self.key as usize + self.room as usize
    }

    fn row(self, page: &[u8], offset: usize) -> Row<'_> {
        let key = offset + HEADER_BYTES;
        let value = key + self.key as usize;
        Row {
            group: KeyGroup::new(self.group),
            key: &page[key..value],
            value: &page[value..value + self.value as usize],
        }
    }
}

impl Pages {
    pub(super) fn row(&self, place: Place) -> Row<'_> {
        let (page, offset) = (&self.all[place.page as usize], place.offset as usize);
        Header::read(page, offset).row(page, offset)
    }

    pub(super) fn append(&mut self, row: Row<'_>) -> Place {
        let bytes = HEADER_BYTES + row.key.len() + row.value.len();
        let number = self.page_with_room(bytes);
        let page = self.page_mut(number);
        let offset = page.len() as u32;
        let (value, key) = (row.value.len() as u32, row.key.len() as u32);
        Header { value, room: value, key, group: row.group.index() }.write(page);
        page.extend_from_slice(row.key);
        page.extend_from_slice(row.value);
        self.live[number as usize] += bytes;
        Place { page: number, offset }
    }

    /// Writes a row's value where it is; whether there was room for it.
    pub(super) fn overwrite(&mut self, place: Place, value: &[u8]) -> bool {
        let offset = place.offset as usize;
        let header = Header::read(&self.all[place.page as usize], offset);
        if value.len() > header.room as usize {
            return false;
        }
        let page = self.page_mut(place.page);
        page[offset..offset + 4].copy_from_slice(&(value.len() as u32).to_le_bytes());
        let at = offset + HEADER_BYTES + header.key as usize;
        page[at..at + value.len()].copy_from_slice(value);
        true
    }

    pub(super) fn remove(&mut self, place: Place) {
        let (number, offset) = (place.page as usize, place.offset as usize);
        let bytes = Header::read(&self.all[number], offset).row_bytes();
        self.page_mut(place.page)[offset..offset + 4].copy_from_slice(&GONE.to_le_bytes());
        let was_sparse = self.is_sparse(place.page);
        self.live[number] -= bytes;
        if self.open != Some(place.page) && !was_sparse && self.is_sparse(place.page) {
            self.sparse.push(place.page);
        }
    }

    /// Moves the rows of a page of which half is gone to others, if there is such a page; `moved`
    /// is told each row, its place and its new one.
    pub(super) fn empty_one(&mut self, mut moved: impl FnMut(Row<'_>, Place, Place)) -> bool {
        let Some(number) = self.sparse.pop() else { return false };
        let page = std::mem::take(&mut Arc::make_mut(&mut self.all)[number as usize]);
        for (offset, row) in rows(&page) {
            let to = self.append(row);
            moved(row, Place { page: number, offset }, to);
        }
        self.live[number as usize] = 0;
        self.empty.push(number);
        true
    }

    /// The pages as they are now.
    pub(super) fn share(&self) -> Shared {
        Arc::clone(&self.all)
    }

    fn page_with_room(&mut self, bytes: usize) -> u32 {
        if let Some(open) = self.open {
            let len = self.all[open as usize].len();
            if len == 0 || len + bytes <= PAGE_BYTES {
                return open;
            }
            if self.is_sparse(open) {
                self.sparse.push(open);
            }
        }
        let number = self.empty.pop().unwrap_or_else(|| {
            Arc::make_mut(&mut self.all).push(Arc::default());
            self.live.push(0);
            (self.live.len() - 1) as u32
        });
        self.open = Some(number);
        number
    }

    fn is_sparse(&self, number: u32) -> bool {
        self.live[number as usize] * 2 <= self.all[number as usize].len()
    }

    fn page_mut(&mut self, number: u32) -> &mut Vec<u8> {
        Arc::make_mut(&mut Arc::make_mut(&mut self.all)[number as usize])
    }
}

/// The rows of a page with their offsets.
pub(super) fn rows(page: &[u8]) -> impl Iterator<Item = (u32, Row<'_>)> {
    let mut offset = 0;
    std::iter::from_fn(move || {
        while offset < page.len() {
            let (at, header) = (offset, Header::read(page, offset));
            offset += header.row_bytes();
            if header.value != GONE {
                return Some((at as u32, header.row(page, at)));
            }
        }
        None
    })
}
