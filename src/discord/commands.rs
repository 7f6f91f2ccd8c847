//! The slash commands. One file per topic.

mod about;
mod api_key;
mod approvals;
mod audit;
mod chat_command;
mod community;
mod deliveries;
mod destination;
mod doctor;
mod giveaway;
mod gtb;
mod help;
mod kick;
mod link_user;
mod machines;
mod panel;
mod party;
mod points;
mod privacy;
mod raffle;
mod route;
mod shop;
mod silence;
mod slots;
mod source;
mod stats;
mod template;
pub mod ticket;
mod time_zone;
mod timer;
mod watchroles;
mod watchtime;
mod webhook;
mod webhook_secret;
mod webhook_setup;
mod why;

use std::fmt::Write as _;
use std::sync::Arc;

use super::{Bot, Context, Error, text};
use crate::error::UserError;
use crate::id::{GuildId, RoleId};
use crate::source::xtsystems::live::LiveSource;
use crate::upstream::permission::{self, ADMINISTRATOR};
use poise::serenity_prelude::{AutocompleteChoice, CreateAutocompleteResponse, CreateCommand, Permissions};

type Definition = poise::Command<Arc<Bot>, Error>;

/// Every command that the configuration has a use for, in the order of `/help`.
pub fn all(has_xtsystems: bool, has_kick: bool) -> Vec<Definition> {
    let mut commands = vec![
        help::help(),
        about::about(),
        doctor::doctor(),
        privacy::privacy(),
        audit::audit(),
        api_key::api_key(),
        party::party(),
        raffle::raffle(),
        giveaway::giveaway(),
        gtb::gtb(),
        slots::slots(),
        timer::timer(),
        chat_command::chatcommand(),
        panel::panel(),
        source::source(),
        route::route(),
        template::template(),
        destination::destination(),
        silence::silence(),
        silence::silence_menu(),
        time_zone::time_zone(),
        deliveries::deliveries(),
        why::why(),
        why::why_not(),
        why::why_menu(),
        points::points(),
        watchtime::watchtime(),
        watchtime::leaderboard(),
        shop::shop(),
        watchroles::watchroles(),
        community::community(),
        stats::stats(),
    ];
    if has_kick {
        commands.extend([kick::kick(), kick::link(), kick::unlink()]);
    }
    if has_xtsystems {
        commands.extend([
            webhook::webhook_status(),
            webhook::webhook_config(),
            webhook_setup::register_webhook(),
            webhook_setup::test_webhook(),
            webhook_secret::webhook_secret(),
            ticket::ticket(),
            machines::machines(),
            link_user::link_user(),
            approvals::approvals(),
        ]);
    }
    commands
}

/// The commands as Discord is given them. What needs Administrator is open to nobody by default: that is how
/// Discord says "admins alone" (`default_member_permissions` of "0").
pub fn definitions(commands: &[Definition]) -> Vec<CreateCommand> {
    let defined = commands.iter().flat_map(|command| {
        let made = poise::builtins::create_application_commands(std::slice::from_ref(command));
        let admins_alone = command.default_member_permissions == Permissions::ADMINISTRATOR;
        made.into_iter().map(move |made| match admins_alone {
            true => made.default_member_permissions(Permissions::empty()),
            false => made,
        })
    });
    defined.collect()
}

/// The text of `commands.md`.
pub fn reference() -> String {
    let mut out = String::from(
        "# Commands\n\nMade from the program's own definitions. Server admins can change who may use a command under \
         Server Settings › Integrations.\n",
    );
    for command in all(true, true) {
        let heading = heading(&command);
        let _ = write!(out, "\n## {heading}\n\n{}\n\n", command.description.as_deref().unwrap_or_default());
        write_parameters(&mut out, &command);
        for (path, subcommand) in leaves(&command).filter(|(path, _)| *path != command.name) {
            let _ = write!(out, "### /{path}\n\n{}\n\n", subcommand.description.as_deref().unwrap_or_default());
            write_parameters(&mut out, subcommand);
        }
        let _ = writeln!(out, "Who: {}.", who(command.default_member_permissions));
    }
    out
}

/// As people find it: in the box for commands, or in the menu of a message.
fn heading(command: &Definition) -> String {
    match &command.context_menu_name {
        Some(name) => format!("Message menu › Apps › {name}"),
        None => format!("/{}", command.name),
    }
}

