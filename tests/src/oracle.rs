//! What a query answers over the whole of its bounded input, by DataFusion's batch engine, and how
//! that compares with what a streaming job has written.
//!
//! The input is read once through the job's own connectors (`input`), so that both sides see the
//! same rows; everything behind them (SQL, planning, execution) is DataFusion's (`batch`). Rows of
//! both sides become lines of text that are compared as a sorted multiset (`rows`).

mod accounts;
mod batch;
mod events;
mod input;
mod prices;
mod quotes;
mod restores;
mod rows;

pub use accounts::{ACCOUNTS, account_files};
pub use batch::answer;
pub use events::{EVENTS, event_files};
pub use input::{Table, read};
pub use prices::{CSV, PRICES, csv_files, price_files};
pub use quotes::{ORDERS, QUOTES, order_files, quote_files};
pub use restores::run_with_restores;
pub use rows::{Difference, Rows};
