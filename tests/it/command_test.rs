//! The slash commands, by those who may and those who may not.

use crate::support::door::{alert, knock};
use crate::support::machines::names;
use crate::support::servers;
use crate::support::town::{SECRET, Setup, Town, run, run_with, told};
use serde_json::{Value, json};
use standin::xtsystems::{Mode, Place};

const OF_ADMINS: [&str; 5] = ["doctor", "webhook-status", "webhook-config", "register-webhook", "test-webhook"];

/// What the caller reads, in words; ports and addresses of this run replaced.
fn read(town: &Town, outcome: &Value) -> String {
    assert!(outcome.get("failed").is_none() && outcome.get("error").is_none(), "{outcome:#}");
    assert_eq!(outcome["ephemeral"], true, "an answer for the caller alone");
    let text = crate::support::town::show(&outcome["message"]);
    let text =
        text.replace(&town.app.address.to_string(), "ADDRESS").replace(&town.app.address.port().to_string(), "PORT");
    let text = crate::support::outside::without_measures(&text);
    let mut text = names(town, &text.replace(&town.xt.origin(), "XT"));
    for channel in ["ops", "tickets", "machines", "alerts"] {
        text = text.replace(&format!("<#{}>", town.discord.channel_id(channel)), &format!("#{channel}"));
    }
    text
}

/// A channel as a person reads it.
fn read_channel(town: &Town, channel: &str) -> String {
    town.see(channel).replace(&town.discord.channel_id("alerts").to_string(), "alerts")
}

async fn command(town: &Town, who: &str, name: &str, options: Value) -> String {
    read(town, &town.command(who, name, options).await)
}

