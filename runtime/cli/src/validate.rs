//! `sabot validate`: checks a manifest and its SQL without running anything.

use std::path::PathBuf;

use clap::Args;
use sabot_crds::Place;

use crate::exit::{CliError, Exit};
use crate::job_config::{JobConfig, read_manifest};
use crate::program::Program;

/// Checks a StreamJob manifest: its fields, its SQL, its tables' options.
#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// The manifest.
    pub manifest: PathBuf,
    /// Also applies the rules of a cluster, such as that state needs a bucket.
    #[arg(long)]
    pub cluster: bool,
}

/// Prints that all is well, or fails with everything that is not.
pub fn validate(args: &ValidateArgs) -> Result<Exit, CliError> {
    let shown = args.manifest.display();
    let job = read_manifest(&args.manifest)?;
    let on_cluster = sabot_crds::validate(&job.spec, Place::Cluster);
    if args.cluster && !on_cluster.is_empty() {
        let lines: Vec<String> = on_cluster.iter().map(|e| format!("{shown}: {e}")).collect();
        return Err(CliError::config(lines.join("\n")));
    }
    if job.spec.program.sql.inline.is_none() && args.cluster {
        println!("{shown} is valid; its SQL is in a ConfigMap and was not checked");
        return Ok(Exit::Success);
    }
    let config = JobConfig::for_run(&args.manifest, None)?;
    let program = Program::compile(&config)?;
    println!(
        "{shown} is valid: {} tables, {} operators",
        program.planned.tables.len(),
        program.plan.nodes.len()
    );
    for warning in &program.planned.warnings {
        println!("note: {warning}");
    }
    for error in on_cluster {
        println!("note: it would not run on a cluster: {error}");
    }
    Ok(Exit::Success)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_valid() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let manifests: Vec<_> =
            files.filter(|file| file.extension().is_some_and(|ending| ending == "yaml")).collect();
        assert!(manifests.len() >= 3, "{manifests:?}");
        for manifest in manifests {
            let shown = manifest.display().to_string();
            let checked = validate(&ValidateArgs { manifest, cluster: false });
            assert!(checked.is_ok(), "{shown}: {:?}", checked.err());
        }
    }
}
