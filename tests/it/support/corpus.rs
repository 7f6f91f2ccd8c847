//! The genuine sample data, used in place: `SIGNALBOX_CORPUS`, else the sibling folder when it is there.

use std::path::{Path, PathBuf};

/// A file of the corpus, or `None` when there is no corpus. With `CI=true` its absence fails.
pub fn path(name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let root = std::env::var_os("SIGNALBOX_CORPUS").map_or(beside, PathBuf::from);
    let file = root.join(name);
    if file.exists() {
        return Some(file);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "the corpus is missing: set SIGNALBOX_CORPUS");
    None
}
