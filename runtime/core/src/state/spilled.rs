//! Changes that take more memory than they should, sorted in a file.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;
use std::thread::{self, JoinHandle};

use sabot_types::KeyGroup;

use super::Namespace;
use super::changed_rows::{Place, REMOVED, StateChange};
use crate::{Error, Result, stand_back};

const BUFFER_BYTES: usize = 256 << 10;
/// Number, namespace, group, lengths of key and value.
const HEADER_BYTES: usize = 8 + 8 + 2 + 4 + 4;
const WRITING: &str = "writing what changed to a local file";
const READING: &str = "reading what changed from a local file";

/// Takes a row with its number, by which a later drop of its namespace is told from an earlier one.
pub(super) type Push<'a> = &'a mut dyn FnMut(u64, StateChange<'_>) -> Result<()>;

/// Sorted rows in a file without a name, which is gone with this.
#[derive(Debug)]
pub(super) struct Run {
    /// What writes it.
    thread: JoinHandle<Result<(File, usize)>>,
}

impl Run {
    /// Has `rows` written in `dir` by a thread.
    pub(super) fn write(
        dir: &Path,
        rows: impl FnOnce(Push<'_>) -> Result<()> + Send + 'static,
    ) -> Result<Self> {
        let file = tempfile::tempfile_in(dir).map_err(|e| Error::state(WRITING, e))?;
        let thread = thread::Builder::new().name("spill changes".to_owned()).spawn(move || {
            stand_back();
            write(file, rows)
        });
        Ok(Self { thread: thread.map_err(|e| Error::state(WRITING, e))? })
    }

    /// Whether its rows are needed no more in memory.
    pub(super) fn is_written(&self) -> bool {
        self.thread.is_finished()
    }

    /// The rows of which `is_kept` says so by namespace and number; waits until they are written.
    pub(super) fn read<F>(self, is_kept: F) -> Result<RunReader<F>>
    where
        F: Fn(Namespace, u64) -> bool,
    {
        let written =
            self.thread.join().map_err(|_| Error::state(WRITING, "its thread panicked"))?;
        let (file, rows) = written?;
        let mut reader = RunReader {
            file: BufReader::with_capacity(BUFFER_BYTES, file),
            rest: rows,
            is_kept,
            row: None,
            bytes: Vec::new(),
        };
        reader.advance()?;
        Ok(reader)
    }
}

fn write(file: File, rows: impl FnOnce(Push<'_>) -> Result<()>) -> Result<(File, usize)> {
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, file);
    let mut count = 0;
    rows(&mut |number, StateChange { namespace, group, key, value }| {
        count += 1;
        let mut header = [0; HEADER_BYTES];
        header[..8].copy_from_slice(&number.to_le_bytes());
        header[8..16].copy_from_slice(&namespace.0.to_le_bytes());
        header[16..18].copy_from_slice(&group.index().to_le_bytes());
        header[18..22].copy_from_slice(&(key.len() as u32).to_le_bytes());
        let value_bytes = value.map_or(REMOVED, |value| value.len() as u32);
        header[22..].copy_from_slice(&value_bytes.to_le_bytes());
        [&header, key, value.unwrap_or_default()]
            .into_iter()
            .try_for_each(|bytes| out.write_all(bytes))
            .map_err(|e| Error::state(WRITING, e))
    })?;
    let mut file = out.into_inner().map_err(|e| Error::state(WRITING, e.into_error()))?;
    file.rewind().map_err(|e| Error::state(WRITING, e))?;
    Ok((file, count))
}

/// Where a merge is in a run.
pub(super) struct RunReader<F> {
    file: BufReader<File>,
    /// Rows that were not read yet.
    rest: usize,
    is_kept: F,
    row: Option<Row>,
    /// The row's key and value.
    bytes: Vec<u8>,
}

struct Row {
    namespace: Namespace,
    group: KeyGroup,
    key_bytes: usize,
    is_removed: bool,
}

impl<F: Fn(Namespace, u64) -> bool> RunReader<F> {
    /// The row that is next.
    pub(super) fn row(&self) -> Option<StateChange<'_>> {
        let Row { namespace, group, key_bytes, is_removed } = *self.row.as_ref()?;
        let (key, value) = self.bytes.split_at(key_bytes);
        Some(StateChange { namespace, group, key, value: (!is_removed).then_some(value) })
    }

    pub(super) fn place(&self) -> Option<Place<'_>> {
        self.row().map(|row| row.place())
    }

    /// Goes on to the next row.
    pub(super) fn advance(&mut self) -> Result<()> {
        self.row = None;
        while self.row.is_none() && self.rest > 0 {
            self.rest -= 1;
            self.read().map_err(|e| Error::state(READING, e))?;
        }
        Ok(())
    }

    fn read(&mut self) -> std::io::Result<()> {
        let mut header = [0; HEADER_BYTES];
        self.file.read_exact(&mut header)?;
        let number = |at: usize| {
            u64::from_le_bytes(*header[at..].first_chunk().expect("the header is long enough"))
        };
        let length = |at: usize| {
            u32::from_le_bytes(*header[at..].first_chunk().expect("the header is long enough"))
        };
        let (key_bytes, value_bytes) = (length(18) as usize, length(22));
        let is_removed = value_bytes == REMOVED;
        let value_bytes = if is_removed { 0 } else { value_bytes as usize };
        self.bytes.resize(key_bytes + value_bytes, 0);
        self.file.read_exact(&mut self.bytes)?;
        let namespace = Namespace(number(8).cast_signed());
        if (self.is_kept)(namespace, number(0)) {
            let group = KeyGroup::new(u16::from_le_bytes([header[16], header[17]]));
            self.row = Some(Row { namespace, group, key_bytes, is_removed });
        }
        Ok(())
    }
}
