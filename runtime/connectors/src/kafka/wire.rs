//! Requests to brokers that the client library has no calls for: to end a transaction that another
//! process has filled, and to find transactions. Each is of a version that all brokers since Kafka 3.0
//! know. They go over plain connections.
//!
//! The [protocol](https://kafka.apache.org/protocol) says what is in them.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// The longest wait for a connection, and for each part of an answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// No answer to these requests is larger.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// A request: its number and version, and whether its fields can be followed by tagged ones.
struct Api {
    key: i16,
    version: i16,
    is_tagged: bool,
}

const FIND_COORDINATOR: Api = Api { key: 10, version: 1, is_tagged: false };
const END_TRANSACTION: Api = Api { key: 26, version: 1, is_tagged: false };
const DESCRIBE_TRANSACTIONS: Api = Api { key: 65, version: 0, is_tagged: true };
const LIST_TRANSACTIONS: Api = Api { key: 66, version: 0, is_tagged: true };

/// The key of a coordinator is a transactional id.
const OF_TRANSACTION: i8 = 1;

/// A number that says what is wrong; 0: nothing is.
pub(super) type Code = i16;

/// What brokers know of a transactional id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Described {
    /// `Ongoing`, `CompleteCommit` and the like.
    pub(super) state: String,
    pub(super) producer_id: i64,
    pub(super) producer_epoch: i16,
}

/// A connection to a broker.
pub(super) struct Connection {
    stream: TcpStream,
    requests: i32,
}

impl Connection {
    /// To `host:port`.
    pub(super) fn open(address: &str) -> Result<Self> {
        let mut failure = Error::new(ErrorKind::NotFound, "the host has no address");
        for address in address.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, TIMEOUT) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    stream.set_read_timeout(Some(TIMEOUT))?;
                    stream.set_write_timeout(Some(TIMEOUT))?;
                    return Ok(Self { stream, requests: 0 });
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// The address of the broker that coordinates the transactions of an id.
    pub(super) fn coordinator(&mut self, id: &str) -> Result<std::result::Result<String, Code>> {
        let mut body = Body::default();
        body.text(id)?;
        body.0.push(OF_TRANSACTION as u8);
        let mut answer = self.ask(&FIND_COORDINATOR, &body)?;
        answer.i32()?;
        let code = answer.i16()?;
        answer.nullable_text()?;
        answer.i32()?;
        let host = answer.nullable_text()?.unwrap_or_default();
        let port = answer.i32()?;
        Ok(if code == 0 { Ok(format!("{host}:{port}")) } else { Err(code) })
    }

    /// Commits a transaction; to be asked of its coordinator.
    pub(super) fn commit(
        &mut self,
        id: &str,
        producer: (i64, i16),
    ) -> Result<std::result::Result<(), Code>> {
        let mut body = Body::default();
        body.text(id)?;
        body.0.extend(producer.0.to_be_bytes());
        body.0.extend(producer.1.to_be_bytes());
        body.0.push(u8::from(true));
        let mut answer = self.ask(&END_TRANSACTION, &body)?;
        answer.i32()?;
        let code = answer.i16()?;
        Ok(if code == 0 { Ok(()) } else { Err(code) })
    }

    /// What the coordinator knows of an id.
    pub(super) fn describe(&mut self, id: &str) -> Result<std::result::Result<Described, Code>> {
        let mut body = Body::default();
        body.count(1);
        body.compact_text(id);
        body.no_tags();
        let mut answer = self.ask(&DESCRIBE_TRANSACTIONS, &body)?;
        answer.i32()?;
        if answer.count()? != 1 {
            return Err(Error::new(ErrorKind::InvalidData, "one transaction was asked for"));
        }
        let code = answer.i16()?;
        answer.compact_text()?;
        let state = answer.compact_text()?;
        answer.i32()?;
        answer.i64()?;
        let described =
            Described { state, producer_id: answer.i64()?, producer_epoch: answer.i16()? };
        Ok(if code == 0 { Ok(described) } else { Err(code) })
    }

    /// The ids whose transactions this broker coordinates, with their states.
    pub(super) fn list(&mut self) -> Result<std::result::Result<Vec<(String, String)>, Code>> {
        let mut body = Body::default();
        // In any state, and of any producer.
        body.count(0);
        body.count(0);
        body.no_tags();
        let mut answer = self.ask(&LIST_TRANSACTIONS, &body)?;
        answer.i32()?;
        let code = answer.i16()?;
        for _ in 0..answer.count()? {
            answer.compact_text()?;
        }
        let mut found = Vec::new();
        for _ in 0..answer.count()? {
            let id = answer.compact_text()?;
            answer.i64()?;
            found.push((id, answer.compact_text()?));
            answer.skip_tags()?;
        }
        Ok(if code == 0 { Ok(found) } else { Err(code) })
    }

