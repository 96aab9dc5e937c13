//! Single calls over HTTP, or HTTPS.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use sabot_core::{Error, Result, chain};

use super::{Login, RegistryOptions};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// What a registry speaks.
pub(super) const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";

/// Makes calls.
#[derive(Clone)]
pub(super) struct Http(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// What came of a call.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

/// The parts of a URL.
pub(super) struct Address<'u> {
    scheme: &'u str,
    login: Option<&'u str>,
    /// With the path, without a `/` at its end.
    host: &'u str,
}

impl<'u> Address<'u> {
    /// The parts of a URL of a registry; none of what is no such URL.
    pub(super) fn parse(url: &'u str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let end = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let login = authority.rsplit_once('@').map(|(login, _)| login);
        let host = &rest[login.map_or(0, |login| login.len() + 1)..];
        let is_url = matches!(scheme, "http" | "https")
            && host.len() > path.len()
            && format!("{scheme}://{host}").parse::<http::Uri>().is_ok();
        is_url.then(|| Self { scheme, login, host: host.trim_end_matches('/') })
    }

    /// Without who logs in.
    pub(super) fn shown(&self) -> String {
        format!("{}://{}", self.scheme, self.host)
    }
}

impl Http {
    pub(super) fn new(options: &RegistryOptions) -> Result<Self> {
        let mut tcp = HttpConnector::new();
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        tcp.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls(options)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Ok(Self(Client::builder(TokioExecutor::new()).build(connector)))
    }

    /// Sends a body, or asks for one without it, below a URL; or why there is no answer.
    pub(super) async fn call(
        &self,
        url: &str,
        path: &[String],
        login: &Login,
        body: Option<Bytes>,
    ) -> std::result::Result<Answer, String> {
        let address = Address::parse(url).ok_or_else(|| format!("'{url}' is no address"))?;
        let mut uri = address.shown();
        for part in path {
            uri.push('/');
            encode(part, &mut uri);
        }
        let method = if body.is_some() { "POST" } else { "GET" };
        let mut request = Request::builder().method(method).uri(uri).header("accept", MEDIA_TYPE);
        if body.is_some() {
            request = request.header("content-type", MEDIA_TYPE);
        }
        let basic = |login: String| format!("Basic {}", BASE64_STANDARD.encode(login));
        let who = match (login, address.login) {
            (Login::Basic { user, password }, _) => Some(basic(format!("{user}:{password}"))),
            (Login::Bearer(token), _) => Some(format!("Bearer {token}")),
            (Login::Url, login) => login.map(|login| basic(login.to_owned())),
        };
        if let Some(who) = who {
            request = request.header("authorization", who);
        }
        let request = request.body(Full::new(body.unwrap_or_default())).map_err(|e| chain(&e))?;
        let answer = async {
            let answer = self.0.request(request).await.map_err(|error| chain(&error))?;
            let status = answer.status();
            let body = answer.into_body().collect().await.map_err(|error| chain(&error))?;
            Ok(Answer { status, body: body.to_bytes() })
        };
        let late = |_| Err(format!("there was no answer for {} s", CALL_TIMEOUT.as_secs()));
        tokio::time::timeout(CALL_TIMEOUT, answer).await.unwrap_or_else(late)
    }
}

/// Appends a part of a path, in which only letters, digits and a few signs stand for themselves.
fn encode(part: &str, out: &mut String) {
    use std::fmt::Write as _;
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("writing to memory does not fail");
        }
    }
}

fn tls(options: &RegistryOptions) -> Result<ClientConfig> {
    let option = |store: &str| format!("{}ssl.{store}.location", options.prefix);
    let wrong = |store: &str, file: &String, error: &dyn std::error::Error| {
        let name = option(store);
        Error::user(format!("'{name}' = '{file}' is no file in PEM that can be read: {error}"))
    };
    let certificates = |store: &str, file: &String| -> Result<Vec<CertificateDer<'static>>> {
        let found = CertificateDer::pem_file_iter(file).map_err(|e| wrong(store, file, &e))?;
        found.collect::<std::result::Result<_, _>>().map_err(|error| wrong(store, file, &error))
    };
    let mut roots = RootCertStore::empty();
    let is_secure = options.urls.iter().any(|url| url.starts_with("https"));
    if let Some(file) = &options.trusted {
        for certificate in certificates("truststore", file)? {
            roots.add(certificate).map_err(|error| wrong("truststore", file, &error))?;
        }
    } else if is_secure {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::external("preparing TLS", error))?
        .with_root_certificates(roots);
    let Some(file) = &options.own else { return Ok(config.with_no_client_auth()) };
    let key = PrivateKeyDer::from_pem_file(file).map_err(|e| wrong("keystore", file, &e))?;
    config
        .with_client_auth_cert(certificates("keystore", file)?, key)
        .map_err(|error| wrong("keystore", file, &error))
}
