//! Writes the reference of the SQL dialect: `make reference`.

use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let file = std::env::args().nth(1).unwrap_or_else(|| "docs/reference/sql.md".to_owned());
    let file = PathBuf::from(file);
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(file, sabot_sql::reference())
}
