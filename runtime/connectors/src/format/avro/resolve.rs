//! The schema that a record was written with, made ready for the library below: names inlined, and beside
//! it the part of the schema that is read.
//!
//! Avro's libraries for Java, and so Flink, find the parts of a record by the names of its fields alone,
//! while the one below compares the names of records too, and reads a type that is named a second time
//! as the first was read. So each named type stands where it is used, under a name of its own. Logical
//! types that mean nothing here are left out.

use std::collections::HashMap;

use arrow::datatypes::{DataType, FieldRef};
use serde_json::{Map, Value, json};

/// A schema as it was written and as it is read.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) writer: Value,
    pub(super) reader: Value,
}

/// Resolves a schema; of its record's fields those that `wanted` names are read.
pub(super) fn resolve(schema: &str, wanted: &[FieldRef]) -> Result<Resolved, String> {
    let parsed: Value =
        serde_json::from_str(schema).map_err(|error| format!("the schema is no JSON: {error}"))?;
    let wanted = DataType::Struct(wanted.to_vec().into());
    let mut names = Names::default();
    let Both { writer, reader } = names.walk(&parsed, "", Some(&wanted))?;
    if writer["type"] != "record" {
        return Err("the schema is not that of a record".to_owned());
    }
    Ok(Resolved { writer, reader })
}

/// A type as it was written and as it is read.
struct Both {
    writer: Value,
    reader: Value,
}

impl Both {
    fn same(schema: Value) -> Self {
        Self { reader: schema.clone(), writer: schema }
    }

    fn map(self, with: impl Fn(Value) -> Value) -> Self {
        Self { writer: with(self.writer), reader: with(self.reader) }
    }
}

/// The named types that have come, by their whole names, and where they stood.
#[derive(Default)]
struct Names<'s> {
    known: HashMap<String, (&'s Map<String, Value>, String)>,
    /// Those within which the walk is.
    open: Vec<String>,
    given: usize,
}

impl<'s> Names<'s> {
    fn walk(
        &mut self,
        schema: &'s Value,
        namespace: &str,
        wanted: Option<&DataType>,
    ) -> Result<Both, String> {
        match schema {
            Value::String(name) => self.named(name, namespace, wanted),
            Value::Array(branches) => {
                let (mut writer, mut reader) = (Vec::new(), Vec::new());
                for branch in branches {
                    let both = self.walk(branch, namespace, wanted)?;
                    writer.push(both.writer);
                    reader.push(both.reader);
                }
                Ok(Both { writer: Value::Array(writer), reader: Value::Array(reader) })
            }
            Value::Object(object) => match object.get("type") {
                Some(Value::String(name)) => self.object(object, name, namespace, wanted),
                Some(within) => self.walk(within, namespace, wanted),
                None => Err(format!("the schema has a type without a name: {schema}")),
            },
            other => Err(format!("the schema has a type that is none: {other}")),
        }
    }

    /// A type that is named alone.
    fn named(
        &mut self,
        name: &str,
        namespace: &str,
        wanted: Option<&DataType>,
    ) -> Result<Both, String> {
        if is_primitive(name) {
            let no_attributes = Map::new();
            return Ok(Both::same(plain(&no_attributes, name, wanted)));
        }
        let whole = whole_name(name, namespace);
        let found = self.known.get(&whole).or_else(|| self.known.get(name)).cloned();
        let Some((object, namespace)) = found else {
            return Err(format!("the schema does not say what '{whole}' is"));
        };
        let kind = object.get("type").and_then(Value::as_str).unwrap_or_default();
        self.object(object, kind, &namespace, wanted)
    }

