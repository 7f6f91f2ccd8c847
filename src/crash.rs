//! Named points at which a test makes the process die as if killed, and protections that a test takes
//! away to see that their absence shows. Nothing without the cargo feature
//! `crash-points`, which no build that people use has.

#[cfg(feature = "crash-points")]
pub fn point(name: &str) {
    use std::sync::OnceLock;
    static WANTED: OnceLock<Option<String>> = OnceLock::new();
    let wanted = WANTED.get_or_init(crate::config::crash_point);
    if wanted.as_deref() == Some(name) {
        // SIGKILL: no destructor, no flush, no goodbye.
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        loop {
            std::thread::park();
        }
    }
}

#[cfg(not(feature = "crash-points"))]
pub fn point(_name: &str) {}

/// Whether this process runs without the named protection: `no-nonce`, `no-lease`, `no-dedup`, `same-id` (of an action),
/// `filter`, `batch-window` or `verification` (of described sources).
#[cfg(feature = "crash-points")]
pub fn lacks(protection: &str) -> bool {
    use std::sync::OnceLock;
    static MUTATION: OnceLock<Option<String>> = OnceLock::new();
    MUTATION.get_or_init(crate::config::mutation).as_deref() == Some(protection)
}

#[cfg(not(feature = "crash-points"))]
pub fn lacks(_protection: &str) -> bool {
    false
}
