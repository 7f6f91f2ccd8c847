//! The outside world of Signalbox.
