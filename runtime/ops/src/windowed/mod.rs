//! Operators over rows that lie in windows: a window is answered as a whole when the watermark has
//! passed its end, and then forgotten.

mod buffer;
mod expand;
mod join;
mod settled;
mod top_n;

pub(crate) use expand::Expand;
pub(crate) use join::{WindowJoin, state_specs as join_state_specs};
pub(crate) use settled::{WindowSettle, state_specs as settle_state_specs};
pub(crate) use top_n::{WindowTopN, state_specs as top_n_state_specs};
