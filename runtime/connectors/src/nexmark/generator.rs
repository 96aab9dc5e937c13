//! What event number n holds: the distributions of the public Nexmark generator.
//!
//! Every value is drawn from a hash of the event's number and a salt of its own, not from a
//! running generator, so that columns are independent of each other and splits need no state.
//! No floating point is used while generating: every machine generates the same.

use std::sync::OnceLock;

/// Of so many events ...
pub(crate) const PROPORTION: u64 = 50;
/// ... the first is a person, ...
pub(crate) const PERSONS: u64 = 1;
/// ... the next three are auctions, and the others are bids.
pub(crate) const AUCTIONS: u64 = 3;

const FIRST_ID: u64 = 1000;
const FIRST_CATEGORY: u64 = 10;
const CATEGORIES: u64 = 5;
/// Persons who are active at a time.
const ACTIVE_PERSONS: u64 = 1000;
/// Auctions that are open at a time.
const OPEN_AUCTIONS: u64 = 100;
/// Ids may be drawn that much ahead of the newest.
const ID_LEAD: u64 = 10;
/// One id in so many is hot.
const HOT_STRIDE: u64 = 100;
/// Channels besides the hot ones.
const CHANNELS: u64 = 10_000;
const HOT_CHANNELS: [&str; 4] = ["Google", "Facebook", "Baidu", "Apple"];

/// Which draw of an event.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Salt {
    IsHot = 1,
    Id,
    BidderIsHot,
    Bidder,
    Price,
    ChannelIsHot,
    Channel,
    Extra,
    ExtraLength,
    SellerIsHot,
    Seller,
    Category,
    Reserve,
    Expires,
    Name,
    Description,
    FirstName,
    LastName,
    Email,
    Card,
    City,
    State,
    Url,
}

/// 64 random bits of event `n` (`SplitMix64`'s finaliser over both).
#[inline]
pub(crate) fn draw(n: u64, salt: Salt) -> u64 {
    mix(n.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (salt as u64).wrapping_mul(0xd1b5_4a32_d192_ed03))
}

#[inline]
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Random bits as a number from 0 to below `bound`.
#[inline]
pub(crate) fn below(bits: u64, bound: u64) -> u64 {
    ((u128::from(bits) * u128::from(bound)) >> 64) as u64
}

/// The newest person at event `n`, counted from 0.
#[inline]
fn newest_person(n: u64) -> u64 {
    n / PROPORTION
}

/// The newest auction at event `n`, counted from 0; before the first it is the first.
#[inline]
fn newest_auction(n: u64) -> u64 {
    let (round, place) = (n / PROPORTION, n % PROPORTION);
    if place < PERSONS {
        (round * AUCTIONS).saturating_sub(1)
    } else {
        round * AUCTIONS + (place - PERSONS).min(AUCTIONS - 1)
    }
}

#[inline]
fn some_person(n: u64, salt: Salt) -> u64 {
    let persons = newest_person(n) + 1;
    let active = persons.min(ACTIVE_PERSONS);
    persons - active + below(draw(n, salt), active + ID_LEAD)
}

/// The auction that a bid is for: a hot one in half of all cases.
pub(crate) fn bid_auction(n: u64) -> i64 {
    let newest = newest_auction(n);
    let auction = if below(draw(n, Salt::IsHot), 2) > 0 {
        newest / HOT_STRIDE * HOT_STRIDE
    } else {
        let oldest = newest.saturating_sub(OPEN_AUCTIONS);
        oldest + below(draw(n, Salt::Id), newest - oldest + 1 + ID_LEAD)
    };
    (FIRST_ID + auction) as i64
}

/// Who bids: a hot bidder in three of four cases.
pub(crate) fn bid_bidder(n: u64) -> i64 {
    let bidder = if below(draw(n, Salt::BidderIsHot), 4) > 0 {
        newest_person(n) / HOT_STRIDE * HOT_STRIDE + 1
    } else {
        some_person(n, Salt::Bidder)
    };
    (FIRST_ID + bidder) as i64
}

