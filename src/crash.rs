//! Named points at which a test makes the process die as if killed. Nothing without the cargo feature
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
