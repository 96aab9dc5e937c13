use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use arrow::datatypes::DataType;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::super::AvroOptions;
use super::http_client::MEDIA_TYPE;
use super::*;
use crate::testing::{RUNTIME, env, options, schema};

/// A registry that a test runs: schemas have ids from 1, the same schema the same one.
#[derive(Clone, Default)]
pub(crate) struct TestRegistry(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    url: String,
    schemas: Vec<Value>,
    subjects: Vec<(String, u32)>,
    /// What the next calls are answered with.
    faults: VecDeque<(u16, Value)>,
    /// What was called, and by whom.
    calls: Vec<(String, Option<String>)>,
}

impl TestRegistry {
    pub(crate) fn start() -> Self {
        let registry = Self::default();
        let routes = axum::Router::new()
            .route("/subjects/{subject}/versions", post(register))
            .route("/schemas/ids/{id}", get(schema_of_id))
            .with_state(registry.clone());
        let listener = RUNTIME.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        registry.0.lock().unwrap().url = format!("http://{address}");
        RUNTIME.spawn(async move { axum::serve(listener, routes).await.unwrap() });
        registry
    }

    pub(crate) fn url(&self) -> String {
        self.0.lock().unwrap().url.clone()
    }

    /// Has it know a schema; its id.
    pub(crate) fn add(&self, schema: &str) -> u32 {
        self.add_whole(json!({ "schema": schema }))
    }

    fn add_whole(&self, schema: Value) -> u32 {
        let mut inner = self.0.lock().unwrap();
        let found = inner.schemas.iter().position(|known| *known == schema);
        let index = found.unwrap_or_else(|| {
            inner.schemas.push(schema);
            inner.schemas.len() - 1
        });
        index as u32 + 1
    }

    pub(crate) fn fail(&self, status: u16, code: u32, message: &str) {
        let body = json!({"error_code": code, "message": message});
        self.0.lock().unwrap().faults.push_back((status, body));
    }

    pub(crate) fn subjects(&self) -> Vec<(String, u32)> {
        self.0.lock().unwrap().subjects.clone()
    }

    pub(crate) fn schema(&self, id: u32) -> Value {
        let inner = self.0.lock().unwrap();
        let text = inner.schemas[id as usize - 1]["schema"].as_str().unwrap();
        serde_json::from_str(text).unwrap()
    }

    fn calls(&self) -> Vec<(String, Option<String>)> {
        self.0.lock().unwrap().calls.clone()
    }

    /// Notes a call; how it fails, if it does.
    fn called(&self, what: String, headers: &HeaderMap) -> Option<Response> {
        let mut inner = self.0.lock().unwrap();
        let who = headers.get("authorization").map(|who| who.to_str().unwrap().to_owned());
        inner.calls.push((what, who));
        let (status, body) = inner.faults.pop_front()?;
        Some((StatusCode::from_u16(status).unwrap(), Json(body)).into_response())
    }
}

