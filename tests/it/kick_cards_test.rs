//! A stream, and what its viewers do, as a channel of the server sees it.

use serde_json::{Value, json};
use standin::kick::{Order, STREAMER, Sending};

use crate::support::delivery::{minutes, seconds};
use crate::support::town::{Setup, Town, run_with};

/// What Kick sends goes to #stream.
async fn connected(town: &Town) -> uuid::Uuid {
    town.route_to_channel("kick.*", town.discord.channel_id("stream")).await;
    town.connect_kick(STREAMER).await
}

#[tokio::test]
async fn one_card_follows_a_stream() {
    run_with(Setup::kick(), async |town| {
        let channel = connected(town).await;
        town.execute("UPDATE route SET mention_ids = '{<@&7>}' WHERE pattern = 'kick.*'").await;
        // What it says before it is live is no news yet.
        town.kick.change_category(STREAMER, "Chess").await;
        town.settle().await;
        assert_eq!(town.see("stream"), "");
        town.advance(minutes(1)).await;
        town.kick.go_live(STREAMER, "Sunday blitz").await;
        town.settle().await;
        insta::assert_snapshot!(town.see("stream"), @"
        <@&7>
        [🔴 NovaPlays is live]
        Sunday blitz
        Category: Chess
        Language: en
        Started: <+60s>
        Timeline: <+60s> started
        -- Kick · kick.livestream.started
        (Silence) (Watch) (Chat)
        ");

        town.advance(minutes(30)).await;
        town.kick.change_title(STREAMER, "Sunday blitz: the final").await;
        town.kick.follow(STREAMER, "mia").await;
        town.kick.gift_subs(STREAMER, Some("leo"), &["kim", "ada"]).await;
        town.kick.give_kicks(STREAMER, "leo", 1500, "Rage Quit", "").await;
        let guild = signalbox::id::GuildId::from(town.discord.guild_id());
        let live = town.store().find_live_kick_stream(guild, channel).await.unwrap().unwrap();
        town.store().mark_kick_stream_confirmed(guild, live.id, Some(1234), town.clock.now()).await.unwrap();
        town.advance(minutes(95)).await;
        town.kick.end_stream(STREAMER).await;
        town.settle().await;
        let messages = town.messages("stream");
        assert_eq!(messages.len(), 2, "the card, and what viewers did");
        insta::assert_snapshot!(crate::support::town::show(&messages[0]), @"
        <@&7>
        [⚫ NovaPlays was live]
        Sunday blitz: the final
        Category: Chess
        Language: en
        Lasted: 2 h 5 min
        Most Viewers: 1,234 <+1860s>
        New Followers: 1
        Gifted: 2
        Kicks: 1,500
        Started: <+60s>
        Timeline: <+60s> started
        <+1860s> updated
        <+7560s> ended
        -- Kick · kick.livestream.ended
        (Channel)
        ");
        let over = town.store().list_kick_streams(guild, channel, live.started_at, town.clock.now()).await.unwrap();
        assert_eq!((over.len(), over[0].ended_at.unwrap() - over[0].started_at), (1, minutes(125)));
        assert_eq!(town.messages("stream").len(), 2, "the rest were edits");
        // Two hours without chat are odd, and the admins are told.
        town.see("ops");
    })
    .await;
}

#[tokio::test]
async fn what_viewers_do_is_told() {
    run_with(Setup::kick(), async |town| {
        connected(town).await;
        town.kick.follow(STREAMER, "mia_r").await;
        town.kick.subscribe(STREAMER, "mia_r").await;
        town.world_clock.advance(seconds(1));
        town.kick.renew(STREAMER, "mia_r").await;
        town.kick.gift_subs(STREAMER, None, &["kim", "ada"]).await;
        town.kick.give_kicks(STREAMER, "leo", 1500, "Rage Quit", "*w* @everyone").await;
        town.kick.ban(STREAMER, "mod", "eve", "spam", Some(10)).await;
        town.kick.ban(STREAMER, "mod", "mallory", "", None).await;
        town.settle().await;
        insta::assert_snapshot!(town.see("stream"), @r"
        [💚 mia\_r follows NovaPlays]
        -- Kick · kick.channel.followed
        [⭐ mia\_r subscribed to NovaPlays]
        Until: <+2678400s>
        -- Kick · kick.subscription.new
        [⭐ mia\_r subscribed to NovaPlays again]
        For: 2 months
        Until: <+2678401s>
        -- Kick · kick.subscription.renewal
        [🎁 Somebody gifted 2 subscriptions in NovaPlays]
        To: kim, ada
        -- Kick · kick.subscription.gifts
        [💎 leo sent 1,500 Kicks to NovaPlays]
        \*w\* @everyone
        Gift: Rage Quit
        -- Kick · kick.kicks.gifted
        [⏳ eve was timed out in NovaPlays]
        By: mod
        Until: <+601s>
        Reason: spam
        -- Kick · kick.moderation.banned
        [🔨 mallory was banned in NovaPlays]
        By: mod
        -- Kick · kick.moderation.banned
        ");
    })
    .await;
}

#[tokio::test]
async fn a_redemption_waits_for_a_decision() {
    run_with(Setup::kick(), async |town| {
        connected(town).await;
        let first = town.kick.redeem(STREAMER, "mia", "Song Request", "the one with the drums").await;
        town.settle().await;
        insta::assert_snapshot!(town.see("stream"), @"
        [🎟️ mia redeemed Song Request]
        the one with the drums
        Status: 🟠 Pending
        Cost: 100 points
        Channel: NovaPlays
        -- Kick · kick.reward.redemption
        (Accept) (Reject) (Silence)
        ");
        town.advance(seconds(5)).await;
        town.kick.decide_redemption(STREAMER, &first, false).await;
        town.settle().await;
        insta::assert_snapshot!(town.see("stream"), @"
        [⛔ mia redeemed Song Request]
        the one with the drums
        Status: ⛔ Rejected
        Cost: 100 points
        Channel: NovaPlays
        -- Kick · kick.reward.redemption
        ");
        // Kick tells of the decision before it tells of the wish.
        town.kick.hold();
        let second = town.kick.redeem(STREAMER, "leo", "Hydrate", "").await;
        town.kick.decide_redemption(STREAMER, &second, true).await;
        town.kick.release(Order::Reversed).await;
        town.settle().await;
        let messages = town.messages("stream");
        assert_eq!(messages.len(), 2);
        insta::assert_snapshot!(crate::support::town::show(&messages[1]), @"
        [✅ leo redeemed Hydrate]
        Status: ✅ Accepted
        Cost: 50 points
        Channel: NovaPlays
        -- Kick · kick.reward.redemption
        ");
    })
    .await;
}

#[tokio::test]
async fn a_template_says_it_in_the_servers_own_words() {
    run_with(Setup::kick(), async |town| {
        town.connect_kick(STREAMER).await;
        let save = async |preview: &Value| {
            let message = preview["message"]["id"].as_str().unwrap_or_else(|| panic!("{preview:#}"));
            let button = preview["message"]["components"][0]["components"][0]["custom_id"].as_str().unwrap();
            town.press_id("admin", message, button).await;
        };
        let opened = town.command("admin", "template add", json!({ "name": "welcome" })).await;
        let form = json!({ "title": "Welcome, {{ data.follower.username }}!", "description": "Say hello in {{ data.broadcaster.channel_slug }}." });
        save(&town.submit("admin", opened["modal"]["custom_id"].as_str().unwrap(), form).await).await;
        let route = json!({ "name": "hello", "type": "kick.channel.followed", "to": "stream", "template": "welcome" });
        save(&town.command("admin", "route add", route).await).await;
        town.kick.follow(STREAMER, "mia").await;
        town.settle().await;
        insta::assert_snapshot!(town.see("stream"), @"
        [Welcome, mia!]
        Say hello in novaplays.
        -- Kick · kick.channel.followed
        ");
        town.see("audit");
        town.see("ops");
    })
    .await;
}

/// A change that says nothing new is not told where each change is a message.
#[tokio::test]
async fn what_is_known_already_is_not_told_again() {
    run_with(Setup::kick(), async |town| {
        connected(town).await;
        town.kick.go_live(STREAMER, "Chess").await;
        town.kick.sending(Sending { copies: 1, ..Sending::default() });
        town.kick.change_title(STREAMER, "Checkers").await;
        town.settle().await;
        let notes =
            town.column("SELECT plan_note FROM event WHERE kind = 'kick.livestream.updated' ORDER BY seq").await;
        assert_eq!(notes, ["routed by kick.*", "it says what is known already"]);
        town.see("stream");
    })
    .await;
}

/// Kick has lost the events; its API knows better.
#[tokio::test]
async fn a_stream_that_no_event_told_of_is_announced_all_the_same() {
    run_with(Setup::kick(), async |town| {
        connected(town).await;
        town.settle().await;
        town.kick.set_live_silently(STREAMER, true);
        town.advance(minutes(10)).await;
        insta::assert_snapshot!(town.see("stream"), @"
        [🔴 NovaPlays is live]
        NovaPlays is live
        Category: Just Chatting
        Started: <+0s>
        Timeline: <+0s> started
        -- Kick · kick.livestream.started
        (Silence) (Watch) (Chat)
        ");
        town.advance(minutes(10)).await;
        town.kick.set_live_silently(STREAMER, false);
        town.advance(minutes(10)).await;
        insta::assert_snapshot!(town.see("stream"), @"
        [⚫ NovaPlays was live]
        NovaPlays is live
        Category: Just Chatting
        Lasted: 20 min
        Most Viewers: 1 <+600s>
        Started: <+0s>
        Timeline: <+0s> started
        <+1200s> ended
        -- Kick · kick.livestream.ended
        (Channel)
        ");
        town.see("ops");
    })
    .await;
}

/// Whatever order, however often: the same streams, and the same card at the end.
#[tokio::test]
async fn any_order_ends_the_same() {
    run_with(Setup::kick(), async |town| {
        connected(town).await;
        town.kick.sending(Sending { signed_before: true, copies: 1, repeats: 1, foreign: true, ..Sending::default() });
        let mut seen: Vec<String> = Vec::new();
        let orders = (0..6).map(Order::Shuffled).chain([Order::Reversed, Order::AsHappened]);
        for (n, order) in orders.enumerate() {
            let name = format!("streamer{n}");
            town.kick.person(&name);
            town.connect_kick(&name).await;
            town.kick.hold();
            town.kick.change_category(&name, "Chess").await;
            town.kick.go_live(&name, "First").await;
            let began = town.clock.now();
            town.advance(seconds(60)).await;
            town.kick.change_title(&name, "Second").await;
            town.kick.follow(&name, "mia").await;
            town.advance(seconds(60)).await;
            town.kick.end_stream(&name).await;
            town.advance(seconds(60)).await;
            town.kick.go_live(&name, "Third").await;
            town.advance(seconds(60)).await;
            town.kick.release(order).await;
            town.settle().await;
            let id = town.kick.person(&name).user_id;
            seen.push(state(town, id, &name, began.timestamp()).await);
        }
        town.see("ops");
        for (n, one) in seen.iter().enumerate() {
            assert_eq!(*one, seen[0], "{n}");
        }
        insta::assert_snapshot!(seen[0], @"
        stream 0 120 event
        stream 180
        kick.channel.followed 1
        kick.livestream.ended 1
        kick.livestream.started 2
        ⚫ NAME was live | Second | 2 min
        💚 mia follows NAME |  | 
        🔴 NAME is live | Third |
        ");
    })
    .await;
}

/// The streams and events of one broadcaster, and the cards but for what is left out of them when it is late.
async fn state(town: &Town, broadcaster: i64, name: &str, began: i64) -> String {
    let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(&town.database_url).await.unwrap();
    let mut lines = Vec::new();
    for sql in [
        "SELECT concat_ws(' ', 'stream', extract(epoch FROM s.started_at)::bigint - $2, extract(epoch FROM s.ended_at)::bigint - $2, s.ended_by)
         FROM kick_stream s JOIN kick_channel c ON c.id = s.kick_channel_id WHERE c.broadcaster_user_id = $1 ORDER BY s.started_at",
        "SELECT concat_ws(' ', kind, count(*)) FROM event WHERE data #>> '{broadcaster,user_id}' = $1::text
           AND kind <> 'kick.livestream.updated' AND $2 > 0 GROUP BY kind ORDER BY kind",
    ] {
        let rows: Vec<String> =
            sqlx::query_scalar(sql).bind(broadcaster).bind(began).fetch_all(&mut connection).await.unwrap();
        lines.extend(rows);
    }
    let mut cards: Vec<String> = Vec::new();
    for message in town.messages("stream") {
        let embed = &message["embeds"][0];
        let title = embed["title"].as_str().unwrap_or_default();
        if title.contains(name) {
            let lasted = embed["fields"].as_array().into_iter().flatten().find(|field| field["name"] == "Lasted");
            let lasted = lasted.map_or("", |field| field["value"].as_str().unwrap_or_default());
            cards.push(format!(
                "{} | {} | {lasted}",
                title.replace(name, "NAME"),
                embed["description"].as_str().unwrap_or_default()
            ));
        }
    }
    cards.sort();
    lines.extend(cards);
    lines.join("\n")
}
