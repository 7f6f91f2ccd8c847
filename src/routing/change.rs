//! Routes and templates as they are saved, compared and restored.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::embed::fit;
use super::noise::Noise;
use super::template::Parts;
use crate::event::Severity;

/// Characters of a value in a comparison.
const SHOWN: usize = 300;

/// All of a route that people set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RouteBody {
    pub name: String,
    /// Lower is tried first.
    pub position: i32,
    pub source_id: Option<Uuid>,
    pub pattern: String,
    pub min_severity: Severity,
    pub filter: Option<String>,
    pub destination_ids: Vec<Uuid>,
    pub webhook_type: Option<String>,
    pub webhook_scope: Option<String>,
    pub mode: Option<String>,
    pub template_id: Option<Uuid>,
    pub continues: bool,
    pub paused: bool,
    #[serde(default, skip_serializing_if = "Noise::is_off")]
    pub noise: Noise,
    /// Kept apart from the rest, so that a member who is mentioned can be forgotten.
    #[serde(skip)]
    pub mentions: Vec<String>,
}

/// All of a template that people set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TemplateBody {
    pub name: String,
    pub parts: Parts,
}

/// One line of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub label: String,
    pub before: String,
    pub after: String,
}

/// How ids are told to people.
pub trait Names {
    fn destination(&self, id: Uuid) -> String;
    fn source(&self, id: Uuid) -> String;
    fn template(&self, id: Uuid) -> String;
}

impl RouteBody {
    fn lines(&self, names: &dyn Names) -> Vec<(String, String)> {
        let to: Vec<String> = self.destination_ids.iter().map(|id| names.destination(*id)).collect();
        let selector = match (&self.webhook_type, &self.webhook_scope) {
            (None, None) => String::new(),
            (kind, scope) => {
                format!("every {} {}", kind.as_deref().unwrap_or("type"), scope.as_deref().unwrap_or("scope"))
            }
        };
        let lines = [
            ("name", self.name.clone()),
            ("type", self.pattern.clone()),
            ("source", self.source_id.map_or_else(String::new, |id| names.source(id))),
            (
                "severity",
                match self.min_severity {
                    Severity::Debug => String::new(),
                    least => format!("{} and above", least.as_str()),
                },
            ),
            ("filter", self.filter.clone().unwrap_or_default()),
            ("to", to.join(" ")),
            ("to all webhooks of", selector),
            ("template", self.template_id.map_or_else(String::new, |id| names.template(id))),
            ("shown as", self.mode.clone().unwrap_or_default()),
            ("mentions", self.mentions.join(" ")),
            ("goes on", if self.continues { "yes".into() } else { String::new() }),
            ("position", self.position.to_string()),
            ("paused", if self.paused { "yes".into() } else { String::new() }),
        ];
        let noise = self.noise.words();
        lines.into_iter().chain(noise).map(|(label, value)| (label.to_owned(), value)).collect()
    }
}

impl TemplateBody {
    fn lines(&self) -> Vec<(String, String)> {
        let parts = &self.parts;
        let mut lines: Vec<(String, String)> = [
            ("name", &self.name),
            ("content", &parts.content),
            ("title", &parts.title),
            ("description", &parts.description),
            ("colour", &parts.color),
            ("link", &parts.url),
        ]
        .map(|(label, value)| (label.to_owned(), value.clone()))
        .into();
        let fields = parts.fields.iter().enumerate();
        lines.extend(fields.map(|(n, field)| (format!("field {}", n + 1), format!("{}: {}", field.name, field.value))));
        lines
    }
}

/// What differs between two states of a route; `None` is a route that is not there.
pub fn compare_routes(before: Option<&RouteBody>, after: Option<&RouteBody>, names: &dyn Names) -> Vec<Line> {
    let lines = |body: Option<&RouteBody>| body.map(|body| body.lines(names)).unwrap_or_default();
    compare(lines(before), lines(after))
}

/// The same for a template.
pub fn compare_templates(before: Option<&TemplateBody>, after: Option<&TemplateBody>) -> Vec<Line> {
    let lines = |body: Option<&TemplateBody>| body.map(TemplateBody::lines).unwrap_or_default();
    compare(lines(before), lines(after))
}

fn compare(before: Vec<(String, String)>, after: Vec<(String, String)>) -> Vec<Line> {
    let value = |lines: &[(String, String)], label: &str| {
        lines.iter().find(|(name, _)| name == label).map(|(_, value)| fit(value, SHOWN)).unwrap_or_default()
    };
    let gone = before.iter().filter(|(label, _)| !after.iter().any(|(name, _)| name == label));
    let labels: Vec<String> = after.iter().chain(gone).map(|(label, _)| label.clone()).collect();
    let lines =
        labels.into_iter().map(|label| Line { before: value(&before, &label), after: value(&after, &label), label });
    lines.filter(|line| line.before != line.after).collect()
}

impl Line {
    /// `filter: a → b`
    pub fn words(&self) -> String {
        match (self.before.as_str(), self.after.as_str()) {
            ("", after) => format!("{}: {after}", self.label),
            (before, "") => format!("{}: {before} → none", self.label),
            (before, after) => format!("{}: {before} → {after}", self.label),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Plain;

    impl Names for Plain {
        fn destination(&self, id: Uuid) -> String {
            format!("<#{}>", id.as_u128())
        }
        fn source(&self, id: Uuid) -> String {
            format!("source {}", id.as_u128())
        }
        fn template(&self, id: Uuid) -> String {
            format!("template {}", id.as_u128())
        }
    }

    fn body() -> RouteBody {
        RouteBody {
            name: "urgent".into(),
            position: 10,
            source_id: None,
            pattern: "ticket.*".into(),
            min_severity: Severity::Debug,
            filter: Some("data.priority == 'high'".into()),
            destination_ids: vec![Uuid::from_u128(7)],
            webhook_type: None,
            webhook_scope: None,
            mode: None,
            template_id: None,
            continues: false,
            paused: false,
            noise: Noise::default(),
            mentions: vec!["<@&5>".into()],
        }
    }

    #[test]
    fn only_what_differs() {
        let after = RouteBody { filter: None, paused: true, min_severity: Severity::Error, ..body() };
        let words = |lines: Vec<Line>| lines.iter().map(Line::words).collect::<Vec<_>>().join("\n");
        insta::assert_snapshot!(words(compare_routes(Some(&body()), Some(&after), &Plain)), @"
        severity: error and above
        filter: data.priority == 'high' → none
        paused: yes
        ");
        insta::assert_snapshot!(words(compare_routes(None, Some(&body()), &Plain)), @"
        name: urgent
        type: ticket.*
        filter: data.priority == 'high'
        to: <#7>
        mentions: <@&5>
        position: 10
        ");
        assert_eq!(compare_routes(Some(&after), Some(&after), &Plain), []);
    }

    #[test]
    fn mentions_are_not_in_the_stored_body() {
        assert!(!serde_json::to_string(&body()).unwrap().contains("<@&5>"));
    }
}
