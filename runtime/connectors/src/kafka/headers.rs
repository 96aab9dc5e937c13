//! The headers of messages that are read.
//!
//! The client library panics over a header whose name is no UTF-8, before it tells its value. Such
//! a header is left out, and nothing is printed about the panic.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use arrow::array::{BinaryBuilder, MapArray};
use rdkafka::Message as _;
use rdkafka::message::{BorrowedMessage, Header};

use crate::metadata::map_builder;

thread_local! {
    /// Whether this thread reads a header, of which a panic is expected.
    static READS: Cell<bool> = const { Cell::new(false) };
}

/// The headers of messages; of those with one name the last. `left_out` is told of messages with a
/// header that cannot be read.
pub(super) fn of_messages(
    messages: &[&BorrowedMessage<'_>],
    left_out: impl Fn(&BorrowedMessage<'_>),
) -> MapArray {
    let mut maps = map_builder(BinaryBuilder::new());
    for message in messages {
        let all = message.headers();
        let headers = all.map(readable).unwrap_or_default();
        if all.is_some_and(|all| headers.len() < rdkafka::message::Headers::count(all)) {
            left_out(message);
        }
        for (index, header) in headers.iter().enumerate() {
            if headers[index + 1..].iter().all(|later| later.key != header.key) {
                maps.keys().append_value(header.key);
                maps.values().append_option(header.value);
            }
        }
        // The builder takes as many keys as values, and that is what it got.
        drop(maps.append(true));
    }
    maps.finish()
}

/// The headers whose names are UTF-8.
fn readable<H: rdkafka::message::Headers>(headers: &H) -> Vec<Header<'_, &[u8]>> {
    expect_panics();
    READS.set(true);
    let header = |index| catch_unwind(AssertUnwindSafe(|| headers.try_get(index))).ok().flatten();
    let all = (0..headers.count()).filter_map(header).collect();
    READS.set(false);
    all
}

/// Has the process print nothing of panics over headers; all others are printed as before.
fn expect_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !READS.get() {
                print(panic);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names, of which the library cannot read some.
    struct Names([Option<&'static str>; 3]);

    impl rdkafka::message::Headers for Names {
        fn count(&self) -> usize {
            self.0.len()
        }

        fn try_get(&self, index: usize) -> Option<Header<'_, &[u8]>> {
            let key = self.0[index].expect("a name that is UTF-8");
            Some(Header { key, value: Some(key.as_bytes()) })
        }
    }

    #[test]
    fn a_header_whose_name_cannot_be_read_is_left_out() {
        let names = Names([Some("a"), None, Some("b")]);
        let read: Vec<&str> = readable(&names).iter().map(|header| header.key).collect();
        assert_eq!(read, ["a", "b"]);
        assert!(!READS.get(), "later panics are printed");
    }
}
