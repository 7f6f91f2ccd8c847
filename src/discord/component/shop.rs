//! The shop's controls: choose, answer, confirm; and those of its queue. Their ids are fixed or name what they are about, so
//! they work as long as their message exists.

use std::sync::Arc;

use anyhow::Result;
use poise::serenity_prelude::{
    ButtonStyle, CreateActionRow, CreateButton, CreateEmbed, CreateInputText, CreateModal, InputTextStyle,
};
use uuid::Uuid;

use super::super::text::points as points_text;
use super::super::text::shop as text;
use super::super::{Bot, text as texts};
use super::{Answer, Input, menu};
use crate::community::points::{self, Actor, Whose};
use crate::community::shop::{self, Answers};
use crate::error::UserError;
use crate::id::GuildId;
use crate::ports::Ports;
use crate::routing::board::shop::{self as board, QueueView};
use crate::routing::embed::{MessageBody, fit};
use crate::upstream::permission::{ADMINISTRATOR, MANAGE_GUILD};

const GOLD: u32 = 0xF1_C4_0F;
const ANSWER: &str = "answer";
const NOTE: &str = "note";
const QUEUED: i64 = 10;

/// What is asked of the shop.
pub(super) enum Asked {
    /// An item is chosen in the select.
    Pick,
    /// The form about an item is sent.
    Form(Uuid),
    Confirm(Uuid),
    Cancel(Uuid),
    Balance,
    /// A sale is chosen in the select of the queue.
    Sale,
    Complete(Uuid),
    Refund(Uuid),
}

/// `shop:<pick|balance|sale>:0`, `shop:form:<item>`, `shop:<confirm|cancel>:<draft>`, `shop:<complete|refund>:<sale>`.
pub(super) fn decode(words: &[&str]) -> Option<Asked> {
    let [verb, id] = words else { return None };
    let about = Uuid::try_parse(id);
    Some(match *verb {
        "pick" => Asked::Pick,
        "balance" => Asked::Balance,
        "sale" => Asked::Sale,
        "form" => Asked::Form(about.ok()?),
        "confirm" => Asked::Confirm(about.ok()?),
        "cancel" => Asked::Cancel(about.ok()?),
        "complete" => Asked::Complete(about.ok()?),
        "refund" => Asked::Refund(about.ok()?),
        _ => return None,
    })
}

pub(super) async fn answer(bot: &Arc<Bot>, asked: Asked, input: &Input) -> Result<Answer> {
    let ports = &bot.ports;
    let who = Actor { guild_id: input.guild_id, user_id: input.user_id, interaction_id: input.interaction_id };
    Ok(match asked {
        Asked::Pick => Answer::Form(form(ports, who, chosen(input)?).await?),
        Asked::Form(item) => propose(ports, who, item, input).await?,
        Asked::Confirm(draft) => Answer::Settled(match shop::confirm(ports, who, draft, &input.roles).await? {
            Some(outcome) => text::bought(&outcome),
            None => text::NOTHING_TO_CONFIRM.to_owned(),
        }),
        Asked::Cancel(draft) => {
            shop::cancel(ports, who, draft).await?;
            Answer::Settled(text::CANCELLED.to_owned())
        }
        Asked::Balance => {
            let account = points::account(ports, who.guild_id, &Whose::Member(who.user_id)).await?;
            Answer::Private(points_text::balance("You have", &account))
        }
        Asked::Sale => {
            manages(input)?;
            let id = chosen(input)?;
            let sale = ports.store.find_sale(who.guild_id, id).await?;
            let sale = sale.filter(|sale| sale.state == "pending").ok_or_else(|| UserError::new(text::DECIDED))?;
            let button = |verb: &str, label: &str, style| {
                CreateButton::new(format!("v1:shop:{verb}:{id}")).label(label).style(style)
            };
            let buttons = vec![
                button("complete", text::COMPLETE, ButtonStyle::Success),
                button("refund", text::REFUND, ButtonStyle::Danger),
            ];
            Answer::Show { content: board::sale(&sale), embeds: vec![], rows: vec![CreateActionRow::Buttons(buttons)] }
        }
        Asked::Complete(sale) => decide(ports, who, sale, true, input).await?,
        Asked::Refund(sale) => decide(ports, who, sale, false, input).await?,
    })
}

