//! The texts of events: slices of a few random texts that are made once.

use std::fmt::Write;
use std::sync::OnceLock;

use sabot_types::key_hash::mixed;

use super::model::{Salt, below, draw};

const CHANNELS: u64 = 10_000;
const HOT_CHANNELS: [&str; 4] = ["Google", "Facebook", "Baidu", "Apple"];

const FIRST_NAMES: &[&str] = &[
    "Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter",
];
const LAST_NAMES: &[&str] =
    &["Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris"];
const CITIES: &[&str] = &[
    "Phoenix",
    "Los Angeles",
    "San Francisco",
    "Boise",
    "Portland",
    "Bend",
    "Redmond",
    "Seattle",
    "Kent",
    "Cheyenne",
];
const STATES: &[&str] = &["AZ", "CA", "ID", "OR", "WA", "WY"];

/// Letters of a text that slices are taken from; a power of two.
const POOL: u64 = 1 << 18;
/// A text is at least so long.
const SHORTEST: u64 = 3;

/// Random letters from a to z, of which values take slices.
fn letters() -> &'static str {
    static LETTERS: OnceLock<String> = OnceLock::new();
    LETTERS.get_or_init(|| {
        (0..POOL).map(|i| char::from(b'a' + below(mixed(i + 1), 26) as u8)).collect()
    })
}

/// The same with a blank for one letter in 13.
fn words() -> &'static str {
    static WORDS: OnceLock<String> = OnceLock::new();
    WORDS.get_or_init(|| {
        let letter = |(i, letter)| if below(mixed(!(i as u64)), 13) == 0 { ' ' } else { letter };
        letters().chars().enumerate().map(letter).collect()
    })
}

fn slice(from: &'static str, bits: u64, length: u64) -> &'static str {
    let begin = below(bits, POOL - length + 1) as usize;
    &from[begin..begin + length as usize]
}

/// A random text of three letters up to less than `most`, which may have blanks within.
fn word(n: u64, salt: Salt, most: u64) -> &'static str {
    let bits = draw(n, salt);
    slice(words(), bits, SHORTEST + below(mixed(bits), most - SHORTEST)).trim()
}

fn pick(n: u64, salt: Salt, from: &[&'static str]) -> &'static str {
    from[below(draw(n, salt), from.len() as u64) as usize]
}

/// Writes a value.
fn write(out: &mut String, value: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = out.write_fmt(value);
}

/// The filling that brings an event to `average` bytes on average, when its other columns have
/// `taken`.
#[inline]
fn extra(n: u64, taken: u64, average: u64, out: &mut String) {
    let missing = average.saturating_sub(taken);
    let spread = (missing * 2 + 5) / 10;
    let mut left = missing - spread + below(draw(n, Salt::ExtraLength), 2 * spread);
    let mut bits = draw(n, Salt::Extra);
    while left > POOL / 2 {
        out.push_str(slice(letters(), bits, POOL / 2));
        left -= POOL / 2;
        bits = mixed(bits);
    }
    out.push_str(slice(letters(), bits, left));
}

/// A bid's filling.
pub(super) fn bid_extra(n: u64, average: u64, out: &mut String) {
    // Four numbers of eight bytes; channel and page do not count.
    extra(n, 32, average, out);
}

/// An auction's title.
pub(super) fn item_name(n: u64) -> &'static str {
    word(n, Salt::Name, 20)
}

/// What an auction says about its item.
pub(super) fn description(n: u64) -> &'static str {
    word(n, Salt::Description, 100)
}

/// An auction's filling.
pub(super) fn auction_extra(n: u64, average: u64, out: &mut String) {
    let texts = item_name(n).len() + description(n).len();
    extra(n, 48 + texts as u64, average, out);
}

/// A person's first and last name.
fn name(n: u64) -> (&'static str, &'static str) {
    (pick(n, Salt::FirstName, FIRST_NAMES), pick(n, Salt::LastName, LAST_NAMES))
}

/// A person's name.
pub(super) fn person_name(n: u64, out: &mut String) {
    let (first, last) = name(n);
    write(out, format_args!("{first} {last}"));
}

fn email(n: u64) -> (&'static str, &'static str) {
    (word(n, Salt::Email, 7), word(n, Salt::Host, 5))
}

/// A person's address for letters.
pub(super) fn email_address(n: u64, out: &mut String) {
    let (person, host) = email(n);
    write(out, format_args!("{person}@{host}.com"));
}

/// A person's credit card.
pub(super) fn credit_card(n: u64, out: &mut String) {
    let bits = draw(n, Salt::Card);
    let part = |i: u64| below(bits << (16 * i), 10_000);
    write(out, format_args!("{:04} {:04} {:04} {:04}", part(0), part(1), part(2), part(3)));
}

/// Where a person lives.
pub(super) fn city(n: u64) -> &'static str {
    pick(n, Salt::City, CITIES)
}

/// The state where a person lives.
pub(super) fn state(n: u64) -> &'static str {
    pick(n, Salt::State, STATES)
}

/// A person's filling.
pub(super) fn person_extra(n: u64, average: u64, out: &mut String) {
    let ((first, last), (person, host)) = (name(n), email(n));
    let name = first.len() + 1 + last.len();
    let email = person.len() + 1 + host.len() + ".com".len();
    // The number, the name, the address, the card, the place.
    let taken = 8 + name + email + 19 + city(n).len() + state(n).len();
    extra(n, taken as u64, average, out);
}

/// The channel and the page of a bid's event: (channel, url).
pub(super) fn channel(n: u64) -> &'static (String, String) {
    static TABLE: OnceLock<Vec<(String, String)>> = OnceLock::new();
    let table = TABLE.get_or_init(|| (0..CHANNELS + 4).map(channel_and_url).collect());
    let place = if below(draw(n, Salt::ChannelIsHot), 2) > 0 {
        CHANNELS + below(draw(n, Salt::Channel), HOT_CHANNELS.len() as u64)
    } else {
        below(draw(n, Salt::Channel), CHANNELS)
    };
    &table[place as usize]
}

fn channel_and_url(place: u64) -> (String, String) {
    let mut url = String::from("https://www.nexmark.com/");
    for part in 0..3 {
        let bits = draw(place * 3 + part, Salt::Url);
        let folder = slice(words(), bits, SHORTEST + below(mixed(bits), 5 - SHORTEST));
        url.push_str(&folder.replace(' ', "_"));
        url.push('/');
    }
    url.push_str("item.htm?query=1");
    if let Some(hot) = place.checked_sub(CHANNELS) {
        return (HOT_CHANNELS[hot as usize].to_owned(), url);
    }
    // One channel in ten is not named by its page.
    if below(draw(place, Salt::Channel), 10) > 0 {
        url = format!("{url}&channel_id={}", (place as i32).reverse_bits().wrapping_abs());
    }
    (format!("channel-{place}"), url)
}
