//! The program's log in a test: its ERROR lines are kept, and `TOWN_LOG=1` prints it.

use std::sync::{Arc, Mutex};

/// ERROR lines of this test.
#[derive(Clone, Default)]
pub struct Errors(Arc<Mutex<Vec<String>>>);

impl Errors {
    /// Whether a line with these words was logged.
    pub fn has(&self, words: &str) -> bool {
        self.0.lock().unwrap().iter().any(|line| line.contains(words))
    }

    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Errors {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        let ours = event.metadata().target().starts_with("signalbox");
        if std::env::var_os("TOWN_LOG").is_some() && (ours || *event.metadata().level() <= tracing::Level::WARN) {
            let mut line = Line::default();
            event.record(&mut line);
            eprintln!(
                "{} {} {}: {}",
                chrono::Utc::now().format("%S%.3f"),
                event.metadata().level(),
                event.metadata().target(),
                line.0
            );
        }
        if *event.metadata().level() == tracing::Level::ERROR && ours {
            let mut line = Line::default();
            event.record(&mut line);
            self.0.lock().unwrap().push(line.0);
        }
    }
}

#[derive(Default)]
struct Line(String);

impl tracing::field::Visit for Line {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        self.0.push_str(&format!("{}={value:?} ", field.name()));
    }
}
