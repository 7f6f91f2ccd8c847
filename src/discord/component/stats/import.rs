//! Files in quarantine, and reading everything anew.

use anyhow::Result;
use poise::serenity_prelude::{ButtonStyle, CreateActionRow, CreateButton, CreateEmbed};

use super::super::super::text::stats::import as text;
use super::super::base36;
use super::made;
use crate::id::{GuildId, UserId};
use crate::ports::Ports;

/// As many as a row has buttons.
const FILES: usize = 5;

/// A page of files that could not be read, with a button for each.
pub(in crate::discord) async fn quarantine(
    ports: &Ports,
    guild_id: GuildId,
    caller: UserId,
    at: usize,
) -> Result<(CreateEmbed, Vec<CreateActionRow>)> {
    let offset = i64::try_from(at.saturating_mul(FILES)).unwrap_or(i64::MAX);
    let mut files = ports.store.list_stats_quarantined(guild_id, offset, FILES as i64 + 1).await?;
    let more = files.len() > FILES;
    files.truncate(FILES);
    let embed = made(&text::quarantine(&files, at));
    let retry = |(number, file): (usize, &crate::store::stats::status::Quarantined)| {
        CreateButton::new(format!("v1:stats:retry:{}", file.id.simple()))
            .label(format!("Read {} again", number + 1))
            .style(ButtonStyle::Secondary)
    };
    let mut rows = Vec::new();
    if !files.is_empty() {
        rows.push(CreateActionRow::Buttons(files.iter().enumerate().map(retry).collect()));
    }
    if at > 0 || more {
        let button = |label: &str, page: Option<usize>| {
            let page = page.unwrap_or(usize::MAX);
            CreateButton::new(format!("v1:stats:quarantine:{}:{page}", base36(caller.0)))
                .label(label)
                .style(ButtonStyle::Secondary)
                .disabled(page == usize::MAX)
        };
        let next = more.then_some(at + 1);
        rows.push(CreateActionRow::Buttons(vec![button("Previous", at.checked_sub(1)), button("Next", next)]));
    }
    Ok((embed, rows))
}

/// Under what a reparse would change.
pub(in crate::discord) fn reparse_buttons(caller: UserId) -> Vec<CreateActionRow> {
    let button = CreateButton::new(format!("v1:stats:reparse:{}", base36(caller.0)));
    vec![CreateActionRow::Buttons(vec![button.label("Do it").style(ButtonStyle::Danger)])]
}
