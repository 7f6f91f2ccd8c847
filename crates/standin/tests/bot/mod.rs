//! A small bot on serenity that the tests put into the stand-in.
#![allow(dead_code, clippy::unwrap_used)]

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use serenity::{
    all::{
        ActionRowComponent, AutocompleteChoice, Client, Command, CommandInteraction, ComponentInteraction, Context,
        CreateAutocompleteResponse, CreateInteractionResponse as Respond,
        CreateInteractionResponseFollowup as Followup, CreateInteractionResponseMessage as Reply, EventHandler,
        GatewayIntents, Guild, HttpBuilder, Interaction, InteractionResponseFlags, Message, ModalInteraction,
        RawEventHandler, Ready, ResumedEvent, ShardManager,
    },
    async_trait,
};
use standin::discord::{Discord, Options};
use tokio::sync::mpsc;

/// Everything the bot registers.
pub fn commands() -> Value {
    json!([
        {"name": "ping", "description": "Answers", "options": [
            {"type": 3, "name": "word", "description": "What to say", "required": true, "autocomplete": true},
            {"type": 6, "name": "who", "description": "Whom", "required": false},
        ]},
        {"name": "slow", "description": "Takes its time"},
        {"name": "secret", "description": "For one"},
        {"name": "panel", "description": "Buttons"},
        {"name": "twice", "description": "Answers twice"},
        {"name": "late", "description": "Answers too late"},
        {"name": "silent", "description": "Leaves the answer to the test"},
        {"name": "reset", "description": "For administrators", "default_member_permissions": "0"},
        {"name": "Why?", "type": 3},
    ])
}

pub fn options() -> Options {
    Options { openapi: corpus().map(|c| c.join("discord/openapi.json")), ..Options::default() }
}

/// The genuine data, where it is at hand.
pub fn corpus() -> Option<PathBuf> {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data"));
    let path = std::env::var_os("SIGNALBOX_CORPUS").map_or_else(beside, PathBuf::from);
    if path.is_dir() {
        return Some(path);
    }
    assert!(std::env::var_os("CI").is_none(), "no corpus at {}", path.display());
    println!("not validated against Discord's description: no corpus");
    None
}

pub struct Bot {
    notes: Arc<Mutex<Vec<String>>>,
    shards: Arc<ShardManager>,
    task: tokio::task::JoinHandle<()>,
}

