//! What the rest of the program needs to know of its host's environment and is not configuration.
#![allow(clippy::disallowed_methods)]

use std::path::PathBuf;

/// The directories in which the shell looks for programs.
pub fn search_path() -> Vec<PathBuf> {
    std::env::var_os("PATH").map_or_else(Vec::new, |path| std::env::split_paths(&path).collect())
}

/// Where a person's programs keep their data: `XDG_DATA_HOME`, else `~/.local/share`
/// (<https://specifications.freedesktop.org/basedir-spec/latest/>). `None` without a home.
pub fn user_data_dir() -> Option<PathBuf> {
    // A relative XDG_DATA_HOME is to be ignored, says the specification.
    let xdg = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    xdg.or_else(|| std::env::home_dir().filter(|home| home.is_absolute()).map(|home| home.join(".local/share")))
}

/// `SIGNALBOX_DATA_DIR`, for what runs without a configuration.
pub fn data_dir() -> Option<PathBuf> {
    std::env::var_os("SIGNALBOX_DATA_DIR").filter(|dir| !dir.is_empty()).map(PathBuf::from)
}

/// A protection that a test switches off, to see that its absence is noticed (`SIGNALBOX_MUTATE`).
#[cfg(feature = "crash-points")]
pub fn mutation() -> Option<String> {
    std::env::var("SIGNALBOX_MUTATE").ok().filter(|name| !name.is_empty())
}

/// The named point at which a crash test wants this process to abort (`SIGNALBOX_CRASH_AT`).
#[cfg(feature = "crash-points")]
pub fn crash_point() -> Option<String> {
    std::env::var("SIGNALBOX_CRASH_AT").ok().filter(|name| !name.is_empty())
}
