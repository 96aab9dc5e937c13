//! What event number n holds: the distributions of the Nexmark project's generator.
//!
//! Every value is drawn from a hash of the event's number and a salt of its own, not from a
//! running generator, so that columns are independent of each other and splits need no state.
//! No floating point is used while generating: every machine generates the same.

use std::sync::OnceLock;

use sabot_types::key_hash::mixed;

use super::divide::Divisor;

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

/// What an event is about. The discriminants are the values of `event_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Person = 0,
    Auction = 1,
    Bid = 2,
}

impl Kind {
    /// All kinds, as they follow each other in a round.
    pub(super) const ALL: [Self; 3] = [Self::Person, Self::Auction, Self::Bid];

    /// Its name, also that of its column.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Auction => "auction",
            Self::Bid => "bid",
        }
    }
}

/// An event by its number. Events come in rounds: some persons, some auctions, some bids.
#[derive(Debug, Clone, Copy)]
pub(super) struct Event {
    pub(super) n: u64,
    /// `n` divided by the events of a round.
    pub(super) round: u64,
}

/// Which draw of an event.
#[derive(Debug, Clone, Copy)]
pub(super) enum Salt {
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
    Host,
}

/// 64 random bits of event `n` (`SplitMix64`'s finaliser over both).
#[inline]
pub(super) fn draw(n: u64, salt: Salt) -> u64 {
    mixed(n.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (salt as u64).wrapping_mul(0xd1b5_4a32_d192_ed03))
}

/// Random bits as a number from 0 to below `bound`.
#[inline]
pub(super) fn below(bits: u64, bound: u64) -> u64 {
    ((u128::from(bits) * u128::from(bound)) >> 64) as u64
}

/// Events of each kind in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Proportions {
    pub(super) persons: u64,
    pub(super) auctions: u64,
    pub(super) bids: u64,
}

impl Proportions {
    /// The events of a round.
    pub(super) fn total(self) -> u64 {
        self.persons + self.auctions + self.bids
    }

    /// Where the events of a kind stand in a round: from, to before.
    pub(super) fn places(self, kind: Kind) -> (u64, u64) {
        match kind {
            Kind::Person => (0, self.persons),
            Kind::Auction => (self.persons, self.persons + self.auctions),
            Kind::Bid => (self.persons + self.auctions, self.total()),
        }
    }
}

/// Of so many ids one is drawn at random, the others are hot.
#[derive(Debug, Clone, Copy)]
pub(super) struct HotRatios {
    /// Auctions of bids.
    pub(super) auctions: u64,
    /// Bidders of bids.
    pub(super) bidders: u64,
    /// Sellers of auctions.
    pub(super) sellers: u64,
}

/// The average bytes of an event, to which its column `extra` fills it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) person: u64,
    pub(super) auction: u64,
    pub(super) bid: u64,
}

/// What the generator's options say about events.
#[derive(Debug, Clone, Copy)]
pub(super) struct Model {
    pub(super) proportions: Proportions,
    pub(super) hot: HotRatios,
    pub(super) sizes: Sizes,
    /// The first event's time.
    pub(super) base_ms: i64,
    /// Events (of all kinds) in a second of event time.
    pub(super) events_per_second: Divisor,
}

impl Model {
    /// When an event happens.
    #[inline]
    pub(super) fn time(&self, n: u64) -> i64 {
        self.base_ms + self.events_per_second.divide(n.wrapping_mul(1000)) as i64
    }

    /// What an event is about.
    #[inline]
    pub(super) fn kind(&self, event: Event) -> Kind {
        let place = event.n - event.round * self.proportions.total();
        if place < self.proportions.persons {
            Kind::Person
        } else if place < self.proportions.persons + self.proportions.auctions {
            Kind::Auction
        } else {
            Kind::Bid
        }
    }

    /// The newest person at an event, counted from 0; itself for a person.
    #[inline]
    fn newest_person(&self, event: Event) -> u64 {
        let Proportions { persons, .. } = self.proportions;
        let place = event.n - event.round * self.proportions.total();
        (event.round * persons + (place + 1).min(persons)).saturating_sub(1)
    }

    /// The newest auction at a bid, counted from 0.
    #[inline]
    fn newest_auction(&self, bid: Event) -> u64 {
        ((bid.round + 1) * self.proportions.auctions).saturating_sub(1)
    }

