//! The charsets of texts, those that every Java has.
//!
//! As there, bytes that are none of a charset are read as U+FFFD, and a letter that it does not have is
//! written as `?`.

use std::borrow::Cow;

/// How the letters of a text are bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// `UTF-8`.
    Utf8,
    /// `US-ASCII`.
    Ascii,
    /// `ISO-8859-1`.
    Latin1,
    /// `UTF-16`: written with a mark of its order before it, the highest byte first where none is read.
    Utf16,
    /// `UTF-16BE`, the highest byte first.
    Utf16Be,
    /// `UTF-16LE`, the lowest byte first.
    Utf16Le,
}

impl Charset {
    /// The text that bytes are.
    pub fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        let none = char::REPLACEMENT_CHARACTER;
        match self {
            Self::Utf8 => String::from_utf8_lossy(bytes),
            Self::Ascii => {
                let letter = |byte: &u8| if byte.is_ascii() { char::from(*byte) } else { none };
                bytes.iter().map(letter).collect()
            }
            Self::Latin1 => bytes.iter().copied().map(char::from).collect(),
            Self::Utf16Be => pairs(bytes, u16::from_be_bytes).into(),
            Self::Utf16Le => pairs(bytes, u16::from_le_bytes).into(),
            Self::Utf16 => match bytes {
                [0xff, 0xfe, rest @ ..] => pairs(rest, u16::from_le_bytes).into(),
                [0xfe, 0xff, rest @ ..] | rest => pairs(rest, u16::from_be_bytes).into(),
            },
        }
    }

    /// Appends the bytes of a text.
    pub fn encode(self, text: &str, out: &mut Vec<u8>) {
        // Java has one mark for each of its own characters, of which letters above U+FFFF are one.
        let up_to = |last: char| {
            text.chars().map(move |c| if c <= last { u32::from(c) as u8 } else { b'?' })
        };
        match self {
            Self::Utf8 => out.extend_from_slice(text.as_bytes()),
            Self::Ascii => out.extend(up_to('\x7f')),
            Self::Latin1 => out.extend(up_to('\u{ff}')),
            Self::Utf16Be => out.extend(text.encode_utf16().flat_map(u16::to_be_bytes)),
            Self::Utf16Le => out.extend(text.encode_utf16().flat_map(u16::to_le_bytes)),
            Self::Utf16 if text.is_empty() => {}
            Self::Utf16 => {
                out.extend([0xfe, 0xff]);
                out.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
            }
        }
    }
}

/// The text of pairs of bytes; a last one alone is none.
fn pairs(bytes: &[u8], read: fn([u8; 2]) -> u16) -> String {
    let pairs = bytes.chunks_exact(2);
    let alone = !pairs.remainder().is_empty();
    let units = pairs.map(|pair| read([pair[0], pair[1]]));
    let mut text: String = char::decode_utf16(units)
        .map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    if alone {
        text.push(char::REPLACEMENT_CHARACTER);
    }
    text
}