/// The name under which Discord knows a command.
pub fn registered_name(command: Definition) -> String {
    command.context_menu_name.unwrap_or(command.name).into_owned()
}

fn write_parameters(out: &mut String, command: &Definition) {
    for parameter in &command.parameters {
        let need = if parameter.required { "required" } else { "optional" };
        let about = parameter.description.as_deref().unwrap_or_default();
        let _ = writeln!(out, "- `{}` ({need}): {about}", parameter.name);
    }
    if !command.parameters.is_empty() {
        out.push('\n');
    }
}

/// What can be run: the command itself, or its subcommands with their whole names (`ticket create`).
fn leaves(command: &Definition) -> impl Iterator<Item = (String, &Definition)> {
    let mut found = Vec::new();
    let mut open = vec![(command.name.to_string(), command)];
    while let Some((path, at)) = open.pop() {
        if at.subcommands.is_empty() {
            found.push((path, at));
            continue;
        }
        open.extend(at.subcommands.iter().rev().map(|sub| (format!("{path} {}", sub.name), sub)));
    }
    found.into_iter()
}

fn who(permissions: Permissions) -> String {
    if permissions.is_empty() { "everyone".into() } else { format!("members with {permissions}") }
}

/// The source of this server.
fn source_here(ctx: Context<'_>) -> Result<Arc<LiveSource>, Error> {
    let source = ctx.data().xtsystems.as_ref();
    let source = source.filter(|source| super::guild_of(ctx.guild_id()) == Some(source.guild_id));
    Ok(source.ok_or_else(|| UserError::new(text::NOT_SET_UP))?.clone())
}

/// What an option's autocomplete offers.
fn offer(choices: impl IntoIterator<Item = AutocompleteChoice>) -> CreateAutocompleteResponse {
    CreateAutocompleteResponse::new().set_choices(choices.into_iter().collect())
}

fn application(ctx: Context<'_>) -> Result<poise::ApplicationContext<'_, Arc<Bot>, Error>, Error> {
    match ctx {
        poise::Context::Application(application) => Ok(application),
        poise::Context::Prefix(_) => Err(UserError::new(text::ONLY_IN_SERVERS).into()),
    }
}

/// The caller's roles, and permissions as Discord computed them.
fn held(ctx: Context<'_>) -> Result<(Vec<RoleId>, u64), Error> {
    let member = application(ctx)?.interaction.member.as_ref();
    let member = member.ok_or_else(|| UserError::new(text::ONLY_IN_SERVERS))?;
    let roles = member.roles.iter().map(|role| RoleId::from(role.get())).collect();
    Ok((roles, member.permissions.unwrap_or_default().bits()))
}

/// The source of this server, for members who may manage it. Discord's own defaults can be changed by
/// admins, hence the second look.
fn managed_source(ctx: Context<'_>) -> Result<Arc<LiveSource>, Error> {
    let source = source_here(ctx)?;
    managed_guild(ctx)?;
    Ok(source)
}

/// This server, for members who may manage it.
fn managed_guild(ctx: Context<'_>) -> Result<GuildId, Error> {
    manages(ctx)?;
    super::guild_of(ctx.guild_id()).ok_or_else(|| UserError::new(text::ONLY_IN_SERVERS).into())
}

/// An error for members who may not manage the server.
fn manages(ctx: Context<'_>) -> Result<(), Error> {
    let (_, permissions) = held(ctx)?;
    if permission::manages(permissions) { Ok(()) } else { Err(UserError::new(text::MANAGE_SERVER).into()) }
}

/// An error for members who are no administrators.
fn administers(ctx: Context<'_>) -> Result<(), Error> {
    let (_, permissions) = held(ctx)?;
    if permissions & ADMINISTRATOR != 0 { Ok(()) } else { Err(UserError::new(text::ADMINISTRATOR).into()) }
}

/// The server that this bot is for; in another one its operator's affairs are nobody's business.
fn own_guild(ctx: Context<'_>) -> Result<GuildId, Error> {
    let here = super::guild_of(ctx.guild_id()).ok_or_else(|| UserError::new(text::ONLY_IN_SERVERS))?;
    if ctx.data().ports.config.discord.guild_id == Some(here) {
        return Ok(here);
    }
    Err(UserError::new(text::NOT_THIS_SERVER).into())
}
