//! What is in `packaging/`, as far as one machine can try it without a container runtime.

mod backup;
mod compose;
mod image;
mod units;

use std::path::PathBuf;
use std::process::{Command, Output};

fn packaging() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("packaging")
}

fn read(name: &str) -> String {
    let path = packaging().join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Whether a program is there that not every system has. `scripts/test` installs or names what is missing;
/// in CI nothing may be.
fn has(program: &str) -> bool {
    let there = find(program).is_some();
    assert!(there || std::env::var("CI").as_deref() != Ok("true"), "{program} is not installed");
    if !there {
        eprintln!("NOT RUN: {program} is not installed");
    }
    there
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let servers = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let servers: Vec<PathBuf> = servers.map(|entry| entry.path().join("bin")).collect();
    let usual = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    let mut places = std::env::split_paths(&path).chain(usual).chain(servers);
    places.find_map(|dir| Some(dir.join(program)).filter(|program| program.is_file()))
}

/// The output of a command that has to succeed.
fn succeeds(command: &mut Command) -> String {
    let output = command.output().expect("it can be run");
    assert!(output.status.success(), "{command:?}: {}", both(&output));
    both(&output)
}

fn both(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