async fn register(
    State(registry): State<TestRegistry>,
    Path(subject): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response {
    assert_eq!(headers["content-type"], MEDIA_TYPE);
    if let Some(fault) = registry.called(format!("POST {subject}"), &headers) {
        return fault;
    }
    let body: Value = serde_json::from_str(&body).unwrap();
    let id = registry.add(body["schema"].as_str().unwrap());
    registry.0.lock().unwrap().subjects.push((subject, id));
    Json(json!({ "id": id })).into_response()
}

async fn schema_of_id(
    State(registry): State<TestRegistry>,
    Path(id): Path<u32>,
    headers: HeaderMap,
) -> Response {
    if let Some(fault) = registry.called(format!("GET {id}"), &headers) {
        return fault;
    }
    let known = registry.0.lock().unwrap().schemas.get(id as usize - 1).cloned();
    match known {
        Some(schema) => Json(schema).into_response(),
        None => {
            let body = json!({"error_code": 40403, "message": "Schema not found"});
            (StatusCode::NOT_FOUND, Json(body)).into_response()
        }
    }
}

const SCHEMA: &str =
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":["null","int"]}]}"#;

fn read(pairs: &[(&str, &str)]) -> Result<RegistryOptions, String> {
    let map = options(pairs);
    let options = Options { table: "t", map: &map };
    RegistryOptions::read(&options, "avro-confluent.").map_err(|error| error.to_string())
}

fn of(url: &str, pairs: &[(&str, &str)]) -> Registry {
    let pairs = [&[("avro-confluent.url", url)], pairs].concat();
    Registry::new(&read(&pairs).unwrap(), &env()).unwrap()
}

fn register_at(registry: &Registry, subject: &str) -> Result<u32, String> {
    RUNTIME.block_on(registry.register(subject, SCHEMA)).map_err(|error| error.chain())
}

#[test]
fn a_schema_is_registered_under_its_subject_and_found_by_its_id() {
    let server = TestRegistry::start();
    let registry = of(&server.url(), &[]);
    let id = register_at(&registry, "a topic/with ü-value").unwrap();
    assert_eq!(server.subjects(), [("a topic/with ü-value".to_owned(), id)]);
    assert_eq!(registry.schema_blocking(id).unwrap(), Ok(SCHEMA.to_owned()));
    assert_eq!(register_at(&registry, "other"), Ok(id));
}

#[test]
fn the_subject_of_a_table_is_that_of_its_topic_or_the_option() {
    let server = TestRegistry::start();
    let columns = schema(&[("a", DataType::Int32)]);
    for (pairs, subject) in
        [(vec![], "orders-value"), (vec![("avro-confluent.subject", "mine")], "mine")]
    {
        let url = server.url();
        let pairs = [&[("avro-confluent.url", url.as_str())], pairs.as_slice()].concat();
        let map = options(&pairs);
        let mut avro =
            AvroOptions::read_confluent(&Options { table: "t", map: &map }, "avro-confluent.")
                .unwrap();
        RUNTIME.block_on(avro.register(&env(), "orders-value", &columns)).unwrap();
        let (registered, id) = server.subjects().pop().unwrap();
        assert_eq!((registered.as_str(), avro.id), (subject, Some(id)));
        assert_eq!(server.schema(id)["name"], "record");
    }
}

#[test]
fn what_may_pass_is_tried_again_and_what_is_refused_is_not() {
    let server = TestRegistry::start();
    let registry = of(&server.url(), &[]);
    server.fail(500, 50001, "store is away");
    server.fail(503, 50003, "no leader");
    server.fail(429, 429, "too many");
    assert_eq!(register_at(&registry, "s"), Ok(1));
    assert_eq!(server.calls().len(), 4);

    server.fail(409, 409, "incompatible with version 1");
    let error = register_at(&registry, "s").unwrap_err();
    assert!(
        error.contains("subject 's'") && error.contains("incompatible with version 1"),
        "{error}"
    );
    server.fail(401, 401, "who are you");
    let error = registry.schema_blocking(1).unwrap_err();
    assert!(matches!(error, Error::User { .. }), "{error}");
    assert!(error.chain().contains("'avro-confluent.basic-auth.user-info'"), "{error}");
    assert_eq!(server.calls().len(), 6);
}

#[test]
fn a_registry_that_stays_away_is_an_outside_failure_that_names_it() {
    let server = TestRegistry::start();
    for _ in 0..ATTEMPTS {
        server.fail(500, 50001, "store is away");
    }
    let error = of(&server.url(), &[]).schema_blocking(1).unwrap_err();
    assert!(matches!(error, Error::External { .. }), "{error}");
    assert!(
        error.chain().contains("store is away") && error.chain().contains(&server.url()),
        "{error}"
    );
    assert_eq!(server.calls().len(), ATTEMPTS as usize);

    // Nobody listens.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = of(&format!("http://127.0.0.1:{port}"), &[]).schema_blocking(1).unwrap_err();
    assert!(matches!(error, Error::External { .. }), "{error}");
    assert!(error.chain().contains("refused"), "{}", error.chain());
}

#[test]
fn of_several_registries_one_that_answers_is_enough() {
    let server = TestRegistry::start();
    let id = server.add(SCHEMA);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let registry = of(&format!("http://127.0.0.1:{port}, {}/", server.url()), &[]);
    assert_eq!(registry.schema_blocking(id).unwrap(), Ok(SCHEMA.to_owned()));
}

#[test]
fn what_is_no_schema_of_avro_says_why() {
    let server = TestRegistry::start();
    let registry = of(&server.url(), &[]);
    let found = registry.schema_blocking(7).unwrap().unwrap_err();
    assert!(found.contains("does not know it"), "{found}");
    let proto = server.add_whole(json!({"schema": "syntax = 3", "schemaType": "PROTOBUF"}));
    let found = registry.schema_blocking(proto).unwrap().unwrap_err();
    assert!(found.contains("PROTOBUF"), "{found}");
    let references = json!([{"name": "x", "subject": "x", "version": 1}]);
    let other = server.add_whole(json!({"schema": SCHEMA, "references": references}));
    let found = registry.schema_blocking(other).unwrap().unwrap_err();
    assert!(found.contains("refers to other schemas"), "{found}");
}

#[test]
fn who_asks_is_told() {
    let server = TestRegistry::start();
    let id = server.add(SCHEMA);
    let with_login = server.url().replace("http://", "http://u:p@");
    let basic = "Basic dTpw";
    for (url, pairs, expected) in [
        (server.url(), vec![], None),
        (with_login, vec![], Some(basic)),
        (
            server.url(),
            vec![
                ("avro-confluent.basic-auth.credentials-source", "USER_INFO"),
                ("avro-confluent.basic-auth.user-info", "u:p"),
            ],
            Some(basic),
        ),
        (
            server.url(),
            vec![
                ("avro-confluent.bearer-auth.credentials-source", "STATIC_TOKEN"),
                ("avro-confluent.bearer-auth.token", "t"),
            ],
            Some("Bearer t"),
        ),
    ] {
        of(&url, &pairs).schema_blocking(id).unwrap().unwrap();
        let (_, who) = server.calls().pop().unwrap();
        assert_eq!(who.as_deref(), expected);
    }
}

#[test]
fn options_are_refused_with_what_would_be_right() {
    let url = ("avro-confluent.url", "http://registry:8081");
    for (pairs, expected) in [
        (vec![], "option 'avro-confluent.url' is missing"),
        (vec![("avro-confluent.url", "registry:8081")], "such as 'http://host:8081'"),
        (vec![url, ("avro-confluent.schema", "{")], "'avro-confluent.schema'"),
        (vec![url, ("avro-confluent.schema", "\"int\"")], "not that of a record"),
        (
            vec![url, ("avro-confluent.basic-auth.credentials-source", "SASL_INHERIT")],
            "'USER_INFO' or 'URL'",
        ),
        (
            vec![url, ("avro-confluent.basic-auth.credentials-source", "USER_INFO")],
            "'avro-confluent.basic-auth.user-info' is missing",
        ),
        (vec![url, ("avro-confluent.basic-auth.user-info", "me")], "'user:password'"),
        (
            vec![url, ("avro-confluent.bearer-auth.credentials-source", "STATIC_TOKEN")],
            "'avro-confluent.bearer-auth.token' is missing",
        ),
        (vec![url, ("avro-confluent.ssl.truststore.location", "ca.JKS")], "keytool -list -rfc"),
    ] {
        let error = read(&pairs).unwrap_err();
        assert!(error.contains(expected), "{pairs:?}: {error}");
    }
    // A secret is in no message.
    let error = read(&[url, ("avro-confluent.basic-auth.user-info", "hidden")]).unwrap_err();
    assert!(!error.contains("hidden"), "{error}");
    let old = read(&[("avro-confluent.schema-registry.url", "http://registry:8081/")]).unwrap();
    assert_eq!(old.urls, ["http://registry:8081"]);
}
