//! Values that tests of this crate share.

use sabot_crds::spec::{S3Auth, S3Storage, SecretRef, Storage};
use sabot_crds::{StreamJob, StreamJobSpec};

/// A valid job.
pub(crate) fn stream_job(name: &str) -> StreamJob {
    let mut spec = StreamJobSpec::from_sql("INSERT INTO out SELECT 1");
    spec.state.storage = Some(Storage {
        s3: Some(S3Storage {
            bucket: "state".to_owned(),
            prefix: None,
            endpoint: Some("http://s3:7070".to_owned()),
            region: None,
            force_path_style: true,
            auth: Some(S3Auth { secret_ref: SecretRef { name: "s3".to_owned() } }),
        }),
        local: None,
    });
    let mut job = StreamJob::new(name, spec);
    job.metadata.namespace = Some("shop".to_owned());
    job.metadata.uid = Some("6d1cd2b4-0000-4000-8000-000000000001".to_owned());
    job.metadata.generation = Some(1);
    job
}