impl Bot {
    pub fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap().clone()
    }

    pub async fn stop(&self) {
        self.shards.shutdown_all().await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub async fn in_town() -> (Discord, Bot) {
    let world = Discord::start(options()).await.unwrap();
    let bot = connect(&world).await;
    (world, bot)
}

pub async fn connect(world: &Discord) -> Bot {
    let notes = Arc::new(Mutex::new(Vec::new()));
    let (ready, mut wait) = mpsc::unbounded_channel();
    let http = HttpBuilder::new(world.token()).proxy(world.origin()).ratelimiter_disabled(true).build();
    let handler = Handler { notes: Arc::clone(&notes), ready };
    let mut client =
        serenity::client::ClientBuilder::new_with_http(http, GatewayIntents::GUILDS | GatewayIntents::GUILD_MESSAGES)
            .event_handler(handler)
            .raw_event_handler(Raw(Arc::clone(&notes)))
            .await
            .unwrap();
    let shards = Arc::clone(&client.shard_manager);
    let task = tokio::spawn(async move { run(&mut client).await });
    wait.recv().await.unwrap();
    Bot { notes, shards, task }
}

async fn run(client: &mut Client) {
    let _ = client.start().await;
}

struct Raw(Arc<Mutex<Vec<String>>>);

#[async_trait]
impl RawEventHandler for Raw {
    async fn raw_event(&self, _: Context, event: serenity::all::Event) {
        // serenity drops an event it cannot read without a word: here it becomes a note.
        if let serenity::all::Event::Unknown(unknown) = event {
            self.0.lock().unwrap().push(format!("unreadable event: {unknown:?}"));
        }
    }
}

struct Handler {
    notes: Arc<Mutex<Vec<String>>>,
    ready: mpsc::UnboundedSender<()>,
}

impl Handler {
    fn note(&self, result: Result<(), serenity::Error>) {
        if let Err(error) = result {
            self.notes.lock().unwrap().push(error.to_string());
        }
    }

    async fn command(&self, ctx: &Context, it: &CommandInteraction) -> Result<(), serenity::Error> {
        let say = |text: &str| Respond::Message(Reply::new().content(text));
        match it.data.name.as_str() {
            "ping" => {
                let word = it.data.options[0].value.as_str().unwrap_or_default();
                it.create_response(ctx, say(&format!("pong {word}"))).await
            }
            "slow" => {
                it.defer(ctx).await?;
                tokio::time::sleep(Duration::from_millis(200)).await;
                it.create_followup(ctx, Followup::new().content("at last")).await?;
                it.create_followup(ctx, Followup::new().content("and more")).await?;
                Ok(())
            }
            "secret" => {
                let reply = Reply::new().content("psst").flags(InteractionResponseFlags::EPHEMERAL);
                it.create_response(ctx, Respond::Message(reply)).await
            }
            "panel" => {
                let components = json!([
                    {"type": 1, "components": [
                        {"type": 2, "style": 3, "label": "Approve", "custom_id": "approve"},
                        {"type": 2, "style": 4, "label": "Deny", "custom_id": "deny"},
                        {"type": 2, "style": 5, "label": "Read", "url": "https://example.com/"},
                    ]},
                    {"type": 1, "components": [
                        {"type": 3, "custom_id": "pick", "options": [{"label": "A", "value": "a"}, {"label": "B", "value": "b"}]},
                    ]},
                ]);
                let body = json!({"type": 4, "data": {"content": "a panel", "components": components}});
                ctx.http.create_interaction_response(it.id, &it.token, &body, Vec::new()).await
            }
            "silent" => {
                self.notes.lock().unwrap().push(format!("/interactions/{}/{}/callback", it.id, it.token));
                Ok(())
            }
            "twice" => {
                it.create_response(ctx, say("one")).await?;
                it.create_response(ctx, say("two")).await
            }
            "late" => {
                tokio::time::sleep(Duration::from_millis(3300)).await;
                it.create_response(ctx, say("late")).await
            }
            _ => it.create_response(ctx, say("because")).await,
        }
    }

    async fn component(&self, ctx: &Context, it: &ComponentInteraction) -> Result<(), serenity::Error> {
        if it.data.custom_id == "deny" {
            let modal = json!({"type": 9, "data": {"custom_id": "why", "title": "Why?", "components": [
                {"type": 1, "components": [{"type": 4, "custom_id": "reason", "label": "Reason", "style": 2, "max_length": 100}]},
            ]}});
            return ctx.http.create_interaction_response(it.id, &it.token, &modal, Vec::new()).await;
        }
        it.create_response(ctx, Respond::Acknowledge).await?;
        let chosen = format!("{} it is", it.data.custom_id.replace("pick", "b"));
        it.create_followup(ctx, Followup::new().content(chosen)).await?;
        Ok(())
    }

    async fn modal(&self, ctx: &Context, it: &ModalInteraction) -> Result<(), serenity::Error> {
        let reason = match &it.data.components[0].components[0] {
            ActionRowComponent::InputText(input) => input.value.clone().unwrap_or_default(),
            _ => String::new(),
        };
        let reply = Reply::new().content(format!("denied: {reason}")).components(Vec::new());
        it.create_response(ctx, Respond::UpdateMessage(reply)).await
    }
}

#[async_trait]
impl EventHandler for Handler {
    async fn ready(&self, ctx: Context, _: Ready) {
        let made: Vec<Command> = ctx.http.create_global_commands(&commands()).await.unwrap();
        assert_eq!(made.len(), 9);
        let _ = self.ready.send(());
    }

    async fn interaction_create(&self, ctx: Context, interaction: Interaction) {
        let result = match &interaction {
            Interaction::Command(it) => self.command(&ctx, it).await,
            Interaction::Autocomplete(it) => {
                let typed = it.data.autocomplete().map_or("", |o| o.value);
                let choice = AutocompleteChoice::new(format!("{typed}!"), typed);
                let response = CreateAutocompleteResponse::new().set_choices(vec![choice]);
                it.create_response(&ctx, Respond::Autocomplete(response)).await
            }
            Interaction::Component(it) => self.component(&ctx, it).await,
            Interaction::Modal(it) => self.modal(&ctx, it).await,
            _ => Ok(()),
        };
        self.note(result);
    }

    async fn message(&self, _: Context, message: Message) {
        self.notes.lock().unwrap().push(format!("message: {:?}", message.content));
    }

    async fn guild_create(&self, _: Context, guild: Guild, _: Option<bool>) {
        self.notes.lock().unwrap().push(format!("guild: {}", guild.name));
    }

    async fn resume(&self, _: Context, _: ResumedEvent) {
        self.notes.lock().unwrap().push("resumed".into());
    }
}
