//! Raffles and giveaways as people take part in them, and as anyone can recompute them.

use serde_json::{Value, json};
use signalbox::community::proof;
use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::support::chat::{Line, without_chance};
use crate::support::corpus;
use crate::support::delivery::{minutes, seconds};
use crate::support::machines::heard;
use crate::support::town::{Setup, Town, run, run_with};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recompute_draw.py");

async fn start(town: &Town, options: Value) -> String {
    let outcome = town.command("admin", "giveaway start", options).await;
    town.settle().await;
    heard(town, &outcome)
}

/// The newest draw as it is published for programs.
async fn published(town: &Town) -> Value {
    let ids = town.column("SELECT id::text FROM draw ORDER BY number DESC LIMIT 1").await;
    let url = format!("http://{}/draws/{}.json", town.app.address, ids[0]);
    town.http.get(url).send().await.unwrap().json().await.unwrap()
}

/// What the independent script says of data, and whether it agrees.
fn script(arguments: &[&str], input: &str) -> (bool, String) {
    let mut child = Command::new("python3")
        .arg(SCRIPT)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 runs the script");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_vectors_agree_here_and_in_the_script() {
    let Some(path) = corpus::path("kick/raffle-draw-vectors.json") else { return };
    let text = std::fs::read_to_string(&path).unwrap();
    let vectors: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert!(vectors.len() >= 3);
    for vector in &vectors {
        let field = |name: &str| vector[name].as_str().unwrap();
        assert_eq!(proof::commitment(field("server_seed")), field("commitment"));
        let total = vector["total_tickets"].as_u64().unwrap();
        let (hash, ticket) = proof::roll(field("server_seed"), field("client_seed"), field("nonce"), total).unwrap();
        assert_eq!((hash.as_str(), ticket), (field("proof_hash"), vector["winning_ticket"].as_u64().unwrap()));
    }
    let (agrees, said) = script(&["--vectors", "-"], &text);
    assert!(agrees, "{said}");
    let wrong = text.replace("\"winning_ticket\": 854", "\"winning_ticket\": 855");
    assert_ne!(wrong, text);
    assert!(!script(&["--vectors", "-"], &wrong).0, "the script finds a wrong ticket");
}

