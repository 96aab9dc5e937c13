//! The connector `blackhole`: a sink that drops what it gets, for measuring.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use futures::future::BoxFuture;
use sabot_core::Result;
use sabot_core::{Committable, Sink, SinkContext};
use sabot_types::Epoch;

use crate::options::{OptionError, Options, Role};
use crate::registry::{Connector, KnownOptions};

#[derive(Debug)]
pub(crate) struct Blackhole;

#[async_trait]
impl Connector for Blackhole {
    fn name(&self) -> &'static str {
        "blackhole"
    }

    fn options(&self, role: Role) -> Option<KnownOptions> {
        (role == Role::Sink).then(KnownOptions::default)
    }

    fn check(&self, _: Role, _: &Options<'_>, _: &SchemaRef) -> Result<(), OptionError> {
        Ok(())
    }

    fn takes_changes(&self, _: &Options<'_>) -> bool {
        true
    }

    fn takes_partitions(&self) -> bool {
        true
    }

    async fn open_sink(&self, _: SinkContext) -> Result<Box<dyn Sink>> {
        Ok(Box::new(BlackholeSink))
    }
}

struct BlackholeSink;

impl Sink for BlackholeSink {
    fn write(&mut self, _: RecordBatch) -> Result<()> {
        Ok(())
    }

    fn prepare(&mut self, _: Epoch) -> BoxFuture<'static, Result<Vec<Committable>>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}
