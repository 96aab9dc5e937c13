//! What every part of the engine shares: batches, plan, operator, source and sink traits, the
//! state backend's trait, and [`Env`], through which the world comes in.

pub mod ambient;
pub mod column_hash;
mod doorbell;
mod element;
mod env;
mod error;
mod expr;
pub mod metadata;
pub mod metrics;
mod operator;
pub mod options;
pub mod partitions;
pub mod plan;
pub mod protocol;
pub mod row_kind;
mod sink;
mod source;
pub mod state;
pub mod store;

pub use doorbell::Doorbell;
pub use element::Element;
pub use env::{
    Clock, Env, Random, SeededRandom, Stores, SystemClock, TaskHandle, Tasks, TokioTasks, Turn,
    stand_back,
};
pub use error::{BoxError, Error, Result, chain};
pub use expr::Evaluator;
pub use operator::{Cx, Operator, OperatorSnapshot};
pub use sink::{Committable, Committer, Sink, SinkContext};
pub use source::{Source, SourceContext, SourceFilter, SourcePoll, SplitState};
