//! axe-core, fetched from the npm registry into the target folder: its licence (MPL-2.0) stays out of this tree.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

const PACKAGE: &str = "axe-core@4.14.1";

/// The script that defines `axe`; says so if there is no npm to fetch it with.
pub(crate) fn source() -> Option<String> {
    static SOURCE: OnceLock<Option<String>> = OnceLock::new();
    SOURCE.get_or_init(fetch).clone()
}

fn fetch() -> Option<String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(PACKAGE);
    let script = folder.join("node_modules/axe-core/axe.min.js");
    if !script.exists() {
        std::fs::create_dir_all(&folder).unwrap();
        let mut install = Command::new("npm");
        install
            .args(["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", PACKAGE, "--prefix"])
            .arg(&folder);
        let Ok(installed) = install.output() else {
            println!("not tested: axe-core is fetched with npm, which is not installed (apt-get install npm)");
            return None;
        };
        assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    }
    Some(std::fs::read_to_string(script).unwrap())
}
