//! Errors of DataFusion as those of the engine.

use arrow::error::ArrowError;
use datafusion_common::DataFusionError;
use sabot_core::Error;

/// A computation that failed.
pub(crate) fn computing(error: DataFusionError) -> Error {
    match error {
        DataFusionError::ArrowError(error, _) => Error::Arrow(*error),
        other => Error::Arrow(ArrowError::ExternalError(Box::new(other))),
    }
}
