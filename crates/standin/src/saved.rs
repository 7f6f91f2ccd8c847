//! A world kept in one file between two starts.

use std::{
    io::{self, Write},
    path::Path,
};

use serde::{Serialize, de::DeserializeOwned};

/// What was saved, or a new world.
pub fn load<T: DeserializeOwned + Default>(path: &Path) -> io::Result<T> {
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::other),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(T::default()),
        Err(e) => Err(e),
    }
}

/// Writes a neighbour file first and renames it: a killed process leaves the old world or the new one, never half of one.
pub fn save<T: Serialize>(world: &T, path: &Path) -> io::Result<()> {
    let mut file_name = path.file_name().unwrap_or_default().to_os_string();
    file_name.push(".tmp");
    let temp = path.with_file_name(file_name);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temp)?;
    file.write_all(&serde_json::to_vec_pretty(world).map_err(io::Error::other)?)?;
    file.sync_all()?;
    std::fs::rename(&temp, path)
}
