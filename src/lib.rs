//! Signalbox.
