//! Connecting a Kick channel: a link in Discord, a page that says who asks, Kick's page, and back; how it is shown, how it
//! ends, and what of it cannot be turned against anybody.

use crate::support::kick::{Browser, allow, asked, audit, connected, guild, link, run_kick, speaker};
use crate::support::town::{Setup, run_with};
use chrono::TimeDelta;
use serde_json::json;
use standin::kick::{Mode, Place};

#[tokio::test]
async fn a_streamer_connects_their_channel() {
    run_kick(async |town| {
        insta::assert_snapshot!(asked(town, "admin", "kick status", json!({})).await, @"
        [Kick]
        No Kick channel is connected with this server. `/kick connect` makes a link for the streamer.
        The app at Kick has to have this redirect URL: `HERE/kick/callback`
        ");
        let url = link(town, "admin", "kick connect", json!({})).await;
        let mut browser = Browser::new();
        insta::assert_snapshot!(browser.open(&url).await.text, @"
        Connect your Kick channel
        The Discord member admin asks to connect your Kick channel with the Discord server Signal Town.
        Signalbox will be able to:
        - receive what happens in your channel: chat, follows, subscriptions, gifts, streams
        - say things in your chat, as the bot of this application; where Kick does not let that one speak, in your name
        - accept and reject redemptions of your rewards, when somebody in the server decides so
        (Continue to Kick)
        If you do not know admin, close this page. /kick disconnect ends it at any time.
        ");
        insta::assert_snapshot!(allow(town, &mut browser, &url, "Streamer").await.text, @"
        Connected
        The Kick channel Streamer is connected with the Discord server Signal Town.
        Signalbox is asking Kick for its events now; /kick status in Discord shows how that goes.
        You can close this page.
        ");
        town.settle().await;
        insta::assert_snapshot!(asked(town, "admin", "kick status", json!({})).await, @"
        [Kick]
        📺 Streamer: <https://kick.com/streamer>
        ⚫ not live
        ✅ connected by <@admin> <+0s>; allows chat, redemptions
        ✅ 10 of 10 kinds of events, looked at <+0s>
        🔧 the last look created 10 and removed 0 subscriptions
        ");
        insta::assert_snapshot!(audit(town).await, @"kick_connected streamer by admin");
        assert_eq!(town.kick.subscriptions().len(), 10);
    })
    .await;
}

#[tokio::test]
async fn only_those_who_manage_the_server_connect_channels() {
    run_kick(async |town| {
        for (name, options) in [("kick connect", json!({})), ("kick disconnect", json!({ "channel": "x" }))] {
            let refused = town.command("member", name, options).await;
            assert!(refused["error"].as_str().unwrap_or_default().contains("does not see that command"), "{refused}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_link_works_once_and_ten_minutes() {
    run_kick(async |town| {
        let url = link(town, "admin", "kick connect", json!({})).await;
        town.advance(TimeDelta::minutes(10)).await;
        let gone = Browser::new().open(&url).await;
        assert_eq!(gone.status, 410);
        insta::assert_snapshot!(gone.text, @"
        This link does not work
        It was used already, is older than ten minutes, was replaced by a newer one, or was opened in another browser than the one that came back.
        Ask for a new one in Discord, with the same command as before.
        ");
        let url = link(town, "admin", "kick connect", json!({})).await;
        let mut browser = Browser::new();
        assert_eq!(allow(town, &mut browser, &url, "Streamer").await.status, 200);
        assert_eq!(browser.open(&url).await.status, 410, "used");
        assert_eq!(browser.press(&url).await.status, 410);
        let older = link(town, "admin", "kick connect", json!({})).await;
        let newer = link(town, "admin", "kick connect", json!({})).await;
        assert_eq!((browser.open(&older).await.status, browser.open(&newer).await.status), (410, 200), "replaced");
    })
    .await;
}

/// Somebody sends another one the address of Kick's page instead of the link: it ends in a browser that has not consented.
#[tokio::test]
async fn who_was_sent_to_kick_by_somebody_else_cannot_come_back() {
    run_kick(async |town| {
        let url = link(town, "admin", "kick connect", json!({})).await;
        let sent = Browser::new().press(&url).await.location.unwrap();
        let back = town.kick.allow(&sent, "Victim").unwrap();
        let mut victim = Browser::new();
        assert_eq!(victim.open(&back).await.status, 410, "no cookie");
        let own = link(town, "admin", "kick connect", json!({ "account": "bot" })).await;
        victim.press(&own).await;
        assert_eq!(victim.open(&back).await.status, 410, "the cookie of another consent");
        assert!(town.store().list_kick_channels(guild(town)).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn what_comes_back_is_taken_once() {
    run_kick(async |town| {
        let url = link(town, "admin", "kick connect", json!({})).await;
        let mut browser = Browser::new();
        let sent = browser.press(&url).await;
        let cookie = sent.headers["set-cookie"].to_str().unwrap();
        assert!(cookie.contains("HttpOnly; SameSite=Lax") && cookie.contains("Max-Age=600"), "{cookie}");
        for name in ["content-security-policy", "referrer-policy", "cache-control"] {
            assert!(sent.headers.contains_key(name), "{name}");
        }
        let to = sent.location.unwrap();
        let (first, second) = (town.kick.allow(&to, "Streamer").unwrap(), town.kick.allow(&to, "Other").unwrap());
        assert_eq!(browser.open(&first).await.status, 200);
        assert_eq!(browser.open(&second).await.status, 410);
        assert_eq!(town.column("SELECT name FROM kick_channel").await, ["Streamer"]);
    })
    .await;
}

#[tokio::test]
async fn whoever_says_no_may_still_say_yes() {
    run_kick(async |town| {
        let url = link(town, "admin", "kick connect", json!({})).await;
        let mut browser = Browser::new();
        let to = browser.press(&url).await.location.unwrap();
        let no = browser.open(&town.kick.refuse(&to, "Streamer").unwrap()).await;
        assert_eq!(no.status, 403);
        insta::assert_snapshot!(no.text, @"
        Not connected
        Kick did not allow it: access_denied.
        Nothing was changed. If you did not mean to say no, go back and try again while the link works.
        ");
        assert_eq!(allow(town, &mut browser, &url, "Streamer").await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn kick_does_not_answer_while_somebody_comes_back() {
    run_kick(async |town| {
        let url = link(town, "admin", "kick connect", json!({})).await;
        town.kick.mode(Mode::status(502).at(Place::Token));
        let failed = allow(town, &mut Browser::new(), &url, "Streamer").await;
        assert_eq!(failed.status, 502);
        insta::assert_snapshot!(failed.text, @"
        Not connected
        It did not work: Kick has a fault of its own (502: Bad Gateway).
        Nothing was changed. Ask for a new link in Discord and try again in a few minutes.
        ");
        town.kick.mode(Mode::ok());
        let url = link(town, "admin", "kick connect", json!({})).await;
        town.kick.mode(Mode::cloudflare().at(Place::Channels));
        let failed = allow(town, &mut Browser::new(), &url, "Streamer").await;
        assert_eq!(failed.status, 503);
        insta::assert_snapshot!(failed.text, @"
        Not connected
        It did not work: Kick's guard (Cloudflare) blocks requests: Request blocked by security policy.
        Nothing was changed. Ask for a new link in Discord and try again in a few minutes.
        ");
        assert!(town.store().list_kick_channels(guild(town)).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_channel_is_disconnected() {
    run_kick(async |town| {
        connected(town, "Streamer").await;
        insta::assert_snapshot!(asked(town, "admin", "kick disconnect", json!({ "channel": "nobody" })).await, @"This Kick channel is not connected with this server. `/kick status` lists those that are.");
        insta::assert_snapshot!(asked(town, "admin", "kick disconnect", json!({ "channel": "Streamer" })).await, @"✅ **Streamer** is not connected with this server any more. Signalbox takes its subscriptions back and can no longer act for the account.");
        town.settle().await;
        assert_eq!(town.kick.subscriptions().len(), 0);
        assert_eq!(town.count("SELECT count(*) FROM kick_account").await, 0);
        assert_eq!(town.count("SELECT count(*) FROM kick_check").await, 0);
        let revoked = town.kick.calls().iter().filter(|call| call.path.starts_with("/oauth/revoke")).count();
        assert_eq!(revoked, 1);
        // And connected again: the same channel, with all that belongs to it.
        connected(town, "Streamer").await;
        assert_eq!(town.count("SELECT count(*) FROM kick_channel").await, 1);
        assert_eq!(town.kick.subscriptions().len(), 10);
    })
    .await;
}

#[tokio::test]
async fn several_channels_and_an_account_that_speaks() {
    run_kick(async |town| {
        connected(town, "Streamer").await;
        connected(town, "Second_One").await;
        speaker(town, "TownBot").await;
        insta::assert_snapshot!(asked(town, "admin", "kick status", json!({})).await, @r"
        [Kick]
        🗣️ **TownBot** speaks where the application's bot may not.
        📺 Streamer: <https://kick.com/streamer>
        ⚫ not live
        ✅ connected by <@admin> <+0s>; allows chat, redemptions
        ✅ 10 of 10 kinds of events, looked at <+0s>
        🔧 the last look created 10 and removed 0 subscriptions
        📺 Second\_One: <https://kick.com/second-one>
        ⚫ not live
        ✅ connected by <@admin> <+0s>; allows chat, redemptions
        ✅ 10 of 10 kinds of events, looked at <+0s>
        🔧 the last look created 10 and removed 0 subscriptions
        ");
        // Another one takes its place, and what the first allowed is given back.
        speaker(town, "OtherBot").await;
        assert_eq!(town.column("SELECT name FROM kick_account WHERE purpose = 'bot'").await, ["OtherBot"]);
    })
    .await;
}

#[tokio::test]
async fn the_app_may_be_registered_with_another_address() {
    let callback = "https://bot.example.org/auth/kick/callback";
    let setup = Setup { kick: true, ..Setup::with(&[("KICK_REDIRECT_URI", callback)]) };
    run_with(setup, async |town| {
        town.kick.set_redirect_uris(&[callback]);
        connected(town, "Streamer").await;
        let unknown = Browser::new().open(&format!("http://{}/auth/other?state=x&code=y", town.app.address)).await;
        assert_eq!(unknown.status, 404);
    })
    .await;
}

#[tokio::test]
async fn without_a_public_address_it_says_what_is_missing() {
    let setup = Setup { kick: true, ..Setup::with(&[("PUBLIC_URL", ""), ("KICK_REDIRECT_URI", "")]) };
    run_with(setup, async |town| {
        insta::assert_snapshot!(asked(town, "admin", "kick connect", json!({})).await, @"Kick has to send you back to an address of Signalbox: the operator has to set PUBLIC_URL.");
    })
    .await;
}

/// Links that nobody was given are answered for a while, and then no more.
#[tokio::test]
async fn guessing_links_is_bounded() {
    let setup = Setup { kick: true, ..Setup::with(&[("WEBHOOK_UNVERIFIED_PER_15_MIN", "3")]) };
    run_with(setup, async |town| {
        let url = |n: u32| format!("http://{}/kick/connect/guess{n}", town.app.address);
        let mut statuses = Vec::new();
        for n in 0..5 {
            statuses.push(Browser::new().open(&url(n)).await.status);
        }
        assert_eq!(statuses, [410, 410, 410, 429, 429]);
    })
    .await;
}

/// What the database holds of a connection opens nothing by itself.
#[tokio::test]
async fn neither_tokens_nor_links_are_in_the_database() {
    run_kick(async |town| {
        let url = link(town, "admin", "kick connect", json!({})).await;
        let mut browser = Browser::new();
        let to = browser.press(&url).await.location.unwrap();
        let link = url.rsplit('/').next().unwrap().to_owned();
        let state = reqwest::Url::parse(&to).unwrap().query_pairs().find(|(k, _)| k == "state").unwrap().1.into_owned();
        connected(town, "Streamer").await;
        let all = crate::secret_test::everything(town).await.join("\n");
        assert!(!all.contains(&link) && !all.contains(&state));
        let sealed = town.column("SELECT access_token || ' ' || refresh_token FROM kick_account").await;
        assert!(sealed[0].split(' ').all(|token| token.starts_with("enc:v1:")), "{sealed:?}");
        let app = town.column("SELECT value FROM setting WHERE key LIKE 'kick.%.app_token'").await;
        assert!(app[0].starts_with("enc:v1:"));
    })
    .await;
}
