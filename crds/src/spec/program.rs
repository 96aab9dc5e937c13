//! What a job computes.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// What a job computes.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Program {
    /// Statements of Flink SQL.
    pub sql: SqlProgram,
}

impl Program {
    /// A program whose text is in the manifest.
    pub fn inline(sql: impl Into<String>) -> Self {
        Self { sql: SqlProgram { inline: Some(sql.into()), config_map_ref: None } }
    }
}

/// Where the statements are: exactly one of the two.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, KubeSchema)]
#[x_kube(validation = Rule::new("has(self.inline) != has(self.configMapRef)")
    .message("give exactly one of inline and configMapRef"))]
#[serde(rename_all = "camelCase")]
pub struct SqlProgram {
    /// The statements themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 262_144))]
    pub inline: Option<String>,
    /// A key of a ConfigMap in the job's namespace; a change of its content is an upgrade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map_ref: Option<ConfigMapKeyRef>,
}

/// A key of a ConfigMap.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigMapKeyRef {
    /// The ConfigMap's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The key whose value is the text.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}
