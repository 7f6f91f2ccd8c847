//! Where signals come from. Each source verifies and parses on its own, purely; `ingest` and what
//! feeds it are flows.

pub mod catch_up;
pub mod etlegacy;
pub mod generic;
pub mod ingest;
pub mod kick;
pub mod notice;
pub mod panel;
pub mod party;
pub mod pulse;
pub mod signature;
pub mod subscribe;
pub mod trust;
pub mod xtsystems;
