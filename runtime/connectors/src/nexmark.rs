//! The connector `nexmark`: a deterministic generator of an auction site's events.
//!
//! A table is declared as the Nexmark project does for Flink, `event_type` with a ROW for each
//! kind, and takes that connector's options; or `'nexmark.table'` chooses one kind of event and
//! the columns are its own. Of every 50 events one is a person, three are auctions and 46 are
//! bids. An event is a function of its number, so that every run, at any parallelism and after
//! any restore, sees the same ones.
//!
//! How fast events are read says nothing about their own time, of which `'first-event.rate'` fit
//! in a second (10,000 by default): a job that is stopped and goes on at another speed sees no
//! late rows.

mod columns;
mod divide;
mod model;
mod settings;
mod source;
mod text;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use sabot_core::Result;
use sabot_core::{Source, SourceContext};

use crate::options::{OptionError, Options, Role};
use crate::registry::{Connector, KnownOptions};
use settings::{OPTIONS, Settings};
use source::NexmarkSource;

#[derive(Debug)]
pub(crate) struct Nexmark;

#[async_trait]
impl Connector for Nexmark {
    fn name(&self) -> &'static str {
        "nexmark"
    }

    fn options(&self, role: Role) -> Option<KnownOptions> {
        (role == Role::Source).then_some(KnownOptions { names: &[OPTIONS], prefix: None })
    }

    fn check(&self, _: Role, options: &Options<'_>, schema: &SchemaRef) -> Result<(), OptionError> {
        let settings = Settings::read(options)?;
        columns::resolve(options, settings.table, schema).map(drop)
    }

    fn is_bounded(&self, options: &Options<'_>) -> bool {
        Settings::read(options)
            .is_ok_and(|settings| settings.events.is_some() && !settings.keep_alive)
    }

    fn filters(&self) -> bool {
        true
    }

    async fn open_source(&self, ctx: SourceContext) -> Result<Box<dyn Source>> {
        let options = Options { table: &ctx.table, map: &ctx.options };
        let settings = Settings::read(&options)?;
        let shape = columns::resolve(&options, settings.table, &ctx.schema)?;
        Ok(Box::new(NexmarkSource::open(&ctx, settings, shape)?))
    }
}

#[cfg(test)]
mod tests;
