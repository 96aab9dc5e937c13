//! Finds fields that the CRD's schema does not know.

use kube::CustomResourceExt;
use serde_json::Value;

use crate::{FieldError, StreamJob};

/// The fields of `manifest` that a StreamJob does not have.
pub(super) fn fields(manifest: &Value) -> Vec<FieldError> {
    let crd = serde_json::to_value(StreamJob::crd()).unwrap_or_default();
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    let mut errors = Vec::new();
    for (name, value) in manifest.as_object().into_iter().flatten() {
        match name.as_str() {
            "apiVersion" | "kind" | "metadata" => {}
            "spec" | "status" => {
                walk(&schema["properties"][name], value, name, &mut errors);
            }
            _ => errors.push(unknown(name, &["apiVersion", "kind", "metadata", "spec"])),
        }
    }
    errors
}

fn walk(schema: &Value, value: &Value, path: &str, errors: &mut Vec<FieldError>) {
    match value {
        Value::Object(fields) => {
            let Some(known) = schema["properties"].as_object() else {
                // A map with free keys, or a type that serde will refuse.
                return;
            };
            for (name, value) in fields {
                let path = format!("{path}.{name}");
                if let Some(schema) = known.get(name) {
                    walk(schema, value, &path, errors);
                } else {
                    let names: Vec<&str> = known.keys().map(String::as_str).collect();
                    errors.push(unknown(&path, &names));
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(&schema["items"], item, &format!("{path}[{index}]"), errors);
            }
        }
        _ => {}
    }
}

fn unknown(path: &str, known: &[&str]) -> FieldError {
    let name = path.rsplit('.').next().unwrap_or(path);
    let closest = known.iter().min_by_key(|candidate| distance(name, candidate));
    let hint = match closest {
        Some(closest) if distance(name, closest) <= 3 => format!("did you mean {closest}?"),
        _ => format!("the fields here are {}", known.join(", ")),
    };
    FieldError { path: path.to_owned(), problem: format!("unknown field; {hint}") }
}

/// Levenshtein's distance, case ignored.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.to_lowercase().chars().collect();
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let changed = diagonal + usize::from(left != right);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}
