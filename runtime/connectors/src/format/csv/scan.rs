//! Finds records and their fields in bytes.
//!
//! A field that begins with a quote goes on to the next one that is not doubled; elsewhere quotes are
//! text. What stands behind an escape character means itself, within quotes and outside.

use super::Characters;

/// A part of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::format) enum Piece {
    /// A byte of a field.
    Byte(u8),
    /// The end of a field.
    End,
}

/// What was found of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::format) struct Scanned {
    /// How many bytes it has with its line's end; none: the bytes end before.
    pub(in crate::format) length: Option<usize>,
    pub(super) fault: Option<Fault>,
}

/// Why it is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// A quote is not closed.
    Open,
    /// Something stands behind a quote that is closed.
    Behind,
    /// Nothing stands behind an escape character.
    Escape,
}

impl Fault {
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Open => "a quote in it is not closed",
            Self::Behind => "a field in it goes on behind its closing quote",
            Self::Escape => "it ends with an escape character",
        }
    }
}

/// Where in a record a byte is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Begin,
    Plain,
    Quoted,
    /// Behind a quote within a quoted field, which ends it unless another one follows.
    Quote,
}

impl Characters {
    /// Whether a line is a comment.
    pub(super) fn is_comment(self, line: &[u8]) -> bool {
        self.comments && looks_like_comment(line)
    }

    /// Reads the record with which `bytes` begin, or a comment.
    pub(in crate::format) fn scan(self, bytes: &[u8], mut piece: impl FnMut(Piece)) -> Scanned {
        if self.is_comment(bytes) {
            let length = memchr::memchr(b'\n', bytes).map(|at| at + 1);
            return Scanned { length, fault: None };
        }
        let escape = self.escape.filter(|escape| Some(*escape) != self.quote);
        let (mut at, mut fault, mut index) = (At::Begin, None, 0);
        while let Some(byte) = bytes.get(index).copied() {
            index += 1;
            if escape == Some(byte) && at != At::Quote {
                let Some(escaped) = bytes.get(index) else {
                    return Scanned { length: None, fault: Some(Fault::Escape) };
                };
                index += 1;
                piece(Piece::Byte(unescaped(*escaped)));
                at = if at == At::Quoted { At::Quoted } else { At::Plain };
                continue;
            }
            let is_quote = self.quote == Some(byte);
            match at {
                At::Begin if is_quote => at = At::Quoted,
                At::Quoted if is_quote => at = At::Quote,
                At::Quote if is_quote => {
                    piece(Piece::Byte(byte));
                    at = At::Quoted;
                }
                At::Quoted => piece(Piece::Byte(byte)),
                _ if byte == self.delimiter => {
                    piece(Piece::End);
                    at = At::Begin;
                }
                _ if byte == b'\n' => {
                    piece(Piece::End);
                    return Scanned { length: Some(index), fault };
                }
                // The end of a line as Windows has it.
                _ if byte == b'\r' && matches!(bytes.get(index), None | Some(b'\n')) => {}
                At::Quote if byte == b' ' => {}
                At::Quote => fault = Some(Fault::Behind),
                At::Begin | At::Plain => {
                    piece(Piece::Byte(byte));
                    at = At::Plain;
                }
            }
        }
        if at == At::Quoted {
            return Scanned { length: None, fault: Some(Fault::Open) };
        }
        piece(Piece::End);
        Scanned { length: None, fault }
    }
}

/// What an escaped character is.
fn unescaped(byte: u8) -> u8 {
    match byte {
        b'0' => 0,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        other => other,
    }
}

/// Whether the first letter is a `#`; spaces before it do not count.
pub(super) fn looks_like_comment(line: &[u8]) -> bool {
    line.iter().find(|byte| !matches!(byte, b' ' | b'\t')) == Some(&b'#')
}
