//! Kick as tests need it: a browser that follows the links of Signalbox and Kick, channels that are connected.

use super::machines::names;
use super::town::{Setup, Town, plain_times, run_with, show, told};
use serde_json::{Value, json};
use signalbox::id::GuildId;
use signalbox::store::Store;
use signalbox::store::kick::KickChannel;
use signalbox::store::kick_chat::{NewKickChat, insert_kick_chat};

/// Runs a test in a town with Kick.
pub async fn run_kick(test: impl AsyncFnOnce(&mut Town)) {
    run_with(Setup::kick(), test).await;
}

/// Somebody's browser. It follows no redirect by itself, and keeps cookies as browsers do.
pub struct Browser {
    http: reqwest::Client,
    cookie: Option<String>,
}

/// What a browser shows, or where it is sent.
pub struct Shown {
    pub status: u16,
    /// The page as a person reads it.
    pub text: String,
    pub location: Option<String>,
    pub headers: reqwest::header::HeaderMap,
}

impl Browser {
    pub fn new() -> Self {
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { http, cookie: None }
    }

    pub async fn open(&mut self, url: &str) -> Shown {
        self.send(self.http.get(url)).await
    }

    /// Presses the only button of the page at this address.
    pub async fn press(&mut self, url: &str) -> Shown {
        self.send(self.http.post(url)).await
    }

    async fn send(&mut self, mut request: reqwest::RequestBuilder) -> Shown {
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        let response = request.send().await.unwrap();
        if let Some(set) = response.headers().get("set-cookie") {
            let pair = set.to_str().unwrap().split(';').next().unwrap().to_owned();
            self.cookie = (!pair.ends_with('=')).then_some(pair);
        }
        let location = response.headers().get("location").map(|v| v.to_str().unwrap().to_owned());
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Shown { status, text: page(&response.text().await.unwrap()), location, headers }
    }
}

/// A page as a person reads it: a line for each block, `(…)` around a button.
fn page(html: &str) -> String {
    let Some((_, body)) = html.split_once("<main>") else { return html.to_owned() };
    let mut text = body.split("</main>").next().unwrap().to_owned();
    for (tag, shown) in
        [("<li>", "- "), ("<button>", "("), ("</button>", ")\n"), ("</li>", "\n"), ("</p>", "\n"), ("</h1>", "\n")]
    {
        text = text.replace(tag, shown);
    }
    let mut out = String::new();
    for (at, piece) in text.split('<').enumerate() {
        out.push_str(if at == 0 { piece } else { piece.split_once('>').map_or("", |(_, rest)| rest) });
    }
    let plain = out.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
    plain.replace("&amp;", "&").trim().to_owned()
}

/// What a command answered, in private.
pub async fn asked(town: &Town, who: &str, name: &str, options: Value) -> String {
    let outcome = town.command(who, name, options).await;
    assert_eq!(outcome["ephemeral"], true, "{outcome:#}");
    let here = format!("http://{}", town.app.address);
    names(town, &plain_times(show(&outcome["message"]).trim()).replace(&here, "HERE"))
}

/// The link that a command gives.
pub async fn link(town: &Town, who: &str, name: &str, options: Value) -> String {
    let outcome = town.command(who, name, options).await;
    let url = outcome["message"]["components"][0]["components"][0]["url"].as_str();
    url.unwrap_or_else(|| panic!("no link: {} {outcome:#}", told(&outcome))).to_owned()
}

/// Goes to Kick from this page, logged in there as `account`, and allows it; what the page says then.
pub async fn allow(town: &Town, browser: &mut Browser, url: &str, account: &str) -> Shown {
    let sent = browser.press(url).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    let back = town.kick.allow(sent.location.as_deref().unwrap(), account).unwrap();
    browser.open(&at_home(town, &back)).await
}

/// The same address, whatever name the app is registered under.
fn at_home(town: &Town, url: &str) -> String {
    url.replace("https://bot.example.org", &format!("http://{}", town.app.address))
}

/// Connects the channel of this account, as an admin does with the streamer beside them.
pub async fn connected(town: &Town, account: &str) -> KickChannel {
    let url = link(town, "admin", "kick connect", json!({})).await;
    let shown = allow(town, &mut Browser::new(), &url, account).await;
    assert_eq!(shown.status, 200, "{}", shown.text);
    town.settle().await;
    let channels = town.store().list_kick_channels(guild(town)).await.unwrap();
    channels.into_iter().find(|channel| channel.name == account).expect("the channel is connected")
}

/// Connects an account that speaks for the bot.
pub async fn speaker(town: &Town, account: &str) {
    let url = link(town, "admin", "kick connect", json!({ "account": "bot" })).await;
    let shown = allow(town, &mut Browser::new(), &url, account).await;
    assert_eq!(shown.status, 200, "{}", shown.text);
}

pub fn guild(town: &Town) -> GuildId {
    town.app.ports.config.discord.guild_id.unwrap()
}

/// Puts something into the queue of a chat, for these causes.
pub async fn queue(town: &Town, channel: &KickChannel, texts: &[(&str, &str)]) -> u64 {
    let new = texts.iter().map(|(cause, text)| NewKickChat {
        guild_id: channel.guild_id,
        kick_channel_id: channel.id,
        text: (*text).to_owned(),
        reply_to: None,
        cause: (*cause).to_owned(),
    });
    let mut tx = town.store().begin().await.unwrap();
    let done = insert_kick_chat(&mut tx, town.clock.now(), &new.collect::<Vec<_>>()).await.unwrap();
    Store::commit(tx).await.unwrap();
    done
}

/// What became of the messages of all chats: `state text (error)`.
pub async fn said(town: &Town) -> String {
    let rows = town
        .column(
            "SELECT state || ' ' || left(text, 40) || COALESCE(' (' || error || ')', '') FROM kick_chat ORDER BY seq",
        )
        .await;
    rows.join("\n")
}

/// The lines of the audit log about Kick.
pub async fn audit(town: &Town) -> String {
    let lines = town
        .column(
            "SELECT concat_ws(' ', a.action, a.detail->>'channel', a.detail->>'account', 'by ' || p.discord_user_id)
             FROM audit a LEFT JOIN person p ON p.id = a.person_id WHERE a.action LIKE 'kick%' ORDER BY a.id",
        )
        .await;
    names(town, &lines.join("\n"))
}

/// What the admins were told, the newest last.
pub fn notices(town: &Town) -> String {
    names(town, &town.see("ops"))
}
