//! Filters: an expression over an event, such as `data.priority in ["high", "critical"]`, compiled once per
//! version of its route.

use std::collections::BTreeSet;
use std::fmt;

use minijinja::Expression;

use super::embed::fit;
use super::language::filters::text_of;
use super::language::{EXPRESSIONS, explain, guard};
use super::view::{EventView, WORDS, nothing};

/// Characters of a filter at most.
pub const LONGEST: usize = 1000;
/// Values that are named when a filter is false, and characters of each.
const NAMED: usize = 3;
const SHOWN: usize = 40;

/// A compiled filter.
pub struct Filter {
    expression: Expression<'static, 'static>,
    /// Dotted paths that it looks at, such as `data.priority`.
    pub variables: Vec<String>,
}

/// Why a text is no filter, for whoever wrote it.
#[derive(Clone, Debug, PartialEq)]
pub struct FilterError(pub String);

/// What a filter says about an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    True,
    /// With the values that made it so, such as `: data.priority = low`.
    False(String),
    Failed(String),
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filter").field("variables", &self.variables).finish_non_exhaustive()
    }
}

impl Filter {
    pub fn compile(text: &str) -> Result<Self, FilterError> {
        let text = text.trim();
        if text.chars().count() > LONGEST {
            return Err(FilterError(format!("it is longer than {LONGEST} characters")));
        }
        guard::expression(text).map_err(|refused| FilterError(refused.to_string()))?;
        let expression = EXPRESSIONS.compile_expression_owned(text.to_owned()).map_err(|e| FilterError(explain(&e)))?;
        let variables: BTreeSet<String> = expression.undeclared_variables(true).into_iter().collect();
        let filter = Self { expression, variables: variables.into_iter().collect() };
        filter.names_only_words()?;
        // What is unknown to the engine shows when it runs.
        match filter.expression.eval(nothing()) {
            Err(error) if is_authors_fault(&error) => Err(FilterError(explain(&error))),
            _ => Ok(filter),
        }
    }

    pub fn judge(&self, view: &EventView<'_>) -> Outcome {
        match self.expression.eval(view.value()) {
            Ok(_) if crate::crash::lacks("filter") => Outcome::True,
            Ok(value) if value.is_true() => Outcome::True,
            Ok(_) => Outcome::False(self.values(view)),
            Err(error) => Outcome::Failed(explain(&error)),
        }
    }

    fn values(&self, view: &EventView<'_>) -> String {
        let all = view.value();
        let named = self.variables.iter().take(NAMED).map(|path| {
            let value = path.split('.').try_fold(all.clone(), |value, name| value.get_attr(name).ok());
            match value.filter(|value| !value.is_undefined()) {
                Some(value) => format!("{path} = {}", fit(&text_of(&value), SHOWN)),
                None => format!("{path} is not there"),
            }
        });
        let named: Vec<String> = named.collect();
        if named.is_empty() { String::new() } else { format!(": {}", named.join(", ")) }
    }

    /// `priority` alone is nothing; `data.priority` was meant.
    fn names_only_words(&self) -> Result<(), FilterError> {
        match unknown_word(&self.variables) {
            Some(unknown) => Err(FilterError(unknown)),
            None => Ok(()),
        }
    }
}

/// Unknown filters, tests and functions are found out when they are run.
pub(super) fn is_authors_fault(error: &minijinja::Error) -> bool {
    use minijinja::ErrorKind::{
        MissingArgument, TooManyArguments, UnknownFilter, UnknownFunction, UnknownMethod, UnknownTest,
    };
    matches!(
        error.kind(),
        UnknownFilter | UnknownTest | UnknownFunction | UnknownMethod | TooManyArguments | MissingArgument
    )
}

/// What is wrong with the first variable that is no word of an event.
pub(super) fn unknown_word(variables: &[String]) -> Option<String> {
    let first = |path: &String| path.split('.').next().unwrap_or_default().to_owned();
    let unknown = variables.iter().map(first).find(|word| !WORDS.contains(&word.as_str()))?;
    let near = match crate::config::did_you_mean(&unknown, WORDS.iter().copied()) {
        near if near.is_empty() => format!(" (did you mean data.{unknown}?)"),
        near => near,
    };
    Some(format!("`{unknown}` is no word of an event{near}. There are {}", WORDS.join(", ")))
}

