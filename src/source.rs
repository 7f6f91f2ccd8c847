//! Where signals come from. Each source verifies and parses on its own, purely.

pub mod xtsystems;
