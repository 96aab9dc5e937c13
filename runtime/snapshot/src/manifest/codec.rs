//! A manifest as bytes: a header line with length and checksum, then JSON.

use serde::{Deserialize, Serialize};

use super::{FORMAT_VERSION, Manifest, ManifestError, OLDEST_FORMAT_VERSION};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    sabot_manifest: u64,
    length: u64,
    crc32: String,
}

pub(super) fn encode(manifest: &Manifest) -> Vec<u8> {
    let body = serde_json::to_vec_pretty(manifest).expect("a manifest has only text keys");
    let header = Header {
        sabot_manifest: u64::from(manifest.format_version),
        length: body.len() as u64,
        crc32: checksum(&body),
    };
    let mut bytes = serde_json::to_vec(&header).expect("a header has only text keys");
    bytes.push(b'\n');
    bytes.extend(body);
    bytes
}

pub(super) fn decode(bytes: &[u8], uri: &str) -> Result<Manifest, ManifestError> {
    let corrupt = |what: String| ManifestError::Corrupt { uri: uri.to_owned(), what };
    let end = bytes
        .iter()
        .position(|byte| *byte == b'\n')
        .ok_or_else(|| corrupt("it has no header line".to_owned()))?;
    let (header, body) = (&bytes[..end], &bytes[end + 1..]);
    let header: Header = serde_json::from_slice(header)
        .map_err(|error| corrupt(format!("its first line is no header: {error}")))?;
    let versions = u64::from(OLDEST_FORMAT_VERSION)..=u64::from(FORMAT_VERSION);
    if !versions.contains(&header.sabot_manifest) {
        return Err(ManifestError::FormatVersion {
            uri: uri.to_owned(),
            found: header.sabot_manifest,
        });
    }
    if header.length != body.len() as u64 {
        return Err(corrupt(format!("{} bytes instead of {}", body.len(), header.length)));
    }
    if header.crc32 != checksum(body) {
        return Err(corrupt("its checksum does not match".to_owned()));
    }
    let manifest: Manifest =
        serde_json::from_slice(body).map_err(|error| corrupt(error.to_string()))?;
    if u64::from(manifest.format_version) != header.sabot_manifest {
        return Err(ManifestError::FormatVersion {
            uri: uri.to_owned(),
            found: u64::from(manifest.format_version),
        });
    }
    Ok(manifest)
}

fn checksum(bytes: &[u8]) -> String {
    format!("{:08x}", crc32fast::hash(bytes))
}