fn unregistered(env: Vec<(&'static str, String)>) -> Setup {
    Setup { registered: false, env, ..Setup::default() }
}

#[tokio::test]
async fn they_are_registered_in_the_configured_server() {
    run(async |town| {
        let state = town.discord.state();
        let commands = state["commands"].as_array().unwrap();
        let guild = town.discord.guild_id().to_string();
        assert!(commands.iter().all(|c| c["guild_id"] == guild.as_str()), "{commands:#?}");
        let names: Vec<&str> = commands.iter().filter_map(|c| c["name"].as_str()).collect();
        let of_xtsystems = ["webhook-secret", "ticket", "machines", "link-user", "approvals"];
        let first = ["help", "about", "doctor", "privacy", "audit", "api-key", "party"];
        let play = ["raffle", "giveaway", "gtb", "slots", "timer", "chatcommand", "panel"];
        let delivery = ["source", "route", "template", "destination", "silence", "Silence…", "time-zone", "deliveries"];
        let why = ["why", "why-not", "Why?"];
        let viewers = ["points", "watchtime", "leaderboard", "shop", "watchroles", "community", "stats"];
        let all = [&first[..], &play, &delivery, &why, &viewers, &OF_ADMINS[1..], &of_xtsystems].concat();
        assert_eq!(names, all);
        for name in [&OF_ADMINS[..], &["approvals"]].concat() {
            let command = commands.iter().find(|c| c["name"] == name).unwrap();
            assert_eq!(command["default_member_permissions"], "32", "{name} is for members with Manage Server");
        }
    })
    .await;
}

#[tokio::test]
async fn members_do_not_see_those_of_admins() {
    run(async |town| {
        for name in OF_ADMINS {
            let outcome = town.command("member", name, json!({})).await;
            assert!(outcome["error"].as_str().is_some_and(|e| e.contains("does not see")), "{outcome}");
        }
    })
    .await;
}

/// Where an admin has opened the commands to everyone, the bot looks itself.
#[tokio::test]
async fn members_are_refused_even_where_discord_lets_them() {
    run(async |town| {
        let url = format!(
            "{}/api/v10/applications/{}/guilds/{}/commands",
            town.discord.origin(),
            town.discord.application_id(),
            town.discord.guild_id()
        );
        let open: Vec<Value> =
            OF_ADMINS.iter().map(|name| json!({ "name": name, "description": "open to all" })).collect();
        let authorization = format!("Bot {}", town.discord.token());
        let done = town.http.put(url).header("authorization", authorization).json(&open).send().await.unwrap();
        assert_eq!(done.status().as_u16(), 200);
        for name in OF_ADMINS {
            let words = command(town, "member", name, json!({})).await;
            assert_eq!(words.trim(), "You need the Manage Server permission for this.", "{name}");
        }
        assert!(town.xt.calls().iter().all(|call| call.method == "GET"), "nothing was changed");
    })
    .await;
}

#[tokio::test]
async fn help_shows_what_the_caller_may_use() {
    run(async |town| {
        insta::assert_snapshot!(command(town, "member", "help", json!({})).await, @"
        [📡 Signalbox]
        Signalbox shows signals of your systems as cards and carries your answers back. These commands are open to you:

        **/help** — What Signalbox does here, and the commands open to you.
        **/about** — Version, uptime and latency of this bot.
        **/privacy** `show` `export` `delete` — What is stored about you, as a file, or deleted.
        **/party** `show` `create` `join-link` — LAN parties: who is there, and how to join.
        **/raffle** `start` `end` `info` `tickets` `board` `give` `take` `verify` — The raffle: tickets for watching and gifting, a draw that anyone can recompute.
        **/gtb** `guess` `open` `close` `result` — Guess the balance: the nearest guesses win.
        **/why** — How a message came to be: events, routes, attempts, edits.
        **/points** `balance` `statement` `why` `give` `grant` `leaderboard` `undo` — Points: what you have and why, and giving them.
        **/watchtime** `show` `why` — How long viewers have watched, and how that was counted.
        **/leaderboard** — Who has watched most, or has most points; as a picture, with the same as text.
        **/shop** `show` `queue` `add` `edit` `remove` — Spend points on what this server offers.
        **/watchroles** `list` `set` `remove` — Roles for watching: linked members get them by themselves.
        **/stats** `player` `compare` `leaderboard` `session` `rounds` `matchup` `records` `awards` `link` `unlink` `find` `alias` `name` `import status` `import quarantine` `import reparse` — Match statistics of ET:Legacy.
        **/ticket** `create` `show` `list` — Tickets of XTSystems, for members who may change them.
        **/link-user** `set` `list` `remove` — Who members are in XTSystems.
        ");
        insta::assert_snapshot!(command(town, "admin", "help", json!({})).await, @"
        [📡 Signalbox]
        Signalbox shows signals of your systems as cards and carries your answers back. These commands are open to you:

        **/help** — What Signalbox does here, and the commands open to you.
        **/about** — Version, uptime and latency of this bot.
        **/doctor** — Look at everything that has to be right, and say how to mend what is not.
        **/privacy** `show` `export` `delete` — What is stored about you, as a file, or deleted.
        **/audit** `list` `verify` `export` — Who did what: list, verify, export.
        **/api-key** `create` `list` `revoke` — Keys of the REST interface.
        **/party** `show` `create` `join-link` — LAN parties: who is there, and how to join.
        **/raffle** `start` `end` `info` `tickets` `board` `give` `take` `verify` — The raffle: tickets for watching and gifting, a draw that anyone can recompute.
        **/giveaway** `start` `end` `reroll` `list` — Giveaways: joined by a button or in chat, drawn so that anyone can recompute it.
        **/gtb** `guess` `open` `close` `result` — Guess the balance: the nearest guesses win.
        **/slots** `on` `off` `set` `pick` `list` `clear` `ban` `unban` `block` `unblock` `provider` `providers` — Slot requests from chat: `!call` and `!sr`.
        **/timer** `add` `change` `remove` `on` `off` `list` — Messages that are said from time to time, in chat and in Discord.
        **/chatcommand** `set` `remove` `list` — Commands of your own for the chat of Kick.
        **/panel** `post` — Panels: messages whose buttons always work.
        **/source** `add` `list` `show` `edit` `rotate` `remove` — Other systems that send messages here, such as GitHub, Grafana, Alertmanager and Sentry.
        **/route** `add` `edit` `list` `test` `pause` `remove` — Which events go where, and how they look there.
        **/template** `add` `edit` `list` `preview` `remove` — How messages look: title, text, fields, colour, written with the words of an event.
        **/destination** `list` `add` `edit` `test` `pause` `enable` `remove` — Where signals may go: channels, threads, forums and webhooks.
        **/silence** `add` `list` `extend` `end` — Keep messages back for a time. What was withheld is told when it is over.
        **/time-zone** — The time zone of this server: quiet hours that name no place go by it.
        **/deliveries** `list` `replay` — What became of messages, and what was not delivered once more.
        **/why** — How a message came to be: events, routes, attempts, edits.
        **/why-not** — What did not arrive: events of a type that are not in Discord, and refused requests.
        **/points** `balance` `statement` `why` `give` `grant` `leaderboard` `undo` — Points: what you have and why, and giving them.
        **/watchtime** `show` `why` — How long viewers have watched, and how that was counted.
        **/leaderboard** — Who has watched most, or has most points; as a picture, with the same as text.
        **/shop** `show` `queue` `add` `edit` `remove` — Spend points on what this server offers.
        **/watchroles** `list` `set` `remove` — Roles for watching: linked members get them by themselves.
        **/community** `rules` `multiplier` `force` `pause` `ignore` `import` — How watching counts, and what it earns.
        **/stats** `player` `compare` `leaderboard` `session` `rounds` `matchup` `records` `awards` `link` `unlink` `find` `alias` `name` `import status` `import quarantine` `import reparse` — Match statistics of ET:Legacy.
        **/webhook-status** — Is the webhook working: server, secret, last events, refusals, what was not delivered.
        **/webhook-config** — Where each kind of event goes, and what the webhook understands. Secrets are never shown.
        **/register-webhook** — Connect XTSystems: address, key, webhook, test delivery. Doing it again changes nothing.
        **/test-webhook** — Ask XTSystems for a test delivery, wait for it, and report the round trip.
        **/webhook-secret** `rotate` `status` `end-old` — The secret under which XTSystems signs: change it without losing a webhook.
        **/ticket** `create` `show` `list` — Tickets of XTSystems, for members who may change them.
        **/machines** `pending` `show` — Machines that ask to be let in.
        **/link-user** `set` `list` `remove` — Who members are in XTSystems.
        []
        **/approvals** `rules` `list` — Decisions that people take in Discord: their rules, and what is open.
        ");
    })
    .await;
}

#[tokio::test]
async fn about() {
    run(async |town| {
        let words = command(town, "member", "about", json!({})).await;
        // Both in real time.
        let measured = |line: &str| line.starts_with("Gateway latency: ") || line.starts_with("Running since: <");
        assert_eq!(words.lines().filter(|line| measured(line)).count(), 2);
        let lines: Vec<&str> = words.lines().filter(|line| !measured(line)).collect();
        insta::assert_snapshot!(lines.join("\n").replace(env!("CARGO_PKG_VERSION"), "VERSION"), @r"
        [📡 Signalbox]
        Signals from your systems become cards in Discord, and your answers go back.
        Version: VERSION
        ");
    })
    .await;
}

#[tokio::test]
async fn status_of_a_quiet_bot() {
    run(async |town| {
        insta::assert_snapshot!(command(town, "admin", "webhook-status", json!({})).await, @r"
        [📡 Webhook status]
        Server: ✅ running on port PORT
        Path: `/webhooks/xtsystems`
        Secret: ✅ set
        Address for XTSystems: http://ADDRESS/webhooks/xtsystems
        Last events: none yet
        Refused requests: 0 in the last 24 h
        Deliveries: 0 waiting · 0 set aside · 0 in doubt · 0 not delivered
        Destinations: ✅ all usable
        -- Health: GET /health
        ");
    })
    .await;
}

#[tokio::test]
async fn status_of_a_busy_bot() {
    run(async |town| {
        town.machine("web-07").await;
        knock(town).secret("forged").send().await;
        town.discord.set_overwrite(town.discord.channel_id("alerts"), town.discord.bot_id(), 0, 1 << 11);
        knock(town).send().await;
        town.settle().await;
        insta::assert_snapshot!(command(town, "admin", "webhook-status", json!({})).await, @"
        [📡 Webhook status]
        Server: ✅ running on port PORT
        Path: `/webhooks/xtsystems`
        Secret: ✅ set
        Address for XTSystems: http://ADDRESS/webhooks/xtsystems
        Last events: `alert.triggered` <+0s> (1 so far)
        `machine.registered` <+0s> (1 so far)
        Refused requests: 1 in the last 24 h
        <+0s> The signature does not match the request under any live secret.
        Deliveries: 1 waiting · 0 set aside · 0 in doubt · 0 not delivered
        Destinations: ⚠️ #alerts: Signalbox lacks Send Messages in #alerts: allow it in the channel's permissions
        -- Health: GET /health
        ");
        town.see("machines");
        insta::assert_snapshot!(read_channel(town, "ops"), @r"
        [⚠️ Signalbox]
        A destination cannot be used, its messages wait: Signalbox lacks Send Messages in <#alerts>: allow it in the channel's permissions.
        -- Signalbox · signalbox.notice
        ");
    })
    .await;
}

#[tokio::test]
async fn config_shows_no_secret() {
    run(async |town| {
        let words = command(town, "admin", "webhook-config", json!({})).await;
        insta::assert_snapshot!(words, @r"
        [⚙️ Webhook configuration]
        Port: PORT
        Path: `/webhooks/xtsystems`
        Secret: ✅ set
        Who may approve machines: <@&Approver>
        Channels: `alert.triggered` → #alerts
        `asset.created` → #ops
        `asset.updated` → #ops
        `machine.approved` → #machines
        `machine.registered` → #machines
        `ticket.closed` → #tickets
        `ticket.created` → #tickets
        `ticket.updated` → #tickets
        `default` → #ops
        Supported events: `ticket.created` `ticket.updated` `ticket.closed` `asset.created` `asset.updated` `user.created` `company.created` `machine.registered` `machine.approved` `alert.triggered` `webhook.test`
        ");
        assert!(!words.contains(SECRET) && !words.contains(town.xt.api_key()));
    })
    .await;
}

#[tokio::test]
async fn register_creates_then_updates() {
    run_with(unregistered(vec![]), async |town| {
        insta::assert_snapshot!(command(town, "admin", "register-webhook", json!({})).await, @"
        [✅ XTSystems is connected]
        ✅ **Address**: XT answers: ok
        ✅ **Key**: accepted; no webhook is registered there yet
        ✅ **Public URL**: http://ADDRESS/webhooks/xtsystems
        ✅ **Secret**: set as WEBHOOK_SECRET
        🆕 **Webhook**: created, for all 10 kinds of events
        ✅ **Test**: the test delivery arrived after N ms, and its signature is valid
        ");
        // Two tests within a second would be the same bytes.
        town.advance(chrono::TimeDelta::seconds(5)).await;
        insta::assert_snapshot!(command(town, "admin", "register-webhook", json!({ "events": "ticket_created, alert.triggered" })).await, @"
        [✅ XTSystems is connected]
        ✅ **Address**: XT answers: ok
        ✅ **Key**: accepted; 1 webhook is registered there
        ✅ **Public URL**: http://ADDRESS/webhooks/xtsystems
        ✅ **Secret**: set as WEBHOOK_SECRET
        🆕 **Webhook**: updated (events), for ticket.created, alert.triggered
        ✅ **Test**: the test delivery arrived after N ms, and its signature is valid
        ");
        let webhooks = town.xt.webhooks();
        assert_eq!(webhooks.len(), 1, "doing it again makes no second one");
        assert_eq!(webhooks[0].events, ["ticket.created", "alert.triggered"]);
        town.send("alert.triggered", json!({ "message": "signed with the configured secret" })).await;
        assert!(town.see("alerts").contains("signed with the configured secret"));
    })
    .await;
}

#[tokio::test]
async fn register_names_what_is_no_event() {
    run_with(unregistered(vec![]), async |town| {
        let words =
            command(town, "admin", "register-webhook", json!({ "events": "ticket.created, ticket.exploded" })).await;
        insta::assert_snapshot!(words, @"
        [❌ XTSystems is not connected]
        ✅ **Address**: XT answers: ok
        ✅ **Key**: accepted; no webhook is registered there yet
        ✅ **Public URL**: http://ADDRESS/webhooks/xtsystems
        ❌ **Webhook**: `ticket.exploded` is not an event of XTSystems. It sends: ticket.created, ticket.updated, ticket.closed, asset.created, asset.updated, user.created, company.created, machine.registered, machine.approved, alert.triggered, webhook.test
          ↳ Mend it, then do this again: what is done already stays
        ");
        assert!(town.xt.webhooks().is_empty());
    })
    .await;
}

#[tokio::test]
async fn register_makes_a_secret_that_every_process_knows() {
    let setup = unregistered(vec![("WEBHOOK_SECRET", String::new())]);
    let mut town = Town::start(setup).await;
    // Another process that serves the same address book, before there is a secret.
    let (other, lifecycle) = town.another_bot().await;
    insta::assert_snapshot!(command(&town, "admin", "register-webhook", json!({})).await, @"
    [✅ XTSystems is connected]
    ✅ **Address**: XT answers: ok
    ✅ **Key**: accepted; no webhook is registered there yet
    ✅ **Public URL**: http://ADDRESS/webhooks/xtsystems
    🆕 **Secret**: generated, and kept in the database
    🆕 **Webhook**: created, for all 10 kinds of events
    ✅ **Test**: the test delivery arrived after N ms, and its signature is valid
    ");
    let made = town.xt.webhooks()[0].secret.clone().unwrap();
    assert_eq!(made.len(), 64);
    assert_eq!(knock(&town).secret(&made).send().await.line(), "202");
    let body = alert("to the other one");
    let timestamp = town.clock.now().timestamp().to_string();
    let signature = crate::support::town::sign(&made, &timestamp, body.as_bytes());
    let url = format!("http://{}/webhooks/xtsystems", other.address);
    let request =
        town.http.post(url).header("x-xtsystems-timestamp", timestamp).header("x-xtsystems-signature", signature);
    assert_eq!(request.body(body).send().await.unwrap().status().as_u16(), 202, "the other process looks it up");
    lifecycle.shutdown(std::time::Duration::from_secs(5)).await;
    other.ports.store.close().await;
    town.restart().await;
    assert_eq!(knock(&town).body(alert("after a restart")).secret(&made).send().await.line(), "202");
    town.advance(chrono::TimeDelta::seconds(5)).await;
    let again = command(&town, "admin", "register-webhook", json!({})).await;
    assert!(again.contains("registered already") && again.contains("the one generated earlier"), "{again}");
    assert_eq!(town.xt.webhooks()[0].secret.as_deref(), Some(made.as_str()), "the same one");
    town.settle().await;
    town.see("alerts");
    town.finish().await;
}

#[tokio::test]
async fn register_without_an_address_says_what_to_set() {
    run_with(unregistered(vec![("PUBLIC_URL", String::new())]), async |town| {
        insta::assert_snapshot!(command(town, "admin", "register-webhook", json!({})).await, @"
        [❌ XTSystems is not connected]
        ✅ **Address**: XT answers: ok
        ✅ **Key**: accepted; no webhook is registered there yet
        ❌ **Public URL**: Signalbox does not know its own address
          ↳ Set PUBLIC_URL to the address under which XTSystems reaches this server, such as https://bot.example.org
        ");
    })
    .await;
}

#[tokio::test]
async fn a_test_makes_the_round_trip() {
    run(async |town| {
        let words = command(town, "admin", "test-webhook", json!({})).await;
        insta::assert_snapshot!(words, @"
        [✅ The webhook works]
        ✅ **Address**: XT answers: ok
        ✅ **Key**: accepted; 1 webhook is registered there
        ✅ **Test**: the test delivery arrived after N ms, and its signature is valid
        ");
    })
    .await;
}

#[tokio::test]
async fn a_test_of_what_is_not_registered() {
    run_with(unregistered(vec![]), async |town| {
        insta::assert_snapshot!(command(town, "admin", "test-webhook", json!({})).await, @"
        [❌ The webhook does not work]
        ✅ **Address**: XT answers: ok
        ✅ **Key**: accepted; no webhook is registered there yet
        ❌ **Test**: our webhook is not registered at XTSystems
          ↳ Register it: signalbox setup xtsystems, or /register-webhook in Discord
        ");
    })
    .await;
}

#[tokio::test]
async fn a_test_that_cannot_arrive() {
    run(async |town| {
        town.xt.offline(true);
        insta::assert_snapshot!(command(town, "admin", "test-webhook", json!({})).await, @"
        [❌ The webhook does not work]
        ✅ **Address**: XT answers: ok
        ✅ **Key**: accepted; 1 webhook is registered there
        ❌ **Test**: nothing arrived at http://ADDRESS/webhooks/xtsystems. XTSystems says: Cannot connect to host
          ↳ Can XTSystems reach this address? Look at PUBLIC_URL, DNS, the firewall, and the proxy in front
        ");
    })
    .await;
}

#[tokio::test]
async fn a_test_with_another_secret_says_why_it_was_refused() {
    run_with(Setup { env: vec![("WEBHOOK_SECRET", "another".into())], ..Setup::default() }, async |town| {
        insta::assert_snapshot!(command(town, "admin", "test-webhook", json!({})).await, @"
        [❌ The webhook does not work]
        ✅ **Address**: XT answers: ok
        ✅ **Key**: accepted; 1 webhook is registered there
        ❌ **Test**: the test delivery was refused. The signature does not match the request under any live secret.
          ↳ Give XTSystems our secret: signalbox setup xtsystems, or /register-webhook in Discord
        ");
    })
    .await;
}

#[tokio::test]
async fn xtsystems_down_is_said_without_internals() {
    run(async |town| {
        town.xt.mode(Mode::status(500).at(Place::Webhooks));
        insta::assert_snapshot!(command(town, "admin", "test-webhook", json!({})).await, @"
        [❌ The webhook does not work]
        ✅ **Address**: XT answers: ok
        ❌ **Key**: XTSystems has a fault of its own (500: Internal Server Error)
          ↳ Try again later
        ");
        town.xt.stop();
        let words = command(town, "admin", "register-webhook", json!({})).await;
        insta::assert_snapshot!(words, @"
        [❌ XTSystems is not connected]
        ❌ **Address**: No connection to XTSystems at XT: Connection refused
          ↳ Check XTSYSTEMS_API_URL, and that the server runs
        ");
    })
    .await;
}

#[tokio::test]
async fn a_wrong_key_is_said_without_the_key() {
    run_with(Setup { env: vec![("XTSYSTEMS_API_KEY", "xt-very-wrong".into())], ..Setup::default() }, async |town| {
        let words = command(town, "admin", "register-webhook", json!({})).await;
        insta::assert_snapshot!(words, @"
        [❌ XTSystems is not connected]
        ✅ **Address**: XT answers: ok
        ❌ **Key**: XTSystems does not accept the API key (401: Invalid or missing API key)
          ↳ Check XTSYSTEMS_API_KEY, and whether it is to be sent as a bearer token or raw
        ");
        assert!(!words.contains("xt-very-wrong"));
    })
    .await;
}

#[tokio::test]
async fn a_command_that_is_delivered_twice_is_done_once() {
    run_with(unregistered(vec![]), async |town| {
        town.fault("interaction", "twice", 1);
        command(town, "admin", "register-webhook", json!({})).await;
        let made = town.xt.calls().iter().filter(|call| call.method == "POST" && call.path == "/v1/webhooks").count();
        assert_eq!(made, 1);
    })
    .await;
}

#[tokio::test]
async fn a_stopped_database_is_said_with_a_reference() {
    let mut postgres = tokio::task::spawn_blocking(servers::private_postgres).await.unwrap();
    run_with(Setup { database_url: Some(postgres.url.clone()), ..Setup::default() }, async |town| {
        postgres.stop();
        let outcome = town.command("admin", "webhook-status", json!({})).await;
        assert!(outcome["acknowledged_ms"].as_u64().is_some_and(|ms| ms < 3000), "{outcome}");
        let said = told(&outcome);
        insta::assert_snapshot!(said.split_once("Ref `").unwrap().0, @"Signalbox cannot reach its database at the moment; nothing was done. Try again in a minute.");
        postgres.start();
    })
    .await;
}