    #[inline]
    fn some_person(&self, event: Event, salt: Salt) -> u64 {
        let persons = self.newest_person(event) + 1;
        let active = persons.min(ACTIVE_PERSONS);
        persons - active + below(draw(event.n, salt), active + ID_LEAD)
    }

    /// The auction that a bid is for.
    #[inline]
    pub(super) fn bid_auction(&self, bid: Event) -> i64 {
        let newest = self.newest_auction(bid);
        let auction = if below(draw(bid.n, Salt::IsHot), self.hot.auctions) > 0 {
            newest / HOT_STRIDE * HOT_STRIDE
        } else {
            let oldest = newest.saturating_sub(OPEN_AUCTIONS);
            oldest + below(draw(bid.n, Salt::Id), newest - oldest + 1 + ID_LEAD)
        };
        (FIRST_ID + auction) as i64
    }

    /// Who bids. (The Nexmark project's generator adds the first id twice, by mistake: its bidders
    /// are persons of another thousand.)
    #[inline]
    pub(super) fn bid_bidder(&self, bid: Event) -> i64 {
        let bidder = if below(draw(bid.n, Salt::BidderIsHot), self.hot.bidders) > 0 {
            // The second, so that hot bidders are not hot sellers.
            self.newest_person(bid) / HOT_STRIDE * HOT_STRIDE + 1
        } else {
            self.some_person(bid, Salt::Bidder)
        };
        (FIRST_ID + bidder) as i64
    }

    /// An auction's id.
    #[inline]
    pub(super) fn auction_id(&self, auction: Event) -> i64 {
        let Proportions { persons, auctions, .. } = self.proportions;
        let place = auction.n - auction.round * self.proportions.total();
        (FIRST_ID + auction.round * auctions + place - persons) as i64
    }

    /// Who sells.
    #[inline]
    pub(super) fn auction_seller(&self, auction: Event) -> i64 {
        let seller = if below(draw(auction.n, Salt::SellerIsHot), self.hot.sellers) > 0 {
            self.newest_person(auction) / HOT_STRIDE * HOT_STRIDE
        } else {
            self.some_person(auction, Salt::Seller)
        };
        (FIRST_ID + seller) as i64
    }

    /// When an auction ends: after a random time, on average until as many auctions have begun as
    /// are open at a time.
    #[inline]
    pub(super) fn auction_expires(&self, auction: Event) -> i64 {
        let Proportions { auctions, .. } = self.proportions;
        let ahead = OPEN_AUCTIONS * self.proportions.total() / auctions.max(1);
        let begins = self.time(auction.n);
        let horizon_ms = (self.time(auction.n + ahead) - begins) as u64;
        begins + 1 + below(draw(auction.n, Salt::Expires), (horizon_ms * 2).max(1)) as i64
    }

    /// A person's id.
    #[inline]
    pub(super) fn person_id(&self, person: Event) -> i64 {
        (FIRST_ID + self.newest_person(person)) as i64
    }
}

/// An auction's category.
pub(super) fn auction_category(n: u64) -> i64 {
    (FIRST_CATEGORY + below(draw(n, Salt::Category), CATEGORIES)) as i64
}

const PRICE_STEPS: u64 = 4096;

/// Prices from 100 to 100,000,000, their logarithm evenly spread: a table of powers, straight lines
/// between.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prices(&'static [i64]);

impl Prices {
    /// The table.
    pub(super) fn get() -> Self {
        static TABLE: OnceLock<Vec<i64>> = OnceLock::new();
        Self(TABLE.get_or_init(|| {
            let power = |i| 10_f64.powf(6.0 * i as f64 / PRICE_STEPS as f64) * 100.0;
            (0..=PRICE_STEPS).map(|i| power(i).round() as i64).collect()
        }))
    }

    /// What is bid, or an auction's first bid.
    #[inline]
    pub(super) fn price(self, n: u64) -> i64 {
        self.of(draw(n, Salt::Price))
    }

    /// What an auction must reach.
    pub(super) fn reserve(self, n: u64) -> i64 {
        self.price(n) + self.of(draw(n, Salt::Reserve))
    }

    #[inline]
    fn of(self, bits: u64) -> i64 {
        let step = below(bits, PRICE_STEPS) as usize;
        let between = (bits & 0xffff) as i64;
        self.0[step] + (((self.0[step + 1] - self.0[step]) * between) >> 16)
    }
}
