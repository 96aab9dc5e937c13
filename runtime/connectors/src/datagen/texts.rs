//! Random texts and bytes, one behind the other as an array has them.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, StringArray};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use sabot_core::Result;

use super::declared::Letters;
use super::draw;
use super::fields::Length;

/// The digits of a text, from 0 to f as in Flink.
const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Random values of a length; those that are NULL have none.
pub(super) fn random(
    letters: Letters,
    length: Length,
    values: impl ExactSizeIterator<Item = u64>,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    let mut out = Vec::with_capacity(values.len() * length.letters as usize);
    let mut ends: Vec<i32> = Vec::with_capacity(values.len() + 1);
    ends.push(0);
    for (index, bits) in values.enumerate() {
        if nulls.as_ref().is_none_or(|nulls| nulls.is_valid(index)) {
            let count = length.of(bits);
            match letters {
                Letters::Text => digits(bits, count, &mut out),
                Letters::Bytes => bytes(bits, count, &mut out),
            }
        }
        ends.push(out.len() as i32);
    }
    array(letters, ends, out, nulls)
}

/// The numbers of a sequence: as a text in decimal, as bytes eight of them, the highest first.
pub(super) fn sequence(
    letters: Letters,
    numbers: impl ExactSizeIterator<Item = i64>,
) -> Result<ArrayRef> {
    let mut ends: Vec<i32> = Vec::with_capacity(numbers.len() + 1);
    ends.push(0);
    let mut text = String::new();
    let mut out = Vec::with_capacity(numbers.len() * 8);
    for number in numbers {
        match letters {
            Letters::Text => {
                text.clear();
                // Writing to a String cannot fail.
                let _ = write!(text, "{number}");
                out.extend_from_slice(text.as_bytes());
            }
            Letters::Bytes => out.extend_from_slice(&number.to_be_bytes()),
        }
        ends.push(out.len() as i32);
    }
    array(letters, ends, out, None)
}

impl Length {
    fn of(self, bits: u64) -> usize {
        if self.varies && self.letters > 1 {
            return 1 + draw::up_to(draw::of_length(bits), u64::from(self.letters) - 2) as usize;
        }
        self.letters as usize
    }
}

fn array(
    letters: Letters,
    ends: Vec<i32>,
    out: Vec<u8>,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    let (ends, values) = (OffsetBuffer::new(ends.into()), Buffer::from_vec(out));
    Ok(match letters {
        Letters::Text => Arc::new(StringArray::try_new(ends, values, nulls)?),
        Letters::Bytes => Arc::new(BinaryArray::try_new(ends, values, nulls)?),
    })
}

fn digits(bits: u64, count: usize, out: &mut Vec<u8>) {
    let end = out.len() + count;
    let mut index = 0;
    while out.len() < end {
        let mut word = draw::more(bits, index);
        let mut text = [0; 16];
        for digit in &mut text {
            *digit = DIGITS[(word & 15) as usize];
            word >>= 4;
        }
        out.extend_from_slice(&text[..(end - out.len()).min(16)]);
        index += 1;
    }
}

fn bytes(bits: u64, count: usize, out: &mut Vec<u8>) {
    let end = out.len() + count;
    let mut index = 0;
    while out.len() < end {
        let word = draw::more(bits, index).to_le_bytes();
        out.extend_from_slice(&word[..(end - out.len()).min(8)]);
        index += 1;
    }
}