#[tokio::test]
async fn a_giveaway_from_the_button_to_the_proof() {
    run(async |town| {
        let told = start(town, json!({ "prize": "A keyboard", "for": "10m", "channel": "party" })).await;
        insta::assert_snapshot!(told, @"✅ 🎉 Giveaway #1 is open. Its card is in the channel.");
        for who in ["member", "approver"] {
            let told = heard(town, &town.press(who, "party", "Join").await);
            insta::allow_duplicates! {
                insta::assert_snapshot!(without_chance(&told), @"✅ You take part. Your code is `ID`: look for it in the published list when it is closed.");
            }
        }
        insta::assert_snapshot!(heard(town, &town.press("member", "party", "Join").await), @"You take part already.");
        insta::assert_snapshot!(town.reads("party"), @"
        [🎉 Giveaway #1: A keyboard]
        Press Join to take part.
        Entries: 2
        Winners: 1
        Ends: <+600s>
        Proof: Commitment `HASH`
        [How to check it](http://HERE/draws/ID)
        -- Signalbox · community
        (Join)
        ");
        town.advance(minutes(10)).await;
        insta::assert_snapshot!(town.reads("party"), @"
        [🎉 Giveaway #1: A keyboard]
        Nobody can join any more. The draw is <+664s>.
        Entries: 2
        Winners: 1
        Proof: Commitment `HASH`
        Entries `HASH`
        Public randomness: drand quicknet, round 24848433
        [How to check it](http://HERE/draws/ID)
        -- Signalbox · community

        [🔒 🎉 Giveaway #1 is closed]
        2 entries with 2 tickets. The draw is <+664s>.
        Proof: Commitment `HASH`
        Entries `HASH`
        Public randomness: drand quicknet, round 24848433
        [How to check it](http://HERE/draws/ID)
        -- Signalbox · community
        ");
        town.advance(seconds(70)).await;
        let winner = town
            .column(
                "SELECT p.discord_user_id::text FROM draw_winner w JOIN draw_entry e ON e.id = w.entry_id
            JOIN person p ON p.id = e.person_id",
            )
            .await;
        let seen = town.reads("party");
        let name = if winner[0] == town.discord.user_id("member").to_string() { "member" } else { "approver" };
        let seen = seen.replace(&format!("<@{name}> · ticket 1 of"), "<@WINNER> · ticket N of");
        let seen = seen.replace(&format!("<@{name}> · ticket 2 of"), "<@WINNER> · ticket N of");
        insta::assert_snapshot!(seen, @"
        [🎉 Giveaway #1: A keyboard]
        The draw is made. `/raffle verify` recomputes it.
        Entries: 2
        Winners: 1
        Drawn: 1. <@WINNER> · ticket N of 2 (1 of them, 50.00 %)
        Proof: Commitment `HASH`
        Entries `HASH`
        Public randomness: drand quicknet, round 24848433
        [How to check it](http://HERE/draws/ID)
        -- Signalbox · community
        (Verify)

        [🔒 🎉 Giveaway #1 is closed]
        2 entries with 2 tickets. The draw is <+664s>.
        Proof: Commitment `HASH`
        Entries `HASH`
        Public randomness: drand quicknet, round 24848433
        [How to check it](http://HERE/draws/ID)
        -- Signalbox · community

        [🏆 🎉 Giveaway #1]
        1. <@WINNER> · ticket N of 2 (1 of them, 50.00 %)
        Prize: A keyboard
        Proof: [How to check it](http://HERE/draws/ID)
        -- Signalbox · community
        ");
        let verified = town.press("member", "party", "Verify").await;
        let said =
            town.reads_answer(&verified).replace("ticket 1 of", "ticket N of").replace("ticket 2 of", "ticket N of");
        insta::assert_snapshot!(said, @"
        [🔎 🎉 Giveaway #1]
        ✅ the seed is the one that was committed to
        ✅ the entries are those of the close
        ✅ draw 1: ticket N of 2
        What that proves: • The seed and the list of entries are those of the close: the hashes of both were said then, in a message that is never edited and that has Discord's own time on it. The seed's hash, the commitment, stood on the card from the opening on.
        • When the list was closed nobody could know who would win, whoever runs this bot included: the number of drand that went into it was published afterwards, and which round counts was said at the close.
        • The winners follow from these, and from nothing else: the script and this page compute them again.
        What it does not: • That the list has everybody who joined, and nobody who did not: look for the code that you were given. Whoever runs the bot could have added entries before the close, as anyone can bring friends along.
        • That each entry is a different human being.
        • That the closing message is older than the round of drand: compare the times of the two yourself.
        • That drand said so: this page checks that the number belongs to its signature; look the round up at any node of drand to be sure.
        Do it yourself: Everything that is published: http://HERE/draws/ID
        For programs: http://HERE/draws/ID.json (`tests/recompute_draw.py`)
        ");
    })
    .await;
}

#[tokio::test]
async fn anybody_can_recompute_it_from_the_published_data_alone() {
    run(async |town| {
        town.with_channel().await;
        start(town, json!({ "prize": "Three mugs", "winners": 3, "keyword": "!mug", "channel": "party" })).await;
        for n in 0..40 {
            town.hear(&[Line::of(&format!("viewer{n}"), "!mug")]).await;
        }
        town.press("member", "party", "Join").await;
        let before = published(town).await;
        assert_eq!((&before["server_seed"], before["entries"].as_array().unwrap().len()), (&Value::Null, 0));
        let id = before["id"].as_str().unwrap();
        let outcome = town.command("admin", "giveaway end", json!({ "giveaway": id })).await;
        insta::assert_snapshot!(heard(town, &outcome), @"✅ 🎉 Giveaway #1 is closed. The draw follows by itself; the card shows it.");
        town.settle().await;
        let closed = published(town).await;
        assert_eq!((&closed["server_seed"], closed["entries"].as_array().unwrap().len()), (&Value::Null, 41));
        town.advance(minutes(2)).await;
        let drawn = published(town).await;
        assert_eq!(drawn["entries_hash"], closed["entries_hash"]);
        assert_eq!(drawn["commitment"], before["commitment"]);
        let (agrees, said) = script(&["-"], &drawn.to_string());
        assert!(agrees, "{said}");
        assert_eq!(said.lines().filter(|line| line.starts_with("ok ")).count(), 8, "{said}");

        // Whatever is changed afterwards is found.
        for (pointer, value) in [
            ("/server_seed", json!("00".repeat(32))),
            ("/entries/0/tickets", json!(2)),
            ("/entries/3/code", json!("0".repeat(36))),
            ("/beacon/randomness", json!("11".repeat(32))),
            ("/beacon/time", json!("2020-01-01T00:00:00Z")),
            ("/winners/1/code", drawn["winners"][0]["code"].clone()),
            ("/winners/2/ticket", json!(0)),
        ] {
            let mut changed = drawn.clone();
            *changed.pointer_mut(pointer).unwrap() = value;
            let (agrees, said) = script(&["-"], &changed.to_string());
            assert!(!agrees, "{pointer} was changed, and the script agrees: {said}");
        }
        let mut fewer = drawn.clone();
        fewer["entries"].as_array_mut().unwrap().pop();
        assert!(!script(&["-"], &fewer.to_string()).0, "an entry is missing");
        town.see("party");
    })
    .await;
}

#[tokio::test]
async fn the_page_shows_everything_and_names_nobody() {
    run(async |town| {
        start(town, json!({ "prize": "<b>A mug</b>", "channel": "party" })).await;
        town.press("member", "party", "Join").await;
        let id = published(town).await["id"].as_str().unwrap().to_owned();
        town.command("admin", "giveaway end", json!({ "giveaway": id })).await;
        town.advance(minutes(2)).await;
        let url = format!("http://{}/draws/{id}", town.app.address);
        let answer = town.http.get(&url).send().await.unwrap();
        let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'sha256-"), "{policy}");
        let page = answer.text().await.unwrap();
        let data = published(town).await;
        for name in ["commitment", "entries_hash", "server_seed"] {
            assert!(page.contains(data[name].as_str().unwrap()), "{name}");
        }
        assert!(page.contains("&lt;b&gt;A mug&lt;/b&gt;") && !page.contains("<b>A mug"));
        assert!(page.contains("What it does not prove"));
        let member = town.discord.user_id("member").to_string();
        assert!(!page.contains(&member) && !page.contains("member"), "the page names nobody");
        let gone = town.http.get(url.replace(&id, &uuid::Uuid::nil().to_string())).send().await.unwrap();
        assert_eq!((gone.status().as_u16(), gone.text().await.unwrap().as_str()), (404, "There is no such draw here."));
        town.see("party");
    })
    .await;
}

#[tokio::test]
async fn roles_age_and_questions_stand_before_a_giveaway() {
    run(async |town| {
        start(town, json!({ "prize": "A", "role": "Approver", "channel": "party" })).await;
        insta::assert_snapshot!(heard(town, &town.press("member", "party", "Join").await), @"Only members with <@&Approver> can take part.");
        start(town, json!({ "prize": "B", "account_days": 3650, "channel": "alerts" })).await;
        insta::assert_snapshot!(heard(town, &town.press("member", "alerts", "Join").await), @"Your Discord account has to be 3650 days old for this.");
        start(town, json!({ "prize": "C", "bonus_role": "Approver", "bonus_tickets": 4, "channel": "tickets" })).await;
        let told = heard(town, &town.press("approver", "tickets", "Join").await);
        insta::assert_snapshot!(without_chance(&told), @"✅ You take part with 5 tickets. Your code is `ID`: look for it in the published list when it is closed.");
        start(town, json!({ "prize": "D", "question": "Which game?", "channel": "machines" })).await;
        let form = town.press("member", "machines", "Join").await;
        assert_eq!(form["modal"]["components"][0]["components"][0]["label"], "Which game?");
        let id = form["modal"]["custom_id"].as_str().unwrap();
        let told = heard(town, &town.submit("member", id, json!({ "answer": "Chess" })).await);
        insta::assert_snapshot!(without_chance(&told), @"✅ You take part. Your code is `ID`: look for it in the published list when it is closed.");
        assert_eq!(town.column("SELECT answer FROM draw_entry WHERE answer IS NOT NULL").await, ["Chess"]);
        let list = town.command("member", "raffle info", json!({})).await;
        insta::assert_snapshot!(town.reads_answer(&list), @"
        [🎟️ Raffles and giveaways]
        🎉 Giveaway #4 · open · D
        🎉 Giveaway #3 · open · C
        🎉 Giveaway #2 · open · B
        🎉 Giveaway #1 · open · A
        ");
        for channel in ["party", "alerts", "tickets", "machines"] {
            town.see(channel);
        }
    })
    .await;
}

#[tokio::test]
async fn a_prize_that_nobody_claims_goes_to_somebody_else() {
    run(async |town| {
        start(town, json!({ "prize": "A mug", "for": "5m", "claim_within": "1h", "points": 50, "channel": "party" }))
            .await;
        town.press("member", "party", "Join").await;
        town.press("approver", "party", "Join").await;
        town.advance(minutes(5)).await;
        town.advance(minutes(2)).await;
        let first = winners(town).await;
        assert_eq!(first.len(), 1);
        let other = if first[0] == "member" { "approver" } else { "member" };
        let told = heard(town, &town.press(other, "party", "Claim").await);
        insta::assert_snapshot!(told, @"There is nothing for you to claim here, or the time for it is over.");
        town.advance(minutes(61)).await;
        assert_eq!(winners(town).await, [first[0].clone(), other.to_owned()]);
        let told = heard(town, &town.press(other, "party", "Claim").await);
        insta::assert_snapshot!(told, @"✅ It is yours. The admins see it on the card.");
        assert_eq!(town.count("SELECT sum(amount)::bigint FROM ledger WHERE kind = 'draw'").await, 50);
        town.advance(minutes(120)).await;
        assert_eq!(winners(town).await.len(), 2, "what is claimed is not drawn again");
        let (agrees, said) = script(&["-"], &published(town).await.to_string());
        assert!(agrees, "{said}");
        town.see("party");
    })
    .await;
}

async fn winners(town: &Town) -> Vec<String> {
    let ids = town
        .column(
            "SELECT p.discord_user_id::text FROM draw_winner w JOIN draw_entry e ON e.id = w.entry_id
             JOIN person p ON p.id = e.person_id ORDER BY w.place",
        )
        .await;
    let name =
        |id: &String| *["member", "approver"].iter().find(|n| town.discord.user_id(n).to_string() == *id).unwrap();
    ids.iter().map(|id| name(id).to_owned()).collect()
}

#[tokio::test]
async fn a_raffle_by_tickets_and_the_next_one() {
    run(async |town| {
        town.with_channel().await;
        let outcome = town
            .command(
                "admin",
                "raffle start",
                json!({ "prize": "A chair", "for": "30d", "repeat": true, "channel": "party" }),
            )
            .await;
        insta::assert_snapshot!(heard(town, &outcome), @"✅ 🎟️ Raffle #1 is open. Its card is in the channel.");
        for (who, tickets) in [("member", 30), ("approver", 70)] {
            town.command("admin", "raffle give", json!({ "member": who, "tickets": tickets, "reason": "event" })).await;
        }
        let taken = town.command("admin", "raffle take", json!({ "member": "member", "tickets": 50 })).await;
        insta::assert_snapshot!(heard(town, &taken), @"✅ 30 tickets taken.");
        town.command("admin", "raffle give", json!({ "member": "member", "tickets": 30 })).await;
        town.settle().await;
        let mine = town.command("member", "raffle tickets", json!({})).await;
        insta::assert_snapshot!(heard(town, &mine), @"You have 30 of 100 tickets.");
        let board = town.command("member", "raffle board", json!({})).await;
        insta::assert_snapshot!(town.reads_answer(&board), @"
        [🎟️ Raffle #1]
        1. <@approver> · 70
        2. <@member> · 30
        ");
        insta::assert_snapshot!(town.reads("party"), @"
        [🎟️ Raffle #1: A chair]
        Tickets: 10 for each full hour of watching, 15 for each gifted sub. Link your Kick account with /link: only linked viewers take part. `/raffle tickets` shows yours.
        Entries: 2 with 100 tickets
        Winners: 1
        Ends: <+2592000s>
        Most tickets: 1. <@approver> · 70 tickets
        2. <@member> · 30 tickets
        Proof: Commitment `HASH`
        [How to check it](http://HERE/draws/ID)
        -- Signalbox · community
        (My tickets)
        ");
        insta::assert_snapshot!(heard(town, &town.press("member", "party", "My tickets").await), @"You have 30 of 100 tickets.");
        town.advance(chrono::TimeDelta::days(30)).await;
        town.advance(minutes(2)).await;
        let draws = town
            .column(
                "SELECT number || ' ' || state || ' ' || date_trunc('day', closes_at)::date FROM draw ORDER BY number",
            )
            .await;
        insta::assert_snapshot!(draws.join("\n"), @"
        1 drawn 2026-02-01
        2 open 2026-03-01
        ");
        assert_eq!(winners(town).await.len(), 1);
        let id = town.column("SELECT id::text FROM draw WHERE number = 1").await;
        let verified = town.command("member", "raffle verify", json!({ "draw": id[0] })).await;
        assert!(town.reads_answer(&verified).contains("✅ draw 1: ticket"), "{verified:#}");
        town.see("party");
    })
    .await;
}

#[tokio::test]
async fn hours_watched_and_subs_gifted_become_tickets_of_whoever_is_linked() {
    run(async |town| {
        town.with_channel().await;
        town.command("admin", "raffle start", json!({ "prize": "A chair", "for": "30d", "channel": "party" })).await;
        town.says("ada", "hello").await;
        town.says("ada", "!watchtime").await;
        // Two hours and a half, of which one is counted later.
        watched(town, 0, 60).await;
        watched(town, 1, 30).await;
        gifted(town, "gift-1", 2).await;
        gifted(town, "gift-1", 2).await;
        town.advance(minutes(180)).await;
        assert_eq!(tickets(town).await, Vec::<String>::new(), "nobody is linked yet");
        town.link_viewer("member", "ada").await;
        town.advance(minutes(11)).await;
        assert_eq!(tickets(town).await, ["gifted 30", "watchtime 10"]);
        watched(town, 1, 60).await;
        town.advance(minutes(11)).await;
        town.advance(minutes(11)).await;
        assert_eq!(tickets(town).await, ["gifted 30", "watchtime 10", "watchtime 10"]);
        let mine = town.command("member", "raffle tickets", json!({})).await;
        insta::assert_snapshot!(heard(town, &mine), @"You have 50 of 50 tickets.");
        insta::assert_snapshot!(town.says("ada", "!raffle").await, @"@ada You have 50 of 50 raffle tickets: 10 for each hour watched, 15 for each gifted sub. Link your account in our Discord to take part.");
        town.see("party");
    })
    .await;
}

/// Minutes of the hour so many after the start, as the counting of watch time leaves them.
async fn watched(town: &Town, hour: i64, minutes: i64) {
    let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(&town.database_url).await.unwrap();
    let first = crate::support::town::start().timestamp() / 3600;
    for sql in [
        "INSERT INTO watch_channel (kick_channel_id, hour, guild_id, day_cap)
         SELECT id, $1::bigint::integer, guild_id, 1080 FROM kick_channel WHERE $2::bigint >= 0 ON CONFLICT DO NOTHING",
        "INSERT INTO watch_hour (kick_channel_id, hour, viewer_id, guild_id, said, present, subscriber, minutes)
         SELECT k.id, $1::bigint::integer, v.person_id, k.guild_id, 1, 1, false, $2::bigint::smallint FROM kick_channel k, viewer v
         ON CONFLICT (kick_channel_id, hour, viewer_id) DO UPDATE SET minutes = EXCLUDED.minutes",
    ] {
        sqlx::query(sql).bind(first + hour).bind(minutes).execute(&mut connection).await.unwrap();
    }
}

async fn gifted(town: &Town, cause: &str, subs: i64) {
    let person = town.column("SELECT person_id::text FROM viewer").await[0].parse().unwrap();
    let mut tx = town.store().begin().await.unwrap();
    let ports = &town.app.ports;
    signalbox::community::draw::tickets::gifted(ports, &mut tx, town.guild(), person, subs, cause).await.unwrap();
    signalbox::store::Store::commit(tx).await.unwrap();
}

/// Of members alone.
async fn tickets(town: &Town) -> Vec<String> {
    town.column(
        "SELECT source || ' ' || tickets FROM draw_ticket t WHERE EXISTS (SELECT 1 FROM kick_link) ORDER BY source, at",
    )
    .await
}

#[tokio::test]
async fn without_public_randomness_it_waits_and_then_says_so() {
    run(async |town| {
        town.beacon.set_away(true);
        start(town, json!({ "prize": "A mug", "for": "5m", "channel": "party" })).await;
        town.press("member", "party", "Join").await;
        town.advance(minutes(5)).await;
        town.advance(minutes(10)).await;
        assert_eq!(published(town).await["state"], "closed");
        assert!(town.beacon.asked() >= 1);
        town.advance(minutes(25)).await;
        let drawn = published(town).await;
        assert_eq!((&drawn["state"], &drawn["beacon"]), (&json!("drawn"), &Value::Null));
        let open = drawn["not_proven"].as_array().unwrap().last().unwrap().as_str().unwrap();
        insta::assert_snapshot!(open, @"That nobody knew the outcome at the close: drand did not answer, and the draw went on without it. Whoever runs the bot knows the seed, and could have chosen what to add before the close.");
        let (agrees, said) = script(&["-"], &drawn.to_string());
        assert!(agrees, "{said}");
        town.see("party");
    })
    .await;
}

#[tokio::test]
async fn it_survives_a_restart_and_two_bots_draw_once() {
    run_with(Setup { gateway: true, ..Setup::default() }, async |town| {
        start(town, json!({ "prize": "A mug", "for": "5m", "winners": 2, "channel": "party" })).await;
        town.press("member", "party", "Join").await;
        town.restart().await;
        town.press("approver", "party", "Join").await;
        let (other, lifecycle) = town.another_bot().await;
        town.clock.advance(minutes(5));
        town.world_clock.advance(minutes(5));
        let (one, two) = tokio::join!(town.app.step(), other.step());
        one.unwrap();
        two.unwrap();
        town.clock.advance(minutes(2));
        town.world_clock.advance(minutes(2));
        for _ in 0..20 {
            let (one, two) = tokio::join!(town.app.step(), other.step());
            one.unwrap();
            two.unwrap();
        }
        town.settle().await;
        assert_eq!(winners(town).await.len(), 2);
        let messages = town.messages("party");
        assert_eq!(messages.len(), 3, "the card, that it is closed, and who won");
        lifecycle.stop();
        other.ports.store.close().await;
    })
    .await;
}

#[tokio::test]
async fn an_entry_that_is_deleted_stays_without_a_name() {
    run(async |town| {
        start(town, json!({ "prize": "A mug", "for": "5m", "channel": "party" })).await;
        town.press("member", "party", "Join").await;
        town.advance(minutes(5)).await;
        let user = town.discord.user_id("member").into();
        signalbox::privacy::forget(&town.app.ports, user).await.unwrap();
        town.advance(minutes(2)).await;
        let (agrees, said) = script(&["-"], &published(town).await.to_string());
        assert!(agrees, "{said}");
        let seen = town.reads("party");
        assert!(seen.contains("1. someone · ticket 1 of 1") && !seen.contains("<@member>"), "{seen}");
        assert_eq!(town.column("SELECT name FROM draw_entry").await, [""]);
    })
    .await;
}
