//! S3 and everything that speaks its protocol, as an object store.

mod errors;

use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::BehaviorVersion;
use aws_config::meta::region::RegionProviderChain;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{Builder, Region, RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use sabot_core::store::{Object, ObjectMeta, ObjectStore, PutCondition, StoreError, Version};

use super::S3Config;
use errors::Context;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A call that moves no large object.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);
/// A copy within the store, whose size we do not know.
const COPY_TIMEOUT: Duration = Duration::from_mins(5);
/// The slowest upload that is not given up, bytes a second.
const SLOWEST_UPLOAD: u64 = 1 << 20;
/// Tries of one call within the client.
const TRIES: u32 = 3;

/// Connects as `config` says; the credentials come from the environment.
pub(super) async fn connect(config: &S3Config) -> Client {
    let region = RegionProviderChain::first_try(config.region.clone().map(Region::new))
        .or_default_provider()
        .or_else(Region::from_static("us-east-1"));
    let shared = aws_config::defaults(BehaviorVersion::latest()).region(region).load().await;
    let mut builder = Builder::from(&shared)
        .force_path_style(config.force_path_style)
        .retry_config(RetryConfig::standard().with_max_attempts(TRIES))
        .timeout_config(timeout(CALL_TIMEOUT))
        // Segments and manifests carry their own checksums; other servers often refuse S3's.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    if let Some(endpoint) = &config.endpoint {
        builder = builder.endpoint_url(endpoint);
    }
    Client::from_conf(builder.build())
}

fn timeout(attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(attempt)
        .build()
}

/// What lies below a prefix of a bucket.
#[derive(Debug)]
pub struct S3Store {
    client: Client,
    bucket: String,
    /// Empty, or with a slash at the end.
    prefix: String,
    uri: String,
}

impl S3Store {
    /// The store below `prefix` (which may be empty) of `bucket`.
    pub fn new(client: Client, bucket: String, prefix: String) -> Self {
        let uri = match prefix.as_str() {
            "" => format!("s3://{bucket}"),
            prefix => format!("s3://{bucket}/{prefix}"),
        };
        let prefix = if prefix.is_empty() { prefix } else { format!("{prefix}/") };
        Self { client, bucket, prefix, uri }
    }

    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    fn context<'a>(&'a self, action: &'static str, key: &'a str) -> Context<'a> {
        Context { action, key, bucket: &self.bucket, uri: &self.uri }
    }

    async fn read(&self, key: &str, range: Option<Range<u64>>) -> Result<Object, StoreError> {
        let context = self.context("reading", key);
        let wanted = range.as_ref().map(|range| range.end.saturating_sub(range.start));
        let header = range.map(|range| format!("bytes={}-{}", range.start, range.end - 1));
        let output = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(self.key(key))
            .set_range(header)
            .send()
            .await
            .map_err(|error| context.error(&error))?;
        let version = Version(output.e_tag.unwrap_or_default());
        let bytes =
            output.body.collect().await.map_err(|error| context.unavailable(error))?.into_bytes();
        match wanted {
            Some(wanted) if wanted != bytes.len() as u64 => {
                Err(context.unavailable(format!("{} bytes came instead of {wanted}", bytes.len())))
            }
            _ => Ok(Object { bytes, version }),
        }
    }
}

#[async_trait]
impl ObjectStore for S3Store {
    async fn get(&self, key: &str) -> Result<Object, StoreError> {
        self.read(key, None).await
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
        if range.start >= range.end {
            // S3 has no empty ranges.
            return Ok(Bytes::new());
        }
        Ok(self.read(key, Some(range)).await?.bytes)
    }

    async fn put(
        &self,
        key: &str,
        bytes: Bytes,
        condition: PutCondition,
    ) -> Result<Version, StoreError> {
        let context = self.context("writing", key);
        let upload = CALL_TIMEOUT + Duration::from_secs(bytes.len() as u64 / SLOWEST_UPLOAD);
        let request = self.client.put_object().bucket(&self.bucket).key(self.key(key));
        let request = match &condition {
            PutCondition::Always => request,
            PutCondition::IfAbsent => request.if_none_match("*"),
            PutCondition::IfMatch(version) => request.if_match(&version.0),
        };
        let output = request
            .body(ByteStream::from(bytes))
            .customize()
            .config_override(Builder::new().timeout_config(timeout(upload)))
            .send()
            .await
            .map_err(|error| match context.error(&error) {
                // The object whose version was to be replaced is gone.
                StoreError::NotFound { key } => StoreError::Precondition { key },
                other => other,
            })?;
        match output.e_tag {
            Some(tag) => Ok(Version(tag)),
            None => Err(StoreError::Unsupported {
                what: format!("{} names no ETag of what was written: use another store", self.uri),
            }),
        }
    }

    async fn copy(&self, from: &str, to: &str) -> Result<(), StoreError> {
        let source = encode_path(&format!("{}/{}", self.bucket, self.key(from)));
        self.client
            .copy_object()
            .bucket(&self.bucket)
            .key(self.key(to))
            .copy_source(source)
            .customize()
            .config_override(Builder::new().timeout_config(timeout(COPY_TIMEOUT)))
            .send()
            .await
            .map_err(|error| self.context("copying", from).error(&error))?;
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let result =
            self.client.delete_object().bucket(&self.bucket).key(self.key(key)).send().await;
        match result.map_err(|error| self.context("deleting", key).error(&error)) {
            Ok(_) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>, StoreError> {
        let mut objects = Vec::new();
        let mut next = None;
        loop {
            let page = self
                .client
                .list_objects_v2()
                .bucket(&self.bucket)
                .prefix(self.key(prefix))
                .set_continuation_token(next)
                .send()
                .await
                .map_err(|error| self.context("listing", prefix).error(&error))?;
            let keys = page.contents.unwrap_or_default().into_iter().filter_map(|object| {
                let key = object.key?.strip_prefix(&self.prefix)?.to_owned();
                Some(ObjectMeta {
                    key,
                    size: object.size.unwrap_or_default().try_into().unwrap_or_default(),
                    modified_ms: object
                        .last_modified
                        .and_then(|time| time.to_millis().ok())
                        .unwrap_or_default(),
                })
            });
            objects.extend(keys);
            next = page.next_continuation_token;
            if next.is_none() {
                break;
            }
        }
        // Directory buckets and some servers list in another order.
        objects.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(objects)
    }

    fn root(&self) -> &str {
        &self.uri
    }
}

/// Percent-encodes all but what a path may hold as it is.
fn encode_path(path: &str) -> String {
    use std::fmt::Write;
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("writing to a string cannot fail");
        }
    }
    encoded
}
