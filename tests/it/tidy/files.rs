//! The files that the rules are about.

use super::scan::{self, Scan};
use std::fs;
use std::path::{Path, PathBuf};

pub struct SourceFile {
    /// From the root of the repository.
    pub path: String,
    pub source: String,
    /// `crate`, then the names of its module.
    pub module: Vec<String>,
}

impl SourceFile {
    pub fn new(path: String, source: String) -> Self {
        let inside = path.strip_prefix("src/").unwrap_or(&path);
        let inside = inside.trim_end_matches(".rs").trim_end_matches("/mod");
        let module = std::iter::once("crate").chain(inside.split('/')).map(str::to_owned).collect();
        Self { path, source, module }
    }

    pub fn scan(&self) -> Scan {
        scan::scan(&self.source, &self.module)
    }
}

pub fn program_files() -> Vec<SourceFile> {
    read("src")
}

pub fn all_files() -> Vec<SourceFile> {
    ["src", "crates", "tests", "benches", "examples", "fuzz"].into_iter().flat_map(read).collect()
}

fn read(directory: &str) -> Vec<SourceFile> {
    let files = files_below(directory, "rs").into_iter();
    files
        .map(|path| {
            let source = fs::read_to_string(root().join(&path)).expect("it was just listed");
            SourceFile::new(path, source)
        })
        .collect()
}

/// Paths from the root of the repository; none when there is no such directory.
pub fn files_below(directory: &str, extension: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting = vec![root().join(directory)];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                if entry.file_name() != "target" {
                    waiting.push(path);
                }
            } else if path.extension().is_some_and(|found| found == extension) {
                let inside: PathBuf = path.strip_prefix(root()).expect("it is below").to_owned();
                found.push(inside.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    found.sort();
    found
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