    fn object(
        &mut self,
        object: &'s Map<String, Value>,
        kind: &str,
        namespace: &str,
        wanted: Option<&DataType>,
    ) -> Result<Both, String> {
        let part = |name: &str| {
            object.get(name).ok_or_else(|| format!("the schema has '{kind}' without '{name}'"))
        };
        match kind {
            "array" => {
                let item = match wanted {
                    Some(DataType::List(item)) => Some(item.data_type()),
                    _ => None,
                };
                let items = self.walk(part("items")?, namespace, item)?;
                Ok(items.map(|items| json!({"type": "array", "items": items})))
            }
            "map" => {
                let value = match wanted {
                    Some(DataType::Map(entries, _)) => match entries.data_type() {
                        DataType::Struct(parts) => parts.get(1).map(|value| value.data_type()),
                        _ => None,
                    },
                    _ => None,
                };
                let values = self.walk(part("values")?, namespace, value)?;
                Ok(values.map(|values| json!({"type": "map", "values": values})))
            }
            "record" | "error" | "enum" | "fixed" => {
                let name = part("name")?.as_str().unwrap_or_default();
                let within = object.get("namespace").and_then(Value::as_str).unwrap_or(namespace);
                let whole = whole_name(name, within);
                if self.open.contains(&whole) {
                    return Err(format!(
                        "the schema's type '{whole}' has itself within it, which cannot be read here"
                    ));
                }
                let within = whole.rsplit_once('.').map_or("", |(within, _)| within).to_owned();
                self.known.insert(whole.clone(), (object, namespace.to_owned()));
                self.given += 1;
                let own = format!("r{}", self.given);
                match kind {
                    "enum" => Ok(Both::same(
                        json!({"type": "enum", "name": own, "symbols": part("symbols")?}),
                    )),
                    "fixed" => {
                        let mut fixed = plain(object, "fixed", wanted);
                        fixed["name"] = json!(own);
                        fixed["size"] = part("size")?.clone();
                        Ok(Both::same(fixed))
                    }
                    _ => {
                        self.open.push(whole);
                        let record = self.record(part("fields")?, &own, &within, wanted);
                        self.open.pop();
                        record
                    }
                }
            }
            name if is_primitive(name) => Ok(Both::same(plain(object, name, wanted))),
            name => self.named(name, namespace, wanted),
        }
    }

    /// A record, of which those fields are read that are wanted.
    fn record(
        &mut self,
        fields: &'s Value,
        own: &str,
        namespace: &str,
        wanted: Option<&DataType>,
    ) -> Result<Both, String> {
        let wanted = match wanted {
            Some(DataType::Struct(fields)) => Some(fields),
            _ => None,
        };
        let (mut writer, mut reader) = (Vec::new(), Vec::new());
        for field in fields.as_array().map(Vec::as_slice).unwrap_or_default() {
            let (Some(name), Some(of)) = (field["name"].as_str(), field.get("type")) else {
                return Err(format!("the schema has a field without a name or a type: {field}"));
            };
            let column = wanted.and_then(|fields| fields.iter().find(|field| field.name() == name));
            let both = self.walk(of, namespace, column.map(|column| column.data_type()))?;
            writer.push(json!({"name": name, "type": both.writer}));
            if wanted.is_none() || column.is_some() {
                reader.push(json!({"name": name, "type": both.reader}));
            }
        }
        let record = |fields| json!({"type": "record", "name": own, "fields": fields});
        Ok(Both { writer: record(writer), reader: record(reader) })
    }
}

fn is_primitive(name: &str) -> bool {
    matches!(name, "null" | "boolean" | "int" | "long" | "float" | "double" | "bytes" | "string")
}

fn whole_name(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() {
        name.to_owned()
    } else {
        format!("{namespace}.{name}")
    }
}

/// A type without parts, with its logical type where it means something.
fn plain(object: &Map<String, Value>, name: &str, wanted: Option<&DataType>) -> Value {
    let logical = object.get("logicalType").and_then(Value::as_str).unwrap_or_default();
    let number = |name: &str| object.get(name).and_then(Value::as_u64);
    match (name, logical, wanted) {
        ("bytes" | "fixed", "decimal", _) if number("precision").is_some() => json!({
            "type": name,
            "logicalType": logical,
            "precision": number("precision"),
            "scale": number("scale").unwrap_or_default(),
        }),
        // As in Flink: bytes are the digits of the decimal that is wanted.
        ("bytes" | "fixed", _, Some(DataType::Decimal128(precision, scale))) => json!({
            "type": name, "logicalType": "decimal", "precision": precision, "scale": scale,
        }),
        ("int", "date" | "time-millis", _)
        | (
            "long",
            "time-micros"
            | "timestamp-millis"
            | "timestamp-micros"
            | "timestamp-nanos"
            | "local-timestamp-millis"
            | "local-timestamp-micros"
            | "local-timestamp-nanos",
            _,
        ) => json!({"type": name, "logicalType": logical}),
        ("fixed", ..) => json!({"type": name}),
        _ => json!(name),
    }
}
