//! What an S3 error means for what is now true.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use sabot_core::BoxError;
use sabot_core::store::StoreError;

/// Which call failed.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) action: &'static str,
    pub(super) key: &'a str,
    pub(super) bucket: &'a str,
    pub(super) uri: &'a str,
}

impl Context<'_> {
    pub(super) fn unavailable(self, source: impl Into<BoxError>) -> StoreError {
        StoreError::Unavailable {
            action: self.action,
            key: format!("{}/{}", self.uri, self.key),
            source: source.into(),
        }
    }

    pub(super) fn error<E>(self, error: &SdkError<E, HttpResponse>) -> StoreError
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let status = error.raw_response().map(|response| response.status().as_u16());
        let code = error.code().map(str::to_owned);
        let said = match (error.code(), error.message()) {
            (Some(code), Some(message)) => format!("{code}: {message}").into(),
            _ => chain(error),
        };
        // The request was never made. A provider that only failed to answer says otherwise.
        let no_credentials = matches!(error, SdkError::DispatchFailure(failure) if failure.is_other())
            && said.to_string().contains("no credentials found");
        if no_credentials || matches!(error, SdkError::ConstructionFailure(_)) {
            return self.denied(said);
        }
        self.meaning(status, code.as_deref(), said)
    }

    fn denied(self, source: BoxError) -> StoreError {
        StoreError::Denied { subject: format!("{}/{}", self.uri, self.key), source }
    }

    fn meaning(self, status: Option<u16>, code: Option<&str>, said: BoxError) -> StoreError {
        let key = self.key.to_owned();
        match (status, code) {
            (_, Some("NoSuchBucket")) => {
                StoreError::NoRoot { root: format!("bucket {}", self.bucket) }
            }
            (_, Some("NoSuchKey" | "NotFound")) => StoreError::NotFound { key },
            (_, Some("PreconditionFailed" | "ConditionalRequestConflict")) | (Some(412), _) => {
                StoreError::Precondition { key }
            }
            (Some(409), None | Some("OperationAborted")) => StoreError::Precondition { key },
            (Some(404), _) => StoreError::NotFound { key },
            (Some(501), _) | (_, Some("NotImplemented")) => StoreError::Unsupported {
                what: format!(
                    "{} cannot do what {} {} needs: use a store with conditional writes, such as \
                     Amazon S3, MinIO, Ceph or versitygw in a current version",
                    self.uri, self.action, self.key
                ),
            },
            (Some(401 | 403), _) => self.denied(said),
            (Some(301 | 307), _) | (_, Some("PermanentRedirect")) => StoreError::Unsupported {
                what: format!("bucket {} is in another region: set its region", self.bucket),
            },
            _ => self.unavailable(said),
        }
    }
}

/// The SDK hides what happened in the chain of causes: one line of all of it.
fn chain(error: &dyn std::error::Error) -> BoxError {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(status: u16, code: Option<&str>) -> StoreError {
        let context = Context { action: "writing", key: "k", bucket: "b", uri: "s3://b/p" };
        context.meaning(Some(status), code, "reply".into())
    }

    #[test]
    fn replies_are_told_apart_by_what_is_now_true() {
        assert!(matches!(meaning(404, Some("NoSuchKey")), StoreError::NotFound { .. }));
        assert!(matches!(meaning(404, Some("NoSuchBucket")), StoreError::NoRoot { .. }));
        assert!(matches!(meaning(403, Some("AccessDenied")), StoreError::Denied { .. }));
        for (status, code) in [
            (412, Some("PreconditionFailed")),
            (412, None),
            (409, Some("ConditionalRequestConflict")),
            (409, None),
        ] {
            assert!(matches!(meaning(status, code), StoreError::Precondition { .. }));
        }
        assert!(matches!(meaning(501, Some("NotImplemented")), StoreError::Unsupported { .. }));
        for status in [500, 503, 429] {
            assert!(matches!(meaning(status, Some("SlowDown")), StoreError::Unavailable { .. }));
        }
    }
}
