//! Whatever arrives: every parser and every verifier under mutated input. Each target has a corpus of its own
//! (`corpus/<target>/`), seconds of time here, and as long as is wished with `scripts/fuzz SECONDS [TARGET]`.

#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

mod address;
mod described;
mod etlegacy;
mod harness;
mod kick;
mod language;
mod request;
mod signed;
mod stream;
mod value;
