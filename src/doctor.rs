//! The doctor: looks at everything that has to be right for signals to arrive and answers to go back, with the
//! bot running or stopped. Each look has a deadline of its own, so that what hangs holds up nothing else.
//!
//! It changes nothing, and what it says holds no secret. How it reads is `report`'s.

mod bus;
mod database;
mod discord;
mod game_server;
mod kick;
pub mod report;
mod signals;
mod text;
mod upstream;
mod web;

use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _, join_all};
use tokio::sync::OnceCell;

use crate::id::{GuildId, UserId};
use crate::ports::Ports;
use crate::store::StoreError;
use crate::upstream::discord::Application;

pub use report::{Finding, Report, State};

/// What one look may take.
const DEADLINE: Duration = Duration::from_secs(8);

/// What only the gateway's edge knows: its commands and its buttons.
#[derive(Clone)]
pub struct Edge {
    /// The names of the commands that this program registers.
    pub commands: Vec<String>,
    /// Whether a press on a component with this id is handled.
    pub handles: fn(&str) -> bool,
}

/// The one who looks, and for whom.
pub struct Doctor<'a> {
    ports: &'a Ports,
    edge: Edge,
    guild_id: Option<GuildId>,
    no_database: Option<String>,
    // What several looks need is asked once.
    application: OnceCell<Application>,
    own_id: OnceCell<UserId>,
}

impl<'a> Doctor<'a> {
    /// `guild_id`: the server whose routes and sources are looked at. `no_database`: why there is none to look
    /// into, if so.
    pub fn new(ports: &'a Ports, edge: Edge, guild_id: Option<GuildId>, no_database: Option<String>) -> Self {
        Self { ports, edge, guild_id, no_database, application: OnceCell::new(), own_id: OnceCell::new() }
    }

    /// Looks at everything at the same time.
    pub async fn examine(&self) -> Report {
        let looks = [
            look("Discord", "Token and application", discord::application(self).boxed()),
            look("Discord", "Clock", discord::clock(self).boxed()),
            look("Discord", "Commands", discord::commands(self).boxed()),
            look("Discord", "Channels", discord::channels(self).boxed()),
            look("Discord", "Buttons", discord::buttons(self).boxed()),
            look("Database", "PostgreSQL", database::server(self).boxed()),
            look("Database", "Schema", database::schema(self).boxed()),
            look("Database", "Disk", database::disk(self).boxed()),
            look("Database", "Encryption", database::encryption(self).boxed()),
            look("Database", "Replicas", database::replicas(self).boxed()),
            look("Redis", "Redis", bus::server(self).boxed()),
            look("XTSystems", "API", upstream::api(self).boxed()),
            look("XTSystems", "Webhook", upstream::webhook(self).boxed()),
            look("XTSystems", "Secret", signals::secrets(self).boxed()),
            look("XTSystems", "Refused requests", signals::refusals(self).boxed()),
            look("XTSystems", "Pulse", signals::pulse(self).boxed()),
            look("Kick", "App", kick::app(self).boxed()),
            look("Kick", "Channels", kick::channels(self).boxed()),
            look("Web", "Public address", web::public_address(self).boxed()),
            look("Kick", "Webhook", web::kick_address(self).boxed()),
            look("Kick", "Refused requests", signals::kick_refusals(self).boxed()),
            look("ET:Legacy", "SSH", game_server::ssh(self).boxed()),
            look("Deliveries", "Outbox", signals::outbox(self).boxed()),
        ];
        Report { findings: join_all(looks).await.into_iter().flatten().collect() }
    }
}

/// Why a look found nothing out.
enum Blind {
    /// The database is away, which has a line of its own.
    NoDatabase,
    Failed(String),
}

impl From<StoreError> for Blind {
    fn from(error: StoreError) -> Self {
        if error.is_unavailable() {
            return Self::NoDatabase;
        }
        tracing::debug!(%error, "the doctor could not read");
        Self::Failed(text::UNREADABLE.into())
    }
}

type Found = Result<Vec<Finding>, Blind>;

async fn look(subject: &'static str, what: &'static str, work: BoxFuture<'_, Found>) -> Vec<Finding> {
    let found = match tokio::time::timeout(DEADLINE, work).await {
        Ok(Ok(found)) => found,
        Ok(Err(Blind::NoDatabase)) => vec![text::database_away(what)],
        Ok(Err(Blind::Failed(why))) => vec![text::blind(what, why)],
        Err(_) => vec![text::no_answer(what, DEADLINE.as_secs())],
    };
    found.into_iter().map(|finding| Finding { subject, ..finding }).collect()
}
