//! The outside world of Signalbox.

pub mod clock;
pub mod xtsystems;
