//! Gathers the values of every variable with their origins, hands them to the sections, and
//! collects what is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use secrecy::SecretString;

use super::env_file;
use super::nearest::{did_you_mean, distance};
use super::problem::{Origin, Problem, Problems};
use super::source::Source;
use super::variable::{self, Variable};

/// One variable as `config show` prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    pub name: &'static str,
    /// The text of the value, `********` for a secret, empty when not set.
    pub shown: String,
    pub origin: Origin,
}

struct Value {
    text: String,
    origin: Origin,
}

pub(super) struct Reader {
    values: BTreeMap<&'static str, Value>,
    /// Set in a file that could not be used: already reported, so not missing.
    broken: BTreeSet<&'static str>,
    problems: Vec<Problem>,
    warnings: Vec<String>,
    /// Names that are almost ours. Others may use them, so they are warnings, unless something is wrong anyway.
    misspelt: Vec<Problem>,
    /// Whether required variables, which are all the bot's, must be there.
    pub(super) needs_bot: bool,
}

impl Reader {
    pub(super) fn without_bot(source: &impl Source) -> Self {
        Self { needs_bot: false, ..Self::new(source) }
    }

    pub(super) fn new(source: &impl Source) -> Self {
        let mut reader = Self {
            values: BTreeMap::new(),
            broken: BTreeSet::new(),
            problems: Vec::new(),
            warnings: Vec::new(),
            misspelt: Vec::new(),
            needs_bot: true,
        };
        let environment = reader.take_environment(source);
        let env_file = reader.take_env_file(source);
        reader.check_names(&environment, &env_file);
        for variable in variable::all() {
            // The environment wins as a whole: NAME_FILE there beats NAME in the file.
            for place in [&environment, &env_file] {
                if !reader.is_set(variable.name)
                    && let Some(value) = reader.resolve(variable, place, source)
                {
                    reader.values.insert(variable.name, value);
                }
            }
        }
        reader
    }

