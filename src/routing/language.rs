//! The language of filters and templates: minijinja with what is safe to run for strangers. What it can make
//! is bounded by its source, the event and [`GROWN`]; how long it runs, by fuel.

pub(super) mod filters;
pub mod guard;

use std::sync::LazyLock;

use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, tests};

use filters::install;

/// Characters that a filter of the language makes at most.
pub(super) const GROWN: usize = 16_384;
/// Instructions of one filter, and of one part of a template.
const FILTER_FUEL: u64 = 2_000;
const TEMPLATE_FUEL: u64 = 20_000;

/// For expressions.
pub(super) static EXPRESSIONS: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut env = base();
    env.set_fuel(Some(FILTER_FUEL));
    env
});

/// For templates; each compiled one is added to a copy.
pub(super) static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut env = base();
    env.set_fuel(Some(TEMPLATE_FUEL));
    env.set_formatter(super::template::format_value);
    env
});

/// Only what is named here exists: no includes, no functions, no way to change a variable.
fn base() -> Environment<'static> {
    let mut env = Environment::empty();
    // The message of an error is enough; the context would hold the event's data.
    env.set_debug(false);
    env.set_recursion_limit(64);
    env.set_undefined_behavior(UndefinedBehavior::Chainable);
    install(&mut env);
    env.add_test("defined", tests::is_defined);
    env.add_test("undefined", tests::is_undefined);
    env.add_test("none", tests::is_none);
    env.add_test("number", tests::is_number);
    env.add_test("string", tests::is_string);
    env.add_test("sequence", tests::is_sequence);
    env.add_test("mapping", tests::is_mapping);
    env.add_test("boolean", tests::is_boolean);
    env.add_test("startingwith", tests::is_startingwith);
    env.add_test("endingwith", tests::is_endingwith);
    env.add_test("even", tests::is_even);
    env.add_test("odd", tests::is_odd);
    env.add_test("eq", tests::is_eq);
    env.add_test("ne", tests::is_ne);
    env.add_test("gt", tests::is_gt);
    env.add_test("lt", tests::is_lt);
    env.add_test("ge", tests::is_ge);
    env.add_test("le", tests::is_le);
    env.add_test("in", tests::is_in);
    env
}

/// What is wrong and how to mend it, in words for whoever wrote it.
pub(super) fn explain(error: &Error) -> String {
    let detail = error.detail().unwrap_or_default().trim();
    match error.kind() {
        ErrorKind::UnknownFilter => {
            let name = detail.split_whitespace().find(filters::is_word).unwrap_or(detail);
            let name = name.trim_matches(|c: char| !c.is_alphanumeric() && c != '_');
            let near = crate::config::did_you_mean(name, filters::NAMES.iter().copied());
            format!("there is no filter of this name: {detail}{near}. There are {}", filters::NAMES.join(", "))
        }
        ErrorKind::UnknownTest => format!("there is no such test: {detail}"),
        ErrorKind::UnknownFunction => format!("functions cannot be called: {detail}. Use filters, such as x|length"),
        ErrorKind::UnknownMethod => format!("methods cannot be called: {detail}. Use filters, such as x|lower"),
        ErrorKind::OutOfFuel => "it takes too many steps; loop over less".to_owned(),
        ErrorKind::SyntaxError => format!("it cannot be read: {detail}"),
        kind if detail.is_empty() => kind.to_string(),
        kind => format!("{kind}: {detail}"),
    }
}
