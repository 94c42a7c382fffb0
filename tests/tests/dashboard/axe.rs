//! axe-core, fetched from the npm registry into the target folder: its licence (MPL-2.0) stays out of this tree.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

const PACKAGE: &str = "axe-core@4.14.1";

/// The script that defines `axe`.
pub(crate) fn source() -> String {
    static SOURCE: OnceLock<String> = OnceLock::new();
    SOURCE.get_or_init(fetch).clone()
}

fn fetch() -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(PACKAGE);
    let script = folder.join("node_modules/axe-core/axe.min.js");
    if !script.exists() {
        std::fs::create_dir_all(&folder).unwrap();
        let installed = Command::new("npm")
            .args(["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", PACKAGE, "--prefix"])
            .arg(&folder)
            .output()
            .expect("npm is needed to fetch axe-core: apt-get install npm");
        assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    }
    std::fs::read_to_string(script).unwrap()
}