async fn decide(ports: &Ports, who: Actor, sale: Uuid, complete: bool, input: &Input) -> Result<Answer> {
    manages(input)?;
    Ok(match shop::decide(ports, who, sale, complete).await? {
        Some(sale) => Answer::Settled(text::decided(&sale, complete)),
        None => Answer::Settled(text::DECIDED.to_owned()),
    })
}

fn manages(input: &Input) -> Result<()> {
    match input.permissions & (MANAGE_GUILD | ADMINISTRATOR) {
        0 => Err(UserError::new(texts::MANAGE_SERVER).into()),
        _ => Ok(()),
    }
}

fn chosen(input: &Input) -> Result<Uuid> {
    let id = input.values.first().and_then(|value| Uuid::try_parse(value).ok());
    id.ok_or_else(|| UserError::new(texts::UNKNOWN_BUTTON).into())
}

/// Asks for the answer to the item's question, and for a note.
async fn form(ports: &Ports, who: Actor, item_id: Uuid) -> Result<CreateModal> {
    let item = shop::offered(ports, who, item_id).await?;
    let note = CreateInputText::new(InputTextStyle::Paragraph, text::NOTE, NOTE).required(false).max_length(300);
    let mut rows = Vec::new();
    if let Some(question) = &item.question {
        let input =
            CreateInputText::new(InputTextStyle::Short, fit(question, 45), ANSWER).required(true).max_length(200);
        rows.push(CreateActionRow::InputText(input));
    }
    rows.push(CreateActionRow::InputText(note));
    Ok(CreateModal::new(format!("v1:shop:form:{item_id}"), fit(&item.name, 45)).components(rows))
}

/// Shows what is to be confirmed, to the buyer alone.
async fn propose(ports: &Ports, who: Actor, item_id: Uuid, input: &Input) -> Result<Answer> {
    let field = |name: &str| input.form.as_ref().and_then(|form| form.get(name)).cloned();
    let answers = Answers { answer: field(ANSWER), note: field(NOTE) };
    let (item, draft) = shop::draft(ports, who, item_id, answers.clone()).await?;
    let button =
        |verb: &str, label: &str, style| CreateButton::new(format!("v1:shop:{verb}:{draft}")).label(label).style(style);
    let buttons = vec![
        button("confirm", text::CONFIRM, ButtonStyle::Success),
        button("cancel", text::CANCEL, ButtonStyle::Secondary),
    ];
    Ok(Answer::Show {
        content: text::asked(&item, answers.answer.as_deref(), answers.note.as_deref()),
        embeds: vec![],
        rows: vec![CreateActionRow::Buttons(buttons)],
    })
}

/// The shop as a message: what there is, and the controls.
pub(in crate::discord) async fn shelf(ports: &Ports, guild_id: GuildId) -> Result<(CreateEmbed, Vec<CreateActionRow>)> {
    Ok(shown(board::shelf(&ports.store.list_shop_items(guild_id).await?)))
}

/// What waits for an admin.
pub(in crate::discord) async fn queue(ports: &Ports, guild_id: GuildId) -> Result<(CreateEmbed, Vec<CreateActionRow>)> {
    let (sales, all) = ports.store.list_pending_sales(guild_id, QUEUED).await?;
    Ok(shown(board::queue(&QueueView { sales, all })))
}

/// A board as the answer to an interaction.
fn shown(body: MessageBody) -> (CreateEmbed, Vec<CreateActionRow>) {
    let embed = body.embeds.first().cloned().unwrap_or_default();
    let mut rows: Vec<CreateActionRow> =
        body.selects.iter().map(|select| CreateActionRow::SelectMenu(menu(select))).collect();
    let buttons: Vec<CreateButton> = body
        .buttons
        .iter()
        .map(|button| CreateButton::new(&button.custom_id).label(&button.label).style(ButtonStyle::Secondary))
        .collect();
    if !buttons.is_empty() {
        rows.push(CreateActionRow::Buttons(buttons));
    }
    (CreateEmbed::new().title(embed.title).colour(GOLD).description(embed.description), rows)
}
