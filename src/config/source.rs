//! Where the text of the configuration comes from: the real process, or a map.
#![allow(clippy::disallowed_methods)]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

/// A `.env` file as bytes, and the name to show in messages.
#[derive(Clone, Debug)]
pub struct EnvFile {
    pub name: String,
    pub content: Vec<u8>,
}

/// What a configuration is read from.
pub trait Source {
    /// Every variable of the process environment.
    fn environment(&self) -> Vec<(OsString, OsString)>;
    /// The `.env` file; `Ok(None)` when there is none. The error carries the file's name.
    fn env_file(&self) -> Result<Option<EnvFile>, (String, io::Error)>;
    /// A file named by a `NAME_FILE` variable.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
}

/// The real process: its environment, and `.env` in a directory.
#[derive(Clone, Debug)]
pub struct Process {
    directory: PathBuf,
    /// Set on the command line, which goes before the environment.
    options: Vec<(OsString, OsString)>,
}

impl Process {
    /// `.env` of the working directory.
    pub fn new() -> Self {
        Self { directory: PathBuf::new(), options: Vec::new() }
    }

    /// A variable that an option of the command line stands for, if it was given.
    pub fn with_option(mut self, name: &str, value: Option<String>) -> Self {
        self.options.extend(value.map(|value| (name.into(), value.into())));
        self
    }
}

impl Default for Process {
    fn default() -> Self {
        Self::new()
    }
}

impl Source for Process {
    fn environment(&self) -> Vec<(OsString, OsString)> {
        std::env::vars_os().chain(self.options.iter().cloned()).collect()
    }

    fn env_file(&self) -> Result<Option<EnvFile>, (String, io::Error)> {
        let path = self.directory.join(".env");
        match std::fs::read(&path) {
            Ok(content) => Ok(Some(EnvFile { name: path.display().to_string(), content })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err((path.display().to_string(), error)),
        }
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }
}

/// The answers of a person over another source: they win.
#[derive(Clone)]
pub struct Answered<S> {
    pub source: S,
    pub answers: Vec<(String, SecretString)>,
}

impl<S: Source> Source for Answered<S> {
    fn environment(&self) -> Vec<(OsString, OsString)> {
        let mut all = self.source.environment();
        all.retain(|(name, _)| !self.answers.iter().any(|(answered, _)| name.to_str() == Some(answered)));
        all.extend(self.answers.iter().map(|(name, text)| (name.into(), text.expose_secret().into())));
        all
    }

    fn env_file(&self) -> Result<Option<EnvFile>, (String, io::Error)> {
        self.source.env_file()
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.source.read(path)
    }
}

/// A configuration given by the program itself: the demo and the tests. Reads nothing.
#[derive(Clone, Debug, Default)]
pub struct Given {
    environment: BTreeMap<String, String>,
    env_file: Option<String>,
    files: BTreeMap<PathBuf, String>,
}

impl Given {
    pub fn new<K: Into<String>, V: Into<String>>(variables: impl IntoIterator<Item = (K, V)>) -> Self {
        let environment = variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { environment, ..Self::default() }
    }

    /// Sets one more variable, or replaces it.
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    /// The text of `.env`.
    pub fn with_env_file(mut self, text: impl Into<String>) -> Self {
        self.env_file = Some(text.into());
        self
    }

    /// A file that a `NAME_FILE` variable may name.
    pub fn with_file(mut self, path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        self.files.insert(path.into(), text.into());
        self
    }
}

impl Source for Given {
    fn environment(&self) -> Vec<(OsString, OsString)> {
        self.environment.iter().map(|(name, value)| (name.into(), value.into())).collect()
    }

    fn env_file(&self) -> Result<Option<EnvFile>, (String, io::Error)> {
        let file = self.env_file.as_ref();
        Ok(file.map(|text| EnvFile { name: ".env".into(), content: text.clone().into_bytes() }))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.files.get(path).map(|text| text.clone().into_bytes()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}
