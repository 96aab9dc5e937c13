//! The rules of the repository that a compiler cannot keep: layers, sizes, links.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The crates of each layer, lowest first; a crate imports only crates of lower layers.
const LAYERS: &[&[&str]] = &[
    &["sabot-types"],
    &["sabot-core", "sabot-api"],
    &["sabot-state", "sabot-snapshot", "sabot-net"],
    &["sabot-ops", "sabot-connectors", "sabot-sql"],
    &["sabot-coordinator", "sabot-worker"],
    &["sabot-cli"],
];

/// Crates of others that only these crates of ours may use.
const FIREWALLS: &[(&str, &[&str])] = &[
    ("kube", &["sabot-crds", "sabot-controller", "sabot-e2e"]),
    ("rocksdb", &["sabot-state"]),
    ("rdkafka", &["sabot-connectors", "sabot-e2e"]),
    ("aws-sdk-s3", &["sabot-snapshot", "sabot-e2e"]),
    ("datafusion", &["sabot-sql", "sabot-ops", "sabot-tests"]),
];

/// Lines that a source file has at most.
const FILE_LINES_MAX: usize = 520;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ has a parent").to_path_buf()
}

/// All files that git tracks or would track, with these endings.
fn files(endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder can be read") {
            let path = entry.expect("the entry can be read").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() {
                if !name.starts_with('.') && name != "target" && name != "node_modules" {
                    folders.push(path);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// For each of our crates the names of its dependencies (not those of its tests).
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let mut all = BTreeMap::new();
    for manifest in files(&["Cargo.toml"]) {
        let text = fs::read_to_string(&manifest).expect("the manifest can be read");
        let Some(name) = text.lines().find_map(|line| line.strip_prefix("name = ")) else {
            continue;
        };
        let mut section = "";
        let mut names = BTreeSet::new();
        for line in text.lines() {
            if line.starts_with('[') {
                section = line;
            } else if section == "[dependencies]"
                && let Some(name) = line.split(['.', ' ', '=']).next().filter(|n| !n.is_empty())
            {
                names.insert(name.to_string());
            }
        }
        all.insert(name.trim_matches('"').to_string(), names);
    }
    all
}

#[test]
fn no_crate_imports_its_own_layer_or_a_higher_one() {
    let layer = |name: &str| LAYERS.iter().position(|crates| crates.contains(&name));
    let mut wrong = Vec::new();
    for (name, imports) in dependencies() {
        let Some(mine) = layer(&name) else { continue };
        for import in imports {
            if layer(&import).is_some_and(|theirs| theirs >= mine) {
                wrong.push(format!("{name} imports {import}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_runtime_crate_has_a_layer() {
    let known: BTreeSet<&str> = LAYERS.iter().flat_map(|layer| layer.iter().copied()).collect();
    let elsewhere = ["sabot-crds", "sabot-controller", "sabot-tests", "sabot-e2e"];
    for name in dependencies().keys() {
        assert!(
            known.contains(name.as_str()) || elsewhere.contains(&name.as_str()),
            "{name} has no layer"
        );
    }
}

#[test]
fn the_controller_sees_only_crds_types_and_api() {
    let all = dependencies();
    let allowed = ["sabot-crds", "sabot-types", "sabot-api"];
    for import in all["sabot-controller"].iter().filter(|name| name.starts_with("sabot-")) {
        assert!(allowed.contains(&import.as_str()), "the controller imports {import}");
    }
    let crds = &all["sabot-crds"];
    assert!(!crds.iter().any(|name| name.starts_with("sabot-")), "crds imports one of our crates");
}

#[test]
fn heavy_dependencies_stay_behind_their_firewalls() {
    let mut wrong = Vec::new();
    for (name, imports) in dependencies() {
        for (dependency, allowed) in FIREWALLS {
            let uses =
                imports.iter().any(|i| i == dependency || i.starts_with(&format!("{dependency}-")));
            if uses && !allowed.contains(&name.as_str()) {
                wrong.push(format!("{name} imports {dependency}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn prometheus_is_only_in_files_named_metrics() {
    for file in files(&[".rs"]) {
        let text = fs::read_to_string(&file).expect("the file can be read");
        let uses = text.contains("use prometheus::") || text.contains(" prometheus::");
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let own = file.ends_with("tests/it/tidy.rs");
        assert!(!uses || own || name == "metrics.rs", "{} uses prometheus", file.display());
    }
}

#[test]
fn source_files_are_not_too_long() {
    let mut long = Vec::new();
    for file in files(&[".rs"]) {
        let lines = fs::read_to_string(&file).expect("the file can be read").lines().count();
        if lines > FILE_LINES_MAX {
            long.push(format!("{}: {lines} lines", file.display()));
        }
    }
    assert!(long.is_empty(), "split these: {long:#?}");
}

#[test]
fn links_in_documents_lead_somewhere() {
    let mut broken = Vec::new();
    for file in files(&[".md"]) {
        let text = fs::read_to_string(&file).expect("the file can be read");
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = target.split('#').next().unwrap_or_default();
            let local = !target.is_empty() && !target.contains("://") && !target.contains('@');
            let folder = file.parent().expect("a file has a folder");
            if local && !folder.join(target).exists() {
                broken.push(format!("{}: {target}", file.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_rust_file_says_what_it_is_for() {
    let mut silent = Vec::new();
    for file in files(&[".rs"]) {
        let text = fs::read_to_string(&file).expect("the file can be read");
        let test =
            file.ends_with("tests.rs") || file.components().any(|c| c.as_os_str() == "tests");
        if !text.starts_with("//!") && !test {
            silent.push(file.display().to_string());
        }
    }
    assert!(silent.is_empty(), "no //! at the top of: {silent:#?}");
}