/// What is bid, or an auction's first bid.
pub(crate) fn price(n: u64) -> i64 {
    price_of(draw(n, Salt::Price))
}

/// An auction's id.
pub(crate) fn auction_id(n: u64) -> i64 {
    (FIRST_ID + newest_auction(n)) as i64
}

/// Who sells: a hot seller in three of four cases.
pub(crate) fn auction_seller(n: u64) -> i64 {
    let seller = if below(draw(n, Salt::SellerIsHot), 4) > 0 {
        newest_person(n) / HOT_STRIDE * HOT_STRIDE
    } else {
        some_person(n, Salt::Seller)
    };
    (FIRST_ID + seller) as i64
}

/// An auction's category.
pub(crate) fn auction_category(n: u64) -> i64 {
    (FIRST_CATEGORY + below(draw(n, Salt::Category), CATEGORIES)) as i64
}

/// What an auction must reach.
pub(crate) fn auction_reserve(n: u64) -> i64 {
    price(n) + price_of(draw(n, Salt::Reserve))
}

/// For how long an auction is open, given `events` a second.
pub(crate) fn auction_length_ms(n: u64, events: u64) -> i64 {
    let horizon_ms = OPEN_AUCTIONS * PROPORTION / AUCTIONS * 1000 / events;
    1 + below(draw(n, Salt::Expires), (horizon_ms * 2).max(1)) as i64
}

/// A person's id.
pub(crate) fn person_id(n: u64) -> i64 {
    (FIRST_ID + newest_person(n)) as i64
}

const PRICE_STEPS: u64 = 4096;

/// 100 to 100,000,000, its logarithm evenly spread: a table of powers, straight lines between.
fn price_of(bits: u64) -> i64 {
    static TABLE: OnceLock<Vec<i64>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        let power = |i| 10_f64.powf(6.0 * i as f64 / PRICE_STEPS as f64) * 100.0;
        (0..=PRICE_STEPS).map(|i| power(i).round() as i64).collect()
    });
    let step = below(bits, PRICE_STEPS) as usize;
    let between = (bits & 0xffff) as i64;
    table[step] + (((table[step + 1] - table[step]) * between) >> 16)
}

/// The channel and the page of a bid's event: (channel, url).
pub(crate) fn channel(n: u64) -> &'static (String, String) {
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
        text(draw(place * 3 + part, Salt::Url), 5, &mut |piece| {
            url.push_str(&piece.replace(' ', "_"));
        });
        url.push('/');
    }
    url.push_str("item.htm?query=1");
    if let Some(hot) = place.checked_sub(CHANNELS) {
        return (HOT_CHANNELS[hot as usize].to_owned(), url);
    }
    // One channel in ten is not named by its page.
    if below(draw(place, Salt::Channel), 10) > 0 {
        url = format!("{url}&channel_id={}", draw(place, Salt::Id) >> 33);
    }
    (format!("channel-{place}"), url)
}

/// Five bits choose a letter; the blank comes once in 32.
const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyzaeiou ";

/// Random text of `length` letters, handed out in pieces.
pub(crate) fn text(seed: u64, length: u64, write: &mut dyn FnMut(&str)) {
    let mut state = seed;
    let mut left = length as usize;
    while left > 0 {
        let mut piece = [0_u8; 12];
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = mix(state);
        for letter in &mut piece {
            *letter = LETTERS[(bits & 31) as usize];
            bits >>= 5;
        }
        let take = left.min(piece.len());
        write(std::str::from_utf8(&piece[..take]).expect("the letters are ASCII"));
        left -= take;
    }
}

/// The length of the filling that brings an event to about `average` bytes when its other
/// columns have `current`.
pub(crate) fn extra_length(n: u64, current: u64, average: u64) -> u64 {
    let desired = average.saturating_sub(current);
    let spread = desired / 5;
    desired - spread + below(draw(n, Salt::ExtraLength), (2 * spread).max(1))
}
