//! A tiny S3 service in this process: one bucket in memory, which can be told to misbehave.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri, header};

use super::world::{Files, durable};

/// The bucket's name.
pub(crate) const NAME: &str = "streams";

/// How the service behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// As S3 does.
    Right,
    /// The bucket does not exist.
    NoSuchBucket,
    /// Every call for keys that begin so is refused with 403.
    Denies(&'static str),
    /// Conditions of writes are ignored.
    Unconditional,
}

/// The bucket and its server, which ends when this is dropped.
pub(crate) struct Bucket {
    inner: Arc<Mutex<Inner>>,
    endpoint: String,
    _runtime: tokio::runtime::Runtime,
}

struct Inner {
    mood: Mood,
    objects: BTreeMap<String, Object>,
    versions: u64,
}

struct Object {
    bytes: Bytes,
    tag: String,
}

impl Bucket {
    /// A bucket with these objects.
    pub(crate) fn with(objects: Files) -> Self {
        let mut inner = Inner { mood: Mood::Right, objects: BTreeMap::new(), versions: 0 };
        for (key, bytes) in objects {
            inner.put(key, bytes.into());
        }
        let inner = Arc::new(Mutex::new(inner));
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let routes = Router::new().fallback(serve).with_state(Arc::clone(&inner));
        runtime.spawn(async move { axum::serve(listener, routes).await });
        Self { inner, endpoint, _runtime: runtime }
    }

    /// The service's URL.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Behaves like this from now on.
    pub(crate) fn set(&self, mood: Mood) {
        self.inner().mood = mood;
    }

    /// Everything that must survive.
    pub(crate) fn durable(&self) -> Files {
        let inner = self.inner();
        let all = inner.objects.iter().map(|(key, o)| (key.clone(), o.bytes.to_vec()));
        durable(all.collect())
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }
}

type Reply = Result<Response<Body>, (StatusCode, &'static str)>;

async fn serve(
    State(inner): State<Arc<Mutex<Inner>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let reply = inner.lock().unwrap().reply(&method, &uri, &headers, body);
    reply.unwrap_or_else(|(status, code)| {
        let text = format!("<Error><Code>{code}</Code><Message>{code} it is</Message></Error>");
        response(status, text.into())
    })
}

impl Inner {
    fn reply(&mut self, method: &Method, uri: &Uri, headers: &HeaderMap, body: Bytes) -> Reply {
        let path = decoded(uri.path());
        let (bucket, key) = path[1..].split_once('/').unwrap_or((&path[1..], ""));
        let key = key.to_owned();
        let prefix = decoded(uri.query().and_then(prefix_of).unwrap_or_default());
        if self.mood == Mood::NoSuchBucket || bucket != NAME {
            return Err((StatusCode::NOT_FOUND, "NoSuchBucket"));
        }
        if let Mood::Denies(denied) = self.mood
            && format!("{key}{prefix}").starts_with(denied)
        {
            return Err((StatusCode::FORBIDDEN, "AccessDenied"));
        }
        let missing = (StatusCode::NOT_FOUND, "NoSuchKey");
        match *method {
            Method::PUT => {
                self.check(&key, headers)?;
                let Some(source) = headers.get("x-amz-copy-source") else {
                    return Ok(self.put(key, body));
                };
                let source = decoded(source.to_str().unwrap());
                let source = source.trim_start_matches('/').strip_prefix(NAME).unwrap();
                let source = self.objects.get(source.trim_start_matches('/')).ok_or(missing)?;
                let bytes = source.bytes.clone();
                self.put(key, bytes);
                Ok(response(StatusCode::OK, "<CopyObjectResult></CopyObjectResult>".into()))
            }
            Method::DELETE => {
                self.objects.remove(&key);
                Ok(response(StatusCode::NO_CONTENT, Bytes::new()))
            }
            Method::GET if key.is_empty() => Ok(self.list(&prefix)),
            Method::GET => Ok(self.objects.get(&key).ok_or(missing)?.read(headers)),
            _ => Err((StatusCode::NOT_IMPLEMENTED, "NotImplemented")),
        }
    }

    fn check(&self, key: &str, headers: &HeaderMap) -> Result<(), (StatusCode, &'static str)> {
        let found = self.objects.get(key).map(|object| object.tag.as_str());
        let wanted = headers.get(header::IF_MATCH).map(|tag| tag.to_str().unwrap());
        let absent = headers.contains_key(header::IF_NONE_MATCH);
        let holds = !(absent && found.is_some()) && (wanted.is_none() || wanted == found);
        if holds || self.mood == Mood::Unconditional {
            return Ok(());
        }
        Err((StatusCode::PRECONDITION_FAILED, "PreconditionFailed"))
    }

    fn put(&mut self, key: String, bytes: Bytes) -> Response<Body> {
        self.versions += 1;
        let tag = format!("\"{}\"", self.versions);
        let mut reply = response(StatusCode::OK, Bytes::new());
        reply.headers_mut().insert(header::ETAG, tag.parse().unwrap());
        self.objects.insert(key, Object { bytes, tag });
        reply
    }

    fn list(&self, prefix: &str) -> Response<Body> {
        let mut text = "<ListBucketResult><IsTruncated>false</IsTruncated>".to_owned();
        for (key, object) in self.objects.iter().filter(|(key, _)| key.starts_with(prefix)) {
            let (size, time) = (object.bytes.len(), "2024-01-01T00:00:00.000Z");
            write!(
                text,
                "<Contents><Key>{key}</Key><Size>{size}</Size><LastModified>{time}</LastModified>\
                 </Contents>"
            )
            .unwrap();
        }
        text.push_str("</ListBucketResult>");
        response(StatusCode::OK, text.into())
    }
}

impl Object {
    fn read(&self, headers: &HeaderMap) -> Response<Body> {
        let range = headers.get(header::RANGE).map(|range| {
            let (first, last) =
                range.to_str().unwrap().strip_prefix("bytes=").unwrap().split_once('-').unwrap();
            let last: usize = last.parse().unwrap();
            first.parse().unwrap()..(last + 1).min(self.bytes.len())
        });
        let mut reply = match range {
            Some(range) => response(StatusCode::PARTIAL_CONTENT, self.bytes.slice(range)),
            None => response(StatusCode::OK, self.bytes.clone()),
        };
        reply.headers_mut().insert(header::ETAG, self.tag.parse().unwrap());
        reply
    }
}

fn prefix_of(query: &str) -> Option<&str> {
    query.split('&').find_map(|pair| pair.strip_prefix("prefix="))
}

fn response(status: StatusCode, body: Bytes) -> Response<Body> {
    Response::builder().status(status).body(body.into()).unwrap()
}

/// With `%2F` and its like as what they stand for.
fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut decoded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        decoded.push(char::from(u8::from_str_radix(&part[..2], 16).unwrap()));
        decoded.push_str(&part[2..]);
    }
    decoded
}
