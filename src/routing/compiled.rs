//! What a process has compiled and looked up already, by id and version: nothing is compiled twice for the same
//! version of a route or a template.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use super::filter::{Filter, FilterError};
use super::rule::RouteFilter;
use super::template::{Parts, Template, TemplateError};

/// Entries of a kind that are kept; versions pass by, so all are dropped when there are more.
const KEPT: usize = 2000;

type Known<K, V> = Mutex<HashMap<K, V>>;

/// Shared by the planner and those who preview.
#[derive(Default)]
pub struct Compiled {
    filters: Known<(Uuid, i64), Result<Arc<Filter>, FilterError>>,
    templates: Known<(Uuid, i64), Result<Arc<Template>, TemplateError>>,
    sources: Known<Uuid, Arc<str>>,
    told: Mutex<HashSet<String>>,
}

impl Compiled {
    pub fn filter(&self, route: Uuid, version: i64, text: &str) -> RouteFilter {
        let compiled = remember(&self.filters, (route, version), || Filter::compile(text).map(Arc::new));
        RouteFilter { text: text.to_owned(), compiled }
    }

    pub fn template(
        &self,
        id: Uuid,
        version: i64,
        name: &str,
        parts: impl FnOnce() -> Parts,
    ) -> Result<Arc<Template>, TemplateError> {
        remember(&self.templates, (id, version), || Template::compile(id, name, version, parts()).map(Arc::new))
    }

    /// The name of a source, when it was looked up before.
    pub fn source(&self, id: Uuid) -> Option<Arc<str>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    pub fn remember_source(&self, id: Uuid, name: &str) {
        remember(&self.sources, id, || Arc::from(name));
    }

    /// Whether this process has told the admins so before.
    pub fn has_told(&self, key: &str) -> bool {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).contains(key)
    }

    pub fn note_told(&self, key: String) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= KEPT {
            told.clear();
        }
        told.insert(key);
    }
}

fn remember<K: std::hash::Hash + Eq, V: Clone>(known: &Known<K, V>, key: K, make: impl FnOnce() -> V) -> V {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    if known.len() >= KEPT {
        known.clear();
    }
    known.entry(key).or_insert_with(make).clone()
}
