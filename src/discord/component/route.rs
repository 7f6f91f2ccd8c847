//! Save under a proposed route or template, the form of a template, and Undo under the notice of a change.

use std::sync::Arc;

use anyhow::Result;
use poise::serenity_prelude::{
    ButtonStyle, CreateActionRow, CreateButton, CreateEmbed, CreateEmbedFooter, CreateInputText, CreateModal,
    InputTextStyle,
};
use uuid::Uuid;

use super::super::text::route as text;
use super::super::{Bot, text as texts};
use super::{Answer, Input};
use crate::error::UserError;
use crate::routes::template::{Preview, propose};
use crate::routes::{NAME, save};
use crate::routing::embed::{CONTENT, Embed, fit};
use crate::routing::template::{FieldParts, Parts};
use crate::upstream::permission::manages;

/// Characters of a text input.
const INPUT: usize = 4000;

/// What is asked by a button or a form.
pub(super) enum Asked {
    /// Of a draft.
    Save(Uuid),
    /// Of a change.
    Undo(Uuid),
    /// The form of a new template of this name.
    Add(String),
    /// The form of a template.
    Edit(Uuid),
}

/// `route:<save|undo>:<id>`, and of forms `route:<add|edit>:<name or id>`.
pub(super) fn decode(words: &[&str]) -> Option<Asked> {
    Some(match words {
        ["save", id] => Asked::Save(id.parse().ok()?),
        ["undo", id] => Asked::Undo(id.parse().ok()?),
        ["edit", id] => Asked::Edit(id.parse().ok()?),
        ["add", name] if !name.is_empty() => Asked::Add((*name).to_owned()),
        _ => return None,
    })
}

pub(super) async fn answer(bot: &Arc<Bot>, asked: Asked, input: &Input) -> Result<Answer> {
    if !manages(input.permissions) {
        return Err(UserError::new(texts::MANAGE_SERVER).into());
    }
    let ports = &bot.ports;
    let (guild_id, by) = (input.guild_id, input.user_id);
    match asked {
        Asked::Save(id) => {
            let changed = save::save(ports, guild_id, by, id).await?;
            Ok(Answer::Settled(text::changed(&changed.headline)))
        }
        Asked::Undo(id) => {
            let changed = save::undo(ports, guild_id, by, id).await?;
            Ok(Answer::Settled(text::undone(&changed.headline, by)))
        }
        Asked::Add(name) => Ok(shown(&propose(ports, guild_id, by, None, &name, parts(input)).await?)),
        Asked::Edit(id) => {
            let name = save::template_name(ports, guild_id, id).await?;
            Ok(shown(&propose(ports, guild_id, by, Some(id), &name, parts(input)).await?))
        }
    }
}

fn shown(preview: &Preview) -> Answer {
    let (content, embeds, rows) = previewed(preview);
    Answer::Show { content, embeds, rows }
}

/// A template with recent events, and Save where there is something to be saved.
pub(in crate::discord) fn previewed(preview: &Preview) -> (String, Vec<CreateEmbed>, Vec<CreateActionRow>) {
    let mut content = match (preview.draft_id, preview.is_new) {
        (None, _) => format!("🎨 Template {}", preview.name),
        (_, true) => format!("🎨 New template {}. Nothing is saved until you press Save.", preview.name),
        _ => format!("🎨 Change of the template {}. Nothing is saved until you press Save.", preview.name),
    };
    if !preview.lines.is_empty() && !preview.is_new {
        content.push('\n');
        content.push_str(&text::diff(&preview.lines));
    }
    let mut embeds = Vec::new();
    for (event, rendered) in &preview.examples {
        match rendered {
            Ok(rendered) => {
                if !rendered.content.is_empty() {
                    content.push_str(&format!("\n{}", fit(&rendered.content, 300)));
                }
                embeds.push(embed(&rendered.embed));
            }
            Err(why) => content.push_str(&format!("\n❌ With the newest {}: {}", event.kind, fit(why, 200))),
        }
    }
    // Discord's limit is over all embeds of a message.
    embeds.truncate(
        1 + usize::from(preview.examples.iter().all(|(_, r)| r.as_ref().is_ok_and(|r| r.embed.len() < 2000))) * 2,
    );
    if preview.tried == 0 {
        content.push_str(&format!("\n{}", text::NOTHING_PAST));
    }
    if !preview.warnings.is_empty() {
        content.push_str(&format!("\n{}", text::warnings(&preview.warnings)));
    }
    let button = |id: Uuid| {
        let button = CreateButton::new(format!("v1:route:save:{id}")).label(text::SAVE).style(ButtonStyle::Success);
        CreateActionRow::Buttons(vec![button])
    };
    (fit(&content, CONTENT), embeds, preview.draft_id.map(button).into_iter().collect())
}

