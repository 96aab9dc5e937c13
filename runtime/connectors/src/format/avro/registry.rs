//! The schema registry, which has the schemas of `avro-confluent` by their ids: its options and the two
//! calls that are made of it.
//!
//! A call that finds nobody, or an error of the registry's own, is made again a few times. What the
//! registry refuses is the user's to correct.

mod http_client;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::channel::oneshot;
use http::StatusCode;
use sabot_core::{Env, Error, Result};
use serde::Deserialize;
use serde_json::json;

use self::http_client::{Answer, Http};
use crate::options::{OptionError, Options};

/// How often a call is made before it has failed.
const ATTEMPTS: u32 = 6;
/// The wait before the second of these; it doubles.
const RETRY_WAIT: Duration = Duration::from_millis(200);
/// How much of an answer that is not understood is told.
const TOLD_MAX: usize = 300;

/// Where the registry is and who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RegistryOptions {
    /// What the options' names begin with, for messages.
    prefix: String,
    /// One after the other is asked.
    urls: Vec<String>,
    pub(super) subject: Option<String>,
    pub(super) schema: Option<String>,
    login: Login,
    /// Files in PEM: the certificates that are trusted, and a key with its certificate.
    trusted: Option<String>,
    own: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Login {
    /// None, or what the URL says.
    Url,
    Basic {
        user: String,
        password: String,
    },
    Bearer(String),
}

impl RegistryOptions {
    /// Reads the options, whose names begin with `prefix`, such as `value.avro-confluent.`.
    pub(super) fn read(options: &Options<'_>, prefix: &str) -> Result<Self, OptionError> {
        let either = |option: &str| {
            let old = format!("{prefix}schema-registry.{option}");
            let name = format!("{prefix}{option}");
            if options.get(&name).is_none() && options.get(&old).is_some() { old } else { name }
        };
        let (url, schema) = (either("url"), either("schema"));
        let expected = "the registry's address, such as 'http://host:8081'";
        let urls = options.required(&url, expected)?.split(',').map(str::trim);
        let urls: Vec<String> = urls.map(|url| url.trim_end_matches('/').to_owned()).collect();
        if !urls.iter().all(|url| http_client::Address::parse(url).is_some()) {
            return Err(options.bad(&url, expected));
        }
        let text = options.get(&schema);
        if let Some(Err(reason)) = text.map(|text| super::resolve::resolve(text, &[])) {
            return Err(options.bad(&schema, format!("the Avro schema of a record: {reason}")));
        }
        let pem = |store: &str| {
            let name = format!("{prefix}ssl.{store}.location");
            let file = options.get(&name);
            let ends =
                |end: &str| file.is_some_and(|file| file.to_ascii_lowercase().ends_with(end));
            if [".jks", ".p12", ".pfx"].into_iter().any(ends) {
                return Err(options.bad(
                    &name,
                    "a file in PEM: 'keytool -list -rfc -keystore FILE' writes the certificates of a \
                     store, 'openssl pkcs12 -nodes' a key with its own",
                ));
            }
            Ok(file.map(str::to_owned))
        };
        Ok(Self {
            prefix: prefix.to_owned(),
            urls,
            subject: options.get(&either("subject")).map(str::to_owned),
            schema: text.map(str::to_owned),
            login: login(options, prefix)?,
            trusted: pem("truststore")?,
            own: pem("keystore")?,
        })
    }
}

fn login(options: &Options<'_>, prefix: &str) -> Result<Login, OptionError> {
    let name = |option: &str| format!("{prefix}{option}");
    let (source, info) = (name("basic-auth.credentials-source"), name("basic-auth.user-info"));
    let (bearer, token) = (name("bearer-auth.credentials-source"), name("bearer-auth.token"));
    let of_url = options.one_of(&source, &[("USER_INFO", false), ("URL", true)])?;
    options.one_of(&bearer, &[("STATIC_TOKEN", ())])?;
    if options.get(&bearer).or(options.get(&token)).is_some() {
        let token = options.required(&token, "the token")?;
        return Ok(Login::Bearer(token.to_owned()));
    }
    if of_url == Some(true) || (of_url.is_none() && options.get(&info).is_none()) {
        return Ok(Login::Url);
    }
    let expected = "the user and the password: 'user:password'";
    let (user, password) = options
        .required(&info, expected)?
        .split_once(':')
        .ok_or_else(|| options.bad(&info, expected))?;
    Ok(Login::Basic { user: user.to_owned(), password: password.to_owned() })
}

/// A schema as the registry has it, or why its records cannot be read.
pub(super) type Found = std::result::Result<String, String>;

/// A registry.
#[derive(Clone)]
pub(super) struct Registry {
    http: Http,
    options: Arc<RegistryOptions>,
    env: Env,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Registry").field(&self.options.urls).finish()
    }
}

/// What a registry answers to a schema's id.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    schema: String,
    schema_type: Option<String>,
    #[serde(default)]
    references: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Registered {
    id: u32,
}

/// What a registry says is wrong.
#[derive(Deserialize)]
struct Refused {
    #[serde(default)]
    error_code: u32,
    message: String,
}

/// Why a call brought nothing.
enum Fault {
    /// It may the next time.
    Passing(String),
    /// The status, the registry's own code and its words.
    Refused(StatusCode, u32, String),
}

