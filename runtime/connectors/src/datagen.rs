//! The connector `datagen`: rows of random values and of numbers that count up.
//!
//! A row is a function of its number, the table's name and its columns' names, so that every run, at
//! any parallelism and after any restore, makes the same ones. The current time is the one at which a
//! row is due: the time at which the source began, which is kept in its state, and what
//! `'rows-per-second'` says of the rows before.

mod declared;
mod draw;
mod fields;
mod known;
mod make;
mod nested;
mod numbers;
mod settings;
mod source;
mod splits;
mod texts;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use sabot_core::Result;
use sabot_core::{Source, SourceContext};

use crate::options::{OptionError, Options, Role};
use crate::registry::{Connector, KnownOptions};
use settings::{OPTIONS, Settings};
use source::DataGenSource;

const NAME: &str = "datagen";

#[derive(Debug)]
pub(crate) struct DataGen;

#[async_trait]
impl Connector for DataGen {
    fn name(&self) -> &'static str {
        NAME
    }

    fn options(&self, role: Role) -> Option<KnownOptions> {
        let known = KnownOptions { names: &[OPTIONS], prefix: Some(known::PREFIX) };
        (role == Role::Source).then_some(known)
    }

    fn check(&self, _: Role, options: &Options<'_>, schema: &SchemaRef) -> Result<(), OptionError> {
        Settings::read(options, schema).map(drop)
    }

    fn is_bounded(&self, options: &Options<'_>) -> bool {
        settings::is_bounded(options)
    }

    async fn open_source(&self, ctx: SourceContext) -> Result<Box<dyn Source>> {
        let options = Options { table: &ctx.table, map: &ctx.options };
        let settings = Settings::read(&options, &ctx.schema)?;
        Ok(Box::new(DataGenSource::open(&ctx, settings)?))
    }
}

#[cfg(test)]
mod tests;
