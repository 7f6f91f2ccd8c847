//! Ready-made descriptions of well-known systems, each from its public documentation.

mod alertmanager;
mod github;
mod grafana;
mod sentry;
mod standard;
mod uptime_kuma;

use serde_json::Value;

use super::config::{Field, Mapping, SourceConfig, Verification};

/// Who makes the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretFrom {
    /// We do, and it is entered at the sender.
    Here,
    /// The same, in the form of Standard Webhooks.
    HereStandard,
    /// The sender does, and it is entered here.
    Sender,
}

pub struct Preset {
    /// As people choose it.
    pub name: &'static str,
    pub title: &'static str,
    pub secret: SecretFrom,
    /// Where in the system's settings address and secret are entered.
    pub guide: &'static str,
    verification: fn() -> Verification,
    mapping: fn() -> Mapping,
    sample: fn() -> Sample,
}

/// A message as the system sends it.
pub struct Sample {
    pub headers: Vec<(&'static str, &'static str)>,
    pub body: Value,
}

/// In the order in which they are offered.
pub static PRESETS: &[Preset] =
    &[standard::PRESET, github::PRESET, grafana::PRESET, alertmanager::PRESET, uptime_kuma::PRESET, sentry::PRESET];

pub fn find(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}

/// Whether its system can do no better.
pub(super) fn may_use_sha1(_preset: &str) -> bool {
    false
}

impl Preset {
    pub fn config(&self) -> SourceConfig {
        SourceConfig {
            preset: self.name.to_owned(),
            verification: (self.verification)(),
            mapping: (self.mapping)(),
            actions: vec![],
        }
    }

    pub fn sample(&self) -> Sample {
        (self.sample)()
    }
}

fn field(name: &str, value: &str) -> Field {
    Field { name: name.into(), value: value.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::generic::mapping;

    #[test]
    fn every_preset_is_valid_and_reads_its_own_sample() {
        for preset in PRESETS {
            let config = preset.config();
            assert_eq!(config.problems(), Vec::<String>::new(), "{}", preset.name);
            assert_eq!(mapping::problems(&config.mapping), [], "{}", preset.name);
            let stored = serde_json::to_value(&config).unwrap();
            assert_eq!(serde_json::from_value::<SourceConfig>(stored).unwrap(), config);
            let sample = preset.sample();
            let headers: Vec<(String, String)> =
                sample.headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let mapped = mapping::map(&config.mapping, &sample.body, &headers, "x").unwrap();
            assert!(mapped.iter().all(|event| event.title.is_some()), "{}: {mapped:?}", preset.name);
        }
    }
}