impl Registry {
    pub(super) fn new(options: &RegistryOptions, env: &Env) -> Result<Self> {
        let http = Http::new(options)?;
        Ok(Self { http, options: Arc::new(options.clone()), env: env.clone() })
    }

    /// The schema under an id. For threads that may block.
    pub(super) fn schema_blocking(&self, id: u32) -> Result<Found> {
        let registry = self.clone();
        futures::executor::block_on(self.beside(async move { registry.schema(id).await }))
    }

    async fn schema(&self, id: u32) -> Result<Found> {
        let action = format!("asking for schema {id}");
        let path = ["schemas", "ids", &id.to_string()].map(str::to_owned);
        let found: Entry = match self.call(&path, None).await {
            Ok(found) => found,
            // Also that the registry knows no such path, which is then no registry.
            Err(Fault::Refused(StatusCode::NOT_FOUND, 40403, _)) => {
                return Ok(Err(format!("the schema registry {} does not know it", self.urls())));
            }
            Err(fault) => return Err(self.failed(&action, fault)),
        };
        Ok(match found.schema_type.as_deref() {
            None | Some("AVRO") if found.references.is_empty() => Ok(found.schema),
            None | Some("AVRO") => {
                Err("it refers to other schemas, which is not supported".to_owned())
            }
            Some(other) => Err(format!("it is one of {other}, and not of AVRO")),
        })
    }

    /// The id of a schema under a subject, under which it is afterwards.
    pub(super) async fn register(&self, subject: &str, schema: &str) -> Result<u32> {
        let action = format!("registering the schema of subject '{subject}'");
        let path = ["subjects", subject, "versions"].map(str::to_owned);
        let body = json!({ "schema": schema }).to_string();
        let registry = self.clone();
        let call = async move { registry.call(&path, Some(body)).await.map_err(|f| (registry, f)) };
        match self.beside(call.map(Ok)).await? {
            Ok(Registered { id }) => Ok(id),
            Err((registry, fault)) => Err(registry.failed(&action, fault)),
        }
    }

    /// Runs a call as a task, since its caller need not be one.
    async fn beside<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let (done, result) = oneshot::channel();
        let task = async move { drop(done.send(call.await)) };
        self.env.tasks.spawn("schema-registry", task.boxed());
        let ended = |_| Err(Error::external("asking the schema registry", "the task ended early"));
        result.await.unwrap_or_else(ended)
    }

    /// Makes a call of each registry in turn, as often as it may help.
    async fn call<T: for<'de> Deserialize<'de>>(
        &self,
        path: &[String],
        body: Option<String>,
    ) -> std::result::Result<T, Fault> {
        let mut wait = RETRY_WAIT;
        let mut attempt = 1;
        loop {
            let mut last = Fault::Passing(String::new());
            for url in &self.options.urls {
                match self.call_once(url, path, body.clone()).await {
                    Err(fault @ Fault::Passing(_)) => last = fault,
                    other => return other,
                }
            }
            let Fault::Passing(reason) = &last else { return Err(last) };
            if attempt == ATTEMPTS {
                return Err(last);
            }
            tracing::warn!(reason, ?wait, "the schema registry gave no answer, trying again");
            self.env.clock.sleep(wait).await;
            wait *= 2;
            attempt += 1;
        }
    }

    async fn call_once<T: for<'de> Deserialize<'de>>(
        &self,
        url: &str,
        path: &[String],
        body: Option<String>,
    ) -> std::result::Result<T, Fault> {
        let body = body.map(Bytes::from);
        let answer = self.http.call(url, path, &self.options.login, body).await;
        let Answer { status, body } = answer.map_err(Fault::Passing)?;
        let text = || String::from_utf8_lossy(&body).chars().take(TOLD_MAX).collect::<String>();
        if status.is_success() {
            let other =
                |_| Fault::Refused(status, 0, format!("no answer of a registry: {}", text()));
            return serde_json::from_slice(&body).map_err(other);
        }
        let (code, message) = match serde_json::from_slice(&body) {
            Ok(Refused { error_code, message }) => (error_code, message),
            Err(_) => (0, text()),
        };
        match status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            true => Err(Fault::Passing(format!("{status}: {message}"))),
            false => Err(Fault::Refused(status, code, message)),
        }
    }

    /// The addresses, without who logs in.
    fn urls(&self) -> String {
        let shown = |url: &String| http_client::Address::parse(url).map(|address| address.shown());
        self.options.urls.iter().filter_map(shown).collect::<Vec<_>>().join(", ")
    }

    fn failed(&self, action: &str, fault: Fault) -> Error {
        let (urls, prefix) = (self.urls(), &self.options.prefix);
        let what = format!("{action} at the schema registry {urls}");
        match fault {
            Fault::Passing(reason) => Error::external(what, reason),
            Fault::Refused(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _, message) => {
                Error::user(format!(
                    "{what} was refused: {message}; say who asks in '{prefix}basic-auth.user-info' \
                     (with '{prefix}basic-auth.credentials-source' = 'USER_INFO') or \
                     '{prefix}bearer-auth.token'"
                ))
            }
            Fault::Refused(StatusCode::CONFLICT, _, message) => Error::user(format!(
                "{what} was refused: {message}; give the new columns no NOT NULL, use another \
                 '{prefix}subject', or change what the registry takes as compatible"
            )),
            Fault::Refused(status, _, message) => {
                Error::user(format!("{what} was refused: {status}: {message}; see '{prefix}url'"))
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
