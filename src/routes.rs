//! Routes and templates as people handle them: propose with a preview, save, pause, remove, undo. Every change is
//! one transaction with its line of history, its line of the audit log, and the notice that tells the admins.

pub mod check;
pub mod look_back;
pub mod order;
pub mod propose;
pub mod save;
pub mod template;
pub mod time_zone;

use anyhow::Result;
use chrono_tz::Tz;
use uuid::Uuid;

use crate::error::UserError;
use crate::id::GuildId;
use crate::ports::Ports;
use crate::routing::change::Names;
use crate::store::Tx;
use crate::store::guild_setting::find_time_zone;
use crate::store::route::{
    DestinationLabel, StoredRoute, StoredTemplate, list_destination_labels, list_routes, list_sources,
};
use crate::store::template::list_templates;

/// Characters of a name.
pub const NAME: usize = 40;

/// Everything about the routes of a guild at one moment.
pub struct Board {
    pub routes: Vec<StoredRoute>,
    pub templates: Vec<StoredTemplate>,
    pub sources: Vec<(Uuid, String)>,
    pub destinations: Vec<DestinationLabel>,
    /// By whose clocks times of the day go that name no place.
    pub zone: Tz,
}

impl Board {
    pub async fn read(ports: &Ports, guild_id: GuildId) -> Result<Self> {
        let mut tx = ports.store.begin().await?;
        Self::read_in(&mut tx, guild_id).await
    }

    pub async fn read_in(tx: &mut Tx, guild_id: GuildId) -> Result<Self> {
        Ok(Self {
            routes: list_routes(tx, guild_id).await?,
            templates: list_templates(tx, guild_id).await?,
            sources: list_sources(tx, guild_id).await?,
            destinations: list_destination_labels(tx, guild_id).await?,
            zone: find_time_zone(tx, guild_id).await?.unwrap_or_default(),
        })
    }

    /// By its name, or its pattern where it has none.
    pub fn route(&self, name: &str) -> Result<&StoredRoute> {
        let wanted = name.trim();
        let found = self.routes.iter().find(|route| route.id.to_string() == wanted || route.name == wanted);
        let found = found.or_else(|| self.routes.iter().find(|route| route.name.eq_ignore_ascii_case(wanted)));
        found.ok_or_else(|| {
            UserError::new(format!("There is no route called {}. /route list shows them.", shown(wanted))).into()
        })
    }

    /// One that may be changed here.
    pub fn own_route(&self, name: &str) -> Result<&StoredRoute> {
        let route = self.route(name)?;
        fixed(route).map_or(Ok(route), |why| Err(why.into()))
    }

    pub fn template(&self, name: &str) -> Result<&StoredTemplate> {
        let wanted = name.trim();
        let found = self.templates.iter().find(|template| template.name.eq_ignore_ascii_case(wanted));
        found.ok_or_else(|| {
            UserError::new(format!("There is no template called {}. /template list shows them.", shown(wanted))).into()
        })
    }

    /// The routes that use a template.
    pub fn users_of(&self, template_id: Uuid) -> Vec<&str> {
        let users = self.routes.iter().filter(|route| route.template.as_ref().is_some_and(|t| t.id == template_id));
        users.map(|route| route.name.as_str()).collect()
    }

    /// Why a template cannot be removed.
    pub fn used(&self, template_id: Uuid) -> Option<UserError> {
        let users = self.users_of(template_id);
        let words = format!("It is used by {}. Give them another look first.", shown(&users.join(", ")));
        (!users.is_empty()).then(|| UserError::new(words))
    }
}

/// Why a route cannot be changed here.
pub fn fixed(route: &StoredRoute) -> Option<UserError> {
    let why = format!(
        "The route {} comes from the environment (DISCORD_WEBHOOK_CHANNELS, MONITOR_CHANNELS) and is written anew \
         at each start: the operator changes it there. A route that you add here is tried before it.",
        shown(&route.name)
    );
    route.from_env.then(|| UserError::new(why))
}

impl Names for Board {
    fn destination(&self, id: Uuid) -> String {
        let found = self.destinations.iter().find(|destination| destination.id == id);
        found.map_or_else(|| "a destination that is gone".into(), |destination| destination.label.clone())
    }

    fn source(&self, id: Uuid) -> String {
        let found = self.sources.iter().find(|(known, _)| *known == id);
        found.map_or_else(|| "a source that is gone".into(), |(_, name)| name.clone())
    }

    fn template(&self, id: Uuid) -> String {
        let found = self.templates.iter().find(|template| template.id == id);
        found.map_or_else(|| "a template that is gone".into(), |template| template.name.clone())
    }
}

/// What somebody typed, for an error.
fn shown(name: &str) -> String {
    crate::routing::embed::escape(&crate::routing::embed::fit(name, 60))
}

/// A name that a button, a log and a sentence can carry.
fn check_name(name: &str, what: &str) -> Result<String> {
    let name = name.trim();
    let fits = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.');
    if name.is_empty() || name.chars().count() > NAME || !name.chars().all(fits) {
        let words = format!("A {what} is called with letters, digits, spaces, - _ and ., up to {NAME} of them.");
        return Err(UserError::new(words).into());
    }
    Ok(name.to_owned())
}
