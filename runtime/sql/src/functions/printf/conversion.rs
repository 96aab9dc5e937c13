//! The conversions of a format, such as `%-10.3f`.

/// Why a format is not filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is none, or a value does not fit it.
    Wrong,
    /// A conversion that is not there.
    Missing(char),
}

/// A part of a format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    /// The place of a value, and how it is written.
    Value(usize, Conversion),
}

/// How a value is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Conversion {
    /// In lower case.
    pub(super) letter: char,
    pub(super) upper: bool,
    flags: String,
    width: usize,
    pub(super) precision: Option<usize>,
}

/// What a width or a precision may be: a text of more letters would fill the memory.
const LENGTH_MAX: usize = 100_000;

impl Conversion {
    pub(super) fn has(&self, flag: char) -> bool {
        self.flags.contains(flag)
    }

    /// The letters of a text that the precision lets through.
    pub(super) fn cut(&self, text: &str) -> String {
        match self.precision {
            None => text.to_owned(),
            Some(length) => {
                let units: Vec<u16> = text.encode_utf16().take(length).collect();
                String::from_utf16_lossy(&units)
            }
        }
    }

    /// The text with spaces up to the width.
    pub(super) fn padded(&self, text: String) -> String {
        let spaces = " ".repeat(self.width.saturating_sub(text.encode_utf16().count()));
        if self.has('-') { text + &spaces } else { spaces + &text }
    }

    /// Digits behind their sign, with zeros up to the width where these are asked for.
    pub(super) fn with_zeros(&self, sign: &str, digits: &str, end: &str) -> String {
        let zeros = match self.has('0') {
            true => self.width.saturating_sub(sign.len() + digits.len() + end.len()),
            false => 0,
        };
        format!("{sign}{}{digits}{end}", "0".repeat(zeros))
    }

    /// Whether its flags, its width and its precision belong together.
    fn is_right(&self) -> bool {
        let lacks = |flags: &str| !flags.chars().any(|flag| self.has(flag));
        let needs_width = self.width > 0 || lacks("-0");
        let numeric =
            needs_width && !(self.has('+') && self.has(' ')) && !(self.has('-') && self.has('0'));
        match self.letter {
            's' | 'b' => needs_width && lacks("#+ 0,("),
            'c' => needs_width && self.precision.is_none() && lacks("#+ 0,("),
            'd' => numeric && self.precision.is_none() && lacks("#"),
            'o' | 'x' => numeric && self.precision.is_none() && lacks(","),
            'e' => numeric && lacks(","),
            'f' => numeric,
            'g' => numeric && lacks("#"),
            _ => false,
        }
    }
}

/// The parts of a format.
pub(super) fn pieces(format: &str) -> Result<Vec<Piece>, Fault> {
    let mut pieces = Vec::new();
    let mut rest = format;
    let (mut next, mut last) = (0, None);
    while let Some((plain, behind)) = rest.split_once('%') {
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain.to_owned()));
        }
        let (index, conversion, behind) = conversion(behind)?;
        rest = behind;
        match conversion.letter {
            '%' if conversion.is_plain("-") => {
                pieces.push(Piece::Text(conversion.padded("%".to_owned())));
            }
            'n' if conversion.is_plain("") && conversion.width == 0 => {
                pieces.push(Piece::Text("\n".to_owned()));
            }
            _ if !conversion.is_right() => return Err(Fault::Wrong),
            _ => {
                let place = match index {
                    Index::Next => {
                        next += 1;
                        next - 1
                    }
                    Index::Same => last.ok_or(Fault::Wrong)?,
                    Index::At(place) => place,
                };
                last = Some(place);
                pieces.push(Piece::Value(place, conversion));
            }
        }
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    Ok(pieces)
}

impl Conversion {
    /// Whether it has no flags but these, and those with a width.
    fn is_plain(&self, flags: &str) -> bool {
        self.precision.is_none()
            && self.flags.chars().all(|flag| flags.contains(flag))
            && (self.width > 0 || self.flags.is_empty())
    }
}

/// Which value is meant.
enum Index {
    Next,
    Same,
    At(usize),
}

/// The conversion behind a `%`, and what is behind it.
fn conversion(text: &str) -> Result<(Index, Conversion, &str), Fault> {
    let (number, behind) = digits(text);
    let (mut index, mut rest) = match (number.is_empty(), behind.strip_prefix('$')) {
        (false, Some(behind)) => {
            (Index::At(length(number)?.checked_sub(1).ok_or(Fault::Wrong)?), behind)
        }
        _ => (Index::Next, text),
    };
    let mut flags = String::new();
    while let Some(flag) = rest.chars().next().filter(|c| "-#+ 0,(<".contains(*c)) {
        if flags.contains(flag) {
            return Err(Fault::Wrong);
        }
        flags.push(flag);
        rest = &rest[1..];
    }
    if flags.contains('<') {
        index = Index::Same;
        flags.retain(|flag| flag != '<');
    }
    let (width, behind) = digits(rest);
    let width = if width.is_empty() { 0 } else { length(width)? };
    let (precision, behind) = match behind.strip_prefix('.') {
        None => (None, behind),
        Some(behind) => {
            let (precision, behind) = digits(behind);
            (Some(length(precision)?), behind)
        }
    };
    let letter = behind.chars().next().ok_or(Fault::Wrong)?;
    if matches!(letter, 'a' | 'A' | 'h' | 'H' | 't' | 'T') {
        return Err(Fault::Missing(letter));
    }
    let upper = matches!(letter, 'B' | 'S' | 'C' | 'X' | 'E' | 'G');
    if !upper && !"bscdoxefgn%".contains(letter) {
        return Err(Fault::Wrong);
    }
    let letter = letter.to_ascii_lowercase();
    Ok((index, Conversion { letter, upper, flags, width, precision }, &behind[1..]))
}

/// The digits that a text begins with, and what is behind them.
fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

fn length(digits: &str) -> Result<usize, Fault> {
    digits.parse().ok().filter(|length| *length <= LENGTH_MAX).ok_or(Fault::Wrong)
}