fn embed(embed: &Embed) -> CreateEmbed {
    let mut out = CreateEmbed::new()
        .title(&embed.title)
        .description(&embed.description)
        .colour(embed.color)
        .footer(CreateEmbedFooter::new(&embed.footer.text))
        .fields(embed.fields.iter().map(|field| (field.name.clone(), field.value.clone(), field.inline)));
    if !embed.url.is_empty() {
        out = out.url(&embed.url);
    }
    out
}

/// The form of a template: empty for a new one called `target`, else with what stands.
pub(in crate::discord) fn form(verb: &str, target: &str, present: Option<(&str, &Parts)>) -> Result<CreateModal> {
    let target = target.trim();
    let plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.');
    if target.is_empty() || target.chars().count() > NAME || !target.chars().all(plain) {
        let words = format!("A template is called with letters, digits, spaces, - _ and ., up to {NAME} of them.");
        return Err(UserError::new(words).into());
    }
    let standing = present.map(|(_, parts)| parts.clone()).unwrap_or_default();
    let look = [standing.color.as_str(), standing.url.as_str()].join("\n");
    let fields: Vec<String> = standing.fields.iter().map(field_line).collect();
    let input = |style, label: &str, id: &str, hint: &str, value: String, most: usize| {
        let input = CreateInputText::new(style, label, id).placeholder(hint).required(false);
        let input = input.max_length(most.min(INPUT) as u16);
        let value = value.trim().to_owned();
        CreateActionRow::InputText(if value.is_empty() { input } else { input.value(value) })
    };
    let (long, short) = (InputTextStyle::Paragraph, InputTextStyle::Short);
    let title = text::form_title(present.map_or(target, |(name, _)| name));
    Ok(CreateModal::new(format!("v1:route:{verb}:{target}"), title).components(vec![
        input(short, text::TITLE_LABEL, "title", text::TITLE_HINT, standing.title, 1000),
        input(long, text::DESCRIPTION_LABEL, "description", text::DESCRIPTION_HINT, standing.description, INPUT),
        input(long, text::FIELDS_LABEL, "fields", text::FIELDS_HINT, fields.join("\n"), INPUT),
        input(long, text::LOOK_LABEL, "look", text::LOOK_HINT, look, 1000),
        input(long, text::CONTENT_LABEL, "content", text::CONTENT_HINT, standing.content, 2000),
    ]))
}

fn parts(input: &Input) -> Parts {
    let given = |name: &str| input.form.as_ref().and_then(|form| form.get(name)).cloned().unwrap_or_default();
    let look = given("look");
    // One line alone may be either.
    let mut lines = look.lines().map(str::trim).filter(|line| !line.is_empty()).peekable();
    let color = lines.next_if(|line| !line.contains("://")).unwrap_or_default().to_owned();
    let url = lines.next().unwrap_or_default().to_owned();
    Parts {
        content: given("content"),
        title: given("title"),
        description: given("description"),
        fields: given("fields").lines().filter(|line| !line.trim().is_empty()).map(field_of).collect(),
        color,
        url,
    }
}

/// `+ Priority: {{ data.priority }}`
fn field_of(line: &str) -> FieldParts {
    let line = line.trim();
    let (inline, line) = line.strip_prefix('+').map_or((false, line), |rest| (true, rest.trim()));
    let (name, value) = line.split_once(": ").unwrap_or((line.trim_end_matches(':'), ""));
    FieldParts { name: name.trim().to_owned(), value: value.trim().to_owned(), inline }
}

fn field_line(field: &FieldParts) -> String {
    let line = format!("{}: {}", field.name, field.value.replace('\n', " "));
    if field.inline { format!("+ {line}") } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_survives_the_form() {
        for line in ["+ Priority: {{ data.priority|upper }}", "Since: {{ time|relative }} at 10:00"] {
            assert_eq!(field_line(&field_of(line)), line);
        }
        assert_eq!(field_of("Alone").value, "");
    }
}