/// Variables that none of the recent events has, each with what was probably meant.
pub fn lint(variables: &[String], known: &BTreeSet<String>) -> Vec<String> {
    if known.is_empty() {
        return Vec::new();
    }
    let missing = variables.iter().filter(|path| path.starts_with("data.") && !known.contains(*path));
    missing
        .map(|path| {
            let near = crate::config::did_you_mean(path, known.iter());
            format!("none of the recent events has `{path}`{near}")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::rule::tests::event;
    use serde_json::json;

    fn judge(text: &str, data: serde_json::Value) -> Outcome {
        let mut event = event("ticket.created");
        event.data = data;
        Filter::compile(text).unwrap().judge(&EventView::new(&event, "xtsystems"))
    }

    #[test]
    fn the_plain_form() {
        let text = r#"data.priority in ["high", "critical"]"#;
        assert_eq!(judge(text, json!({ "priority": "high" })), Outcome::True);
        assert_eq!(judge(text, json!({ "priority": "low" })), Outcome::False(": data.priority = low".into()));
        assert_eq!(judge(text, json!({})), Outcome::False(": data.priority is not there".into()));
    }

    #[test]
    fn words_of_the_event() {
        assert_eq!(judge("type == 'ticket.created' and source == 'xtsystems'", json!({})), Outcome::True);
        assert_eq!(
            judge(
                "severity == 'info' and data.user.name|lower is startingwith 'e'",
                json!({ "user": { "name": "Eve" } })
            ),
            Outcome::True
        );
        assert_eq!(judge("data.a.b.c.d", json!({})), Outcome::False(": data.a.b.c.d is not there".into()));
    }

    #[test]
    fn what_cannot_be_judged_is_failed() {
        let outcome = judge("data.count > 3 and data.name + 1 > 2", json!({ "count": 4, "name": [] }));
        assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
    }

    #[test]
    fn faults_say_how_to_mend_them() {
        let fault = |text: &str| Filter::compile(text).unwrap_err().0;
        insta::assert_snapshot!([
            fault("data.priority in ['high'"),
            fault("priority == 'high'"),
            fault("sevrity == 'high'"),
            fault("data.name|lowr == 'x'"),
            fault("data.name.lower() == 'x'"),
            fault("data.name is starting 'x'"),
            fault("'x' * 100000000 == data.x"),
            fault("len(data.x) > 1"),
            fault(""),
        ].join("\n"), @"
        it cannot be read: unexpected end of input, expected `,`
        `priority` is no word of an event (did you mean data.priority?). There are id, source, type, subject, severity, time, received_at, data
        `sevrity` is no word of an event (did you mean severity?). There are id, source, type, subject, severity, time, received_at, data
        there is no filter of this name: filter lowr is unknown (did you mean lower?). There are lower, upper, title, capitalize, trim, length, count, items, dictsort, reverse, default, d, round, abs, int, float, first, last, min, max, sort, unique, list, string, bool, split, lines, selectattr, rejectattr, join, replace, truncate, times, map, sum, relative, raw
        methods cannot be called: undefined has no method named lower. Use filters, such as x|lower
        there is no such test: test starting is unknown
        * is not part of the language; numbers are multiplied by x|times(3)
        `len` is no word of an event (did you mean data.len?). There are id, source, type, subject, severity, time, received_at, data
        it cannot be read: unexpected end of input, expected expression
        ");
    }

    #[test]
    fn typos_are_named() {
        let known: BTreeSet<String> = ["data", "data.priority", "data.title"].map(str::to_owned).into();
        let filter = Filter::compile("data.prioritty == 'high' and data.title and type").unwrap();
        assert_eq!(
            lint(&filter.variables, &known),
            ["none of the recent events has `data.prioritty` (did you mean data.priority?)"]
        );
    }
}
