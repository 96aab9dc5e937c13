//! Writes the chart's CRD files: `cargo run -p sabot-crds --bin crdgen -- charts/sabot/templates`.

use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "charts/sabot/templates".to_owned());
    let folder = PathBuf::from(folder);
    std::fs::create_dir_all(&folder)?;
    for file in sabot_crds::crd_files() {
        std::fs::write(folder.join(file.name), file.content)?;
    }
    Ok(())
}