    fn ask(&mut self, api: &Api, body: &Body) -> Result<Answer> {
        self.requests += 1;
        let mut request = Body::default();
        request.0.extend(api.key.to_be_bytes());
        request.0.extend(api.version.to_be_bytes());
        request.0.extend(self.requests.to_be_bytes());
        request.text("sabot")?;
        if api.is_tagged {
            request.no_tags();
        }
        request.0.extend(&body.0);
        let length = i32::try_from(request.0.len()).map_err(Error::other)?;
        self.stream.write_all(&length.to_be_bytes())?;
        self.stream.write_all(&request.0)?;
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let length = usize::try_from(i32::from_be_bytes(length)).ok();
        let Some(length) = length.filter(|length| *length <= ANSWER_BYTES_MAX) else {
            return Err(Error::new(ErrorKind::InvalidData, "the answer has no sensible length"));
        };
        let mut answer = Answer { bytes: vec![0; length], at: 0 };
        self.stream.read_exact(&mut answer.bytes)?;
        if answer.i32()? != self.requests {
            return Err(Error::new(ErrorKind::InvalidData, "the answer is to another request"));
        }
        if api.is_tagged {
            answer.skip_tags()?;
        }
        Ok(answer)
    }
}

/// The fields of a request.
#[derive(Default)]
struct Body(Vec<u8>);

impl Body {
    fn text(&mut self, text: &str) -> Result<()> {
        let length = i16::try_from(text.len()).map_err(Error::other)?;
        self.0.extend(length.to_be_bytes());
        self.0.extend(text.as_bytes());
        Ok(())
    }

    fn compact_text(&mut self, text: &str) {
        self.count(text.len());
        self.0.extend(text.as_bytes());
    }

    /// How many elements, or bytes, follow.
    fn count(&mut self, count: usize) {
        self.unsigned(count as u64 + 1);
    }

    fn no_tags(&mut self) {
        self.unsigned(0);
    }

    /// Seven bits a byte, the lowest ones first.
    fn unsigned(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }
}

/// The fields of an answer.
struct Answer {
    bytes: Vec<u8>,
    at: usize,
}

impl Answer {
    fn take(&mut self, count: usize) -> Result<&[u8]> {
        let end = self.at.saturating_add(count);
        let taken = self.bytes.get(self.at..end);
        let taken =
            taken.ok_or_else(|| Error::new(ErrorKind::UnexpectedEof, "the answer is too short"));
        self.at = end;
        taken
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.take(N)?.try_into().map_err(Error::other)
    }

    fn i16(&mut self) -> Result<i16> {
        self.array().map(i16::from_be_bytes)
    }

    fn i32(&mut self) -> Result<i32> {
        self.array().map(i32::from_be_bytes)
    }

    fn i64(&mut self) -> Result<i64> {
        self.array().map(i64::from_be_bytes)
    }

    fn nullable_text(&mut self) -> Result<Option<String>> {
        match usize::try_from(self.i16()?) {
            Ok(length) => self.text(length).map(Some),
            Err(_) => Ok(None),
        }
    }

    fn compact_text(&mut self) -> Result<String> {
        let length = self.count()?;
        self.text(length)
    }

    fn text(&mut self, length: usize) -> Result<String> {
        String::from_utf8(self.take(length)?.to_vec()).map_err(Error::other)
    }

    /// How many elements, or bytes, follow; none for null.
    fn count(&mut self) -> Result<usize> {
        Ok(self.unsigned()?.saturating_sub(1) as usize)
    }

    fn skip_tags(&mut self) -> Result<()> {
        for _ in 0..self.unsigned()? {
            self.unsigned()?;
            let length = self.unsigned()?;
            self.take(length as usize)?;
        }
        Ok(())
    }

    fn unsigned(&mut self) -> Result<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let [byte] = self.array()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Error::new(ErrorKind::InvalidData, "a number does not end"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_size_are_read_as_they_were_written() {
        for number in [0, 1, 127, 128, 300, 1 << 40, u64::MAX] {
            let mut body = Body::default();
            body.unsigned(number);
            let mut answer = Answer { bytes: body.0, at: 0 };
            assert_eq!(answer.unsigned().unwrap(), number);
            assert!(answer.unsigned().is_err(), "nothing is left");
        }
    }

    #[test]
    fn texts_and_tags_are_told_by_their_lengths() {
        let mut body = Body::default();
        body.text("a").unwrap();
        body.compact_text(&"x".repeat(200));
        // One tag of two bytes.
        body.0.extend([1, 7, 2, 0, 0]);
        body.count(3);
        let mut answer = Answer { bytes: body.0, at: 0 };
        assert_eq!(answer.nullable_text().unwrap().as_deref(), Some("a"));
        assert_eq!(answer.compact_text().unwrap().len(), 200);
        answer.skip_tags().unwrap();
        assert_eq!(answer.count().unwrap(), 3);
    }

    #[test]
    fn an_answer_that_is_cut_is_an_error() {
        let mut answer = Answer { bytes: vec![0, 5, b'a'], at: 0 };
        assert_eq!(answer.nullable_text().unwrap_err().kind(), ErrorKind::UnexpectedEof);
        let mut endless = Answer { bytes: vec![0xff; 20], at: 0 };
        assert_eq!(endless.unsigned().unwrap_err().kind(), ErrorKind::InvalidData);
    }
}