    /// The parsed value, or the parsed default. `None` only when a problem was noted.
    pub(super) fn value<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let variable = variable::get(name);
        if self.broken.contains(name) {
            return None;
        }
        let (text, origin) = match (self.values.get(name), variable.default) {
            (Some(value), _) => (value.text.as_str(), value.origin.clone()),
            (None, Some(default)) => (default, Origin::Default),
            (None, None) => {
                self.refuse(name, format!("is required. {}", variable.summary));
                return None;
            }
        };
        match parse(text) {
            Ok(value) => Some(value),
            Err(text) => {
                self.problems.push(Problem { variable: name.into(), origin, text });
                None
            }
        }
    }

    /// The parsed value of a variable without a default; `None` when unset or wrong.
    pub(super) fn optional<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        self.is_set(name).then(|| self.value(name, parse)).flatten()
    }

    /// A secret, after `check` found nothing wrong with its shape; `None` when unset or wrong.
    pub(super) fn secret(
        &mut self,
        name: &str,
        check: impl FnOnce(&str) -> Result<(), String>,
    ) -> Option<SecretString> {
        let variable = variable::get(name);
        debug_assert!(variable.secret, "{name} is read as a secret");
        let parse = |text: &str| check(text).map(|()| SecretString::from(text));
        if variable.required && self.needs_bot { self.value(name, parse) } else { self.optional(name, parse) }
    }

    pub(super) fn is_set(&self, name: &str) -> bool {
        self.values.contains_key(name) || self.broken.contains(name)
    }

    pub(super) fn origin(&self, name: &str) -> Origin {
        self.values.get(name).map_or(Origin::NotSet, |value| value.origin.clone())
    }

    /// Notes a problem with a variable, at the place where it was set.
    pub(super) fn refuse(&mut self, name: &str, text: impl Into<String>) {
        let problem = Problem { variable: name.into(), origin: self.origin(name), text: text.into() };
        self.problems.push(problem);
    }

    pub(super) fn warn(&mut self, text: impl Into<String>) {
        self.warnings.push(text.into());
    }

    /// The warnings and settings, or all problems.
    pub(super) fn finish(mut self) -> Result<(Vec<String>, Vec<Setting>), Problems> {
        if !self.problems.is_empty() {
            self.problems.append(&mut self.misspelt);
            return Err(Problems(self.problems));
        }
        self.warnings.splice(..0, self.misspelt.iter().map(Problem::to_string));
        let settings = self.settings();
        Ok((self.warnings, settings))
    }

    pub(super) fn settings(&self) -> Vec<Setting> {
        variable::all().map(|variable| self.setting(variable)).collect()
    }

    fn setting(&self, variable: &'static Variable) -> Setting {
        let (text, origin) = match (self.values.get(variable.name), variable.default) {
            (Some(value), _) => (value.text.as_str(), value.origin.clone()),
            (None, Some(default)) => (default, Origin::Default),
            (None, None) => ("", Origin::NotSet),
        };
        let shown = if variable.secret && !text.is_empty() { "********" } else { text };
        Setting { name: variable.name, shown: shown.to_owned(), origin }
    }

    fn take_environment(&mut self, source: &impl Source) -> BTreeMap<String, Value> {
        let mut values = BTreeMap::new();
        for (name, text) in source.environment() {
            let Some(name) = name.to_str().map(str::to_owned) else { continue };
            match text.into_string() {
                Ok(text) if text.trim().is_empty() => {}
                Ok(text) => {
                    values.insert(name, Value { text, origin: Origin::Environment });
                }
                Err(_) if variable::is_known(&name) => {
                    let text = "is not UTF-8".to_owned();
                    self.problems.push(Problem { variable: name, origin: Origin::Environment, text });
                }
                Err(_) => {}
            }
        }
        values
    }

    fn take_env_file(&mut self, source: &impl Source) -> BTreeMap<String, Value> {
        let mut values: BTreeMap<String, Value> = BTreeMap::new();
        let file = match source.env_file() {
            Ok(Some(file)) => file,
            Ok(None) => return values,
            Err((file, error)) => {
                let text = format!("{file} cannot be read: {error}");
                self.problems.push(Problem { variable: String::new(), origin: Origin::NotSet, text });
                return values;
            }
        };
        let (entries, bad) = env_file::parse(&file.content);
        for line in bad {
            let origin = Origin::EnvFile { file: file.name.clone(), line: line.line };
            self.problems.push(Problem { variable: String::new(), origin, text: line.text });
        }
        for entry in entries {
            let origin = Origin::EnvFile { file: file.name.clone(), line: entry.line };
            if entry.value.trim().is_empty() {
                // Kept out of the values, but an unknown name is wrong even without a value.
                self.check_env_file_name(&entry.name, &origin);
            } else if let Some(first) = values.get(&entry.name) {
                let text = format!("is set a second time; it stands in {} already", first.origin);
                self.problems.push(Problem { variable: entry.name, origin, text });
            } else {
                self.check_env_file_name(&entry.name, &origin);
                values.insert(entry.name, Value { text: entry.value, origin });
            }
        }
        values
    }

    fn check_env_file_name(&mut self, name: &str, origin: &Origin) {
        if variable::is_known(name) || variable::is_not_used(name) || variable::is_foreign(name) {
            return;
        }
        let near = did_you_mean(name, variable::names());
        let text = format!("is not a variable of Signalbox{near}");
        self.problems.push(Problem { variable: name.into(), origin: origin.clone(), text });
    }

    /// Warns of a typing error in the environment, and once of the names that have no effect.
    fn check_names(&mut self, environment: &BTreeMap<String, Value>, env_file: &BTreeMap<String, Value>) {
        let is_set = |name: &str| environment.contains_key(name) || env_file.contains_key(name);
        for name in environment.keys().filter(|name| !variable::is_known(name) && !variable::is_not_used(name)) {
            let near = variable::names().find(|known| distance(name, known) == 1 && !is_set(known));
            if let Some(near) = near {
                self.misspelt.push(Problem {
                    variable: name.clone(),
                    origin: Origin::Environment,
                    text: format!("has no effect; did you mean {near}?"),
                });
            }
        }
        let mut unused: Vec<&str> = environment.keys().chain(env_file.keys()).map(String::as_str).collect();
        unused.retain(|name| variable::is_not_used(name));
        unused.sort_unstable();
        unused.dedup();
        if !unused.is_empty() {
            self.warn(format!("set, but not used by this program: {}", unused.join(", ")));
        }
    }

    /// The value of one variable in one place: `NAME`, or the content of the file in `NAME_FILE`.
    fn resolve(
        &mut self,
        variable: &'static Variable,
        values: &BTreeMap<String, Value>,
        source: &impl Source,
    ) -> Option<Value> {
        let direct = values.get(variable.name);
        let Some((file_name, path)) = variable.file_name().and_then(|name| Some((name.clone(), values.get(&name)?)))
        else {
            let direct = direct?;
            let text = if variable.secret { &direct.text } else { direct.text.trim() };
            return Some(Value { text: text.to_owned(), origin: direct.origin.clone() });
        };
        let mut refuse = |text: String| {
            self.problems.push(Problem { variable: file_name.clone(), origin: path.origin.clone(), text });
            self.broken.insert(variable.name);
        };
        if let Some(direct) = direct {
            refuse(format!("is set and so is {} ({}); keep one of the two", variable.name, direct.origin));
        }
        let read = source.read(Path::new(&path.text)).map_err(|error| error.to_string());
        match read.and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())) {
            Ok(text) => {
                let text = text.strip_suffix('\n').map_or(text.as_str(), |t| t.strip_suffix('\r').unwrap_or(t));
                if text.trim().is_empty() {
                    refuse(format!("names the file {}, which is empty", path.text));
                    return None;
                }
                let origin = Origin::SecretFile { path: path.text.clone(), named_in: Box::new(path.origin.clone()) };
                Some(Value { text: text.to_owned(), origin })
            }
            Err(error) => {
                refuse(format!("names the file {}, which cannot be read: {error}", path.text));
                None
            }
        }
    }
}
