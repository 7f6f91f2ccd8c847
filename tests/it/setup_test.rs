//! `signalbox setup`, as an operator does it: what is printed, what is registered, what is written.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Instant;

use serde_json::{Value, json};
use standin::xtsystems::{Mode, Place};

use crate::support::outside::Outside;
use crate::support::port::free_port;
use crate::support::program::{Directory, Program};
use crate::support::terminal::Terminal;

const XTSYSTEMS: [&str; 3] = ["setup", "xtsystems", "--yes"];

#[tokio::test]
async fn from_nothing_to_a_verified_webhook_and_again_without_a_change() {
    let outside = Outside::start().await;
    let first = outside.signalbox(&["setup"], &[]).await;
    insta::assert_snapshot!(outside.plain(&first.out), @"
    Discord
      ✓ Token        Signalbox (id 1180000000000000002)
      ✓ Intents      no privileged intent is needed, and none is switched on
      ✓ Invite link  https://discord.com/oauth2/authorize?client_id=1180000000000000002&scope=bot+applications.commands&permissions=84992
      ✓ Server       Signal Town (id 1180000000000000001)
      ✓ Channel      #ops gets asset.created, asset.updated, default
      ✓ Channel      #tickets gets ticket.closed, ticket.created, ticket.updated
      ✓ Channel      #machines gets machine.approved, machine.registered
      ✓ Channel      #alerts gets alert.triggered

    XTSystems
      ✓ Address      XT answers: ok
      ✓ Key          accepted; no webhook is registered there yet
      ✓ Intake       listens on 127.0.0.1:PORT until this is done
      ✓ Public URL   http://127.0.0.1:PORT/webhooks/xtsystems
      + Secret       generated, and kept in the database
      + Webhook      created, for all 10 kinds of events
      ✓ Test         the test delivery arrived after N ms, and its signature is valid

    All is set up. Start the bot with: signalbox run
    ");
    assert_eq!((first.code, first.err.as_str()), (Some(0), ""));
    let registered = outside.xt.webhooks();
    let secret = registered[0].secret.clone().unwrap();
    assert_eq!((registered.len(), secret.len()), (1, 64), "one webhook, and a secret that was made for it");
    assert!(!first.out.contains(&secret));

    let second = outside.signalbox(&["setup"], &[]).await;
    insta::assert_snapshot!(outside.plain(&second.out), @"
    Discord
      ✓ Token        Signalbox (id 1180000000000000002)
      ✓ Intents      no privileged intent is needed, and none is switched on
      ✓ Invite link  https://discord.com/oauth2/authorize?client_id=1180000000000000002&scope=bot+applications.commands&permissions=84992
      ✓ Server       Signal Town (id 1180000000000000001)
      ✓ Channel      #ops gets asset.created, asset.updated, default
      ✓ Channel      #tickets gets ticket.closed, ticket.created, ticket.updated
      ✓ Channel      #machines gets machine.approved, machine.registered
      ✓ Channel      #alerts gets alert.triggered

    XTSystems
      ✓ Address      XT answers: ok
      ✓ Key          accepted; 1 webhook is registered there
      ✓ Intake       listens on 127.0.0.1:PORT until this is done
      ✓ Public URL   http://127.0.0.1:PORT/webhooks/xtsystems
      ✓ Secret       the one generated earlier, kept in the database
      ✓ Webhook      registered already, for all 10 kinds of events
      ✓ Test         the test delivery arrived after N ms, and its signature is valid

    Everything was set up already; nothing was changed. Start the bot with: signalbox run
    ");
    assert_eq!(second.code, Some(0));
    let again = outside.xt.webhooks();
    assert_eq!((again.len(), again[0].secret.as_ref()), (1, Some(&secret)));
    let changes = outside.xt.calls().into_iter().filter(|call| matches!(call.method.as_str(), "PUT" | "DELETE"));
    assert_eq!(changes.count(), 0);
}

#[tokio::test]
async fn a_running_bot_takes_the_test() {
    let outside = Outside::start().await;
    let bot = outside.bot(&[]).await;
    let end = outside.signalbox(&XTSYSTEMS, &[]).await;
    insta::assert_snapshot!(outside.plain(&end.out), @"
    XTSystems
      ✓ Address      XT answers: ok
      ✓ Key          accepted; no webhook is registered there yet
      ✓ Intake       Signalbox runs and listens on 127.0.0.1:PORT
      ✓ Public URL   http://127.0.0.1:PORT/webhooks/xtsystems
      + Secret       generated, and kept in the database
      + Webhook      created, for all 10 kinds of events
      ✓ Test         the test delivery arrived after N ms, and its signature is valid

    All is set up.
    ");
    assert_eq!(end.code, Some(0), "{}", end.err);
    bot.kill();
}

#[tokio::test]
async fn a_wrong_key() {
    let outside = Outside::start().await;
    let end = outside.signalbox(&XTSYSTEMS, &[("XTSYSTEMS_API_KEY", "xt-very-wrong")]).await;
    insta::assert_snapshot!(outside.plain(&end.out), @"
    XTSystems
      ✓ Address      XT answers: ok
      ✗ Key          XTSystems does not accept the API key (401: Invalid or missing API key)
                     → Check XTSYSTEMS_API_KEY, and whether it is to be sent as a bearer token or raw

    One step failed. Mend it and do this again: what is done stays.
    ");
    assert_eq!((end.code, end.err.as_str()), (Some(1), ""));
    assert!(!end.out.contains("xt-very-wrong") && outside.xt.webhooks().is_empty());
}

#[tokio::test]
async fn xtsystems_is_down() {
    let outside = Outside::start().await;
    outside.xt.stop();
    let end = outside.signalbox(&XTSYSTEMS, &[]).await;
    insta::assert_snapshot!(outside.plain(&end.out), @"
    XTSystems
      ✗ Address      No connection to XTSystems at XT: Connection refused
                     → Check XTSYSTEMS_API_URL, and that the server runs

    One step failed. Mend it and do this again: what is done stays.
    ");
    assert_eq!(end.code, Some(1));
}

#[tokio::test]
async fn xtsystems_has_a_fault() {
    let outside = Outside::start().await;
    outside.xt.mode(Mode::status(500).at(Place::Webhooks));
    let end = outside.signalbox(&XTSYSTEMS, &[]).await;
    insta::assert_snapshot!(outside.plain(&end.out), @"
    XTSystems
      ✓ Address      XT answers: ok
      ✗ Key          XTSystems has a fault of its own (500: Internal Server Error)
                     → Try again later

    One step failed. Mend it and do this again: what is done stays.
    ");
    assert_eq!(end.code, Some(1));
}

#[tokio::test]
async fn nothing_is_known_of_xtsystems() {
    let outside = Outside::start().await;
    let nothing = [("XTSYSTEMS_API_URL", ""), ("XTSYSTEMS_API_KEY", ""), ("XTSYSTEMS_APPROVER_ROLES", "")];
    let end = outside.signalbox(&XTSYSTEMS, &nothing).await;
    insta::assert_snapshot!(outside.plain(&end.out), @"
    XTSystems
      ✗ Address      Signalbox does not know where XTSystems is
                     → Set XTSYSTEMS_API_URL and XTSYSTEMS_API_KEY

    One step failed. Mend it and do this again: what is done stays.
    ");
    assert_eq!(end.code, Some(1));
}

#[tokio::test]
async fn the_public_address_is_missing_or_in_the_clear_or_at_another_port() {
    let outside = Outside::start().await;
    let mut all = String::new();
    let other_port = format!("http://127.0.0.1:{}", outside.port - 1);
    for url in ["", "http://bot.invalid", &other_port] {
        let end = outside.signalbox(&XTSYSTEMS, &[("PUBLIC_URL", url)]).await;
        assert_eq!(end.code, Some(1), "the test delivery does not arrive");
        let out =
            outside.plain(&end.out).replace(&other_port, "OTHER").replace(&(outside.port - 1).to_string(), "OTHER");
        all.push_str(&out[out.find("Public URL").unwrap() - 4..]);
        all.push_str("----\n");
    }
    insta::assert_snapshot!(all, @"
    ✗ Public URL   Signalbox does not know its own address
                     → Set PUBLIC_URL to the address under which XTSystems reaches this server, such as https://bot.example.org

    One step failed. Mend it and do this again: what is done stays.
    ----
      ! Public URL   http://bot.invalid/webhooks/xtsystems is not https: what XTSystems sends is signed, but can be read on its way
                     → Put a proxy with a certificate in front (Caddy, nginx) and set PUBLIC_URL to its https address
      + Secret       generated, and kept in the database
      + Webhook      created, for all 10 kinds of events
      ✗ Test         nothing arrived at http://bot.invalid/webhooks/xtsystems. XTSystems says: Cannot connect to host
                     → Can XTSystems reach this address? Look at PUBLIC_URL, DNS, the firewall, and the proxy in front

    One step failed. Mend it and do this again: what is done stays.
    ----
      ! Public URL   OTHER/webhooks/xtsystems names port OTHER, and Signalbox listens on PORT
                     → That is right behind a proxy. Without one, set WEBHOOK_PORT=OTHER or correct PUBLIC_URL
      ✓ Secret       the one generated earlier, kept in the database
      + Webhook      updated (address), for all 10 kinds of events
      ✗ Test         nothing arrived at OTHER/webhooks/xtsystems. XTSystems says: Cannot connect to host
                     → Can XTSystems reach this address? Look at PUBLIC_URL, DNS, the firewall, and the proxy in front

    One step failed. Mend it and do this again: what is done stays.
    ----
    ");
    assert_eq!(outside.xt.webhooks().len(), 1, "found by its name, and given the new address");
}

#[tokio::test]
async fn another_program_is_at_the_port() {
    let outside = Outside::start().await;
    let _taken = std::net::TcpListener::bind(("127.0.0.1", outside.port)).unwrap();
    let end = outside.signalbox(&XTSYSTEMS, &[]).await;
    let out = outside.plain(&end.out);
    insta::assert_snapshot!(&out[out.find("✗").unwrap()..], @"
    ✗ Intake       cannot listen on 127.0.0.1:PORT: Address already in use
                     → End the other program, or set WEBHOOK_PORT to a free port

    One step failed. Mend it and do this again: what is done stays.
    ");
    assert_eq!(end.code, Some(1));
}

#[tokio::test]
async fn another_secret_at_xtsystems_is_replaced() {
    let outside = Outside::registered("of-the-bot-before").await;
    let end = outside.signalbox(&XTSYSTEMS, &[("WEBHOOK_SECRET", "a-secret-of-the-operator")]).await;
    insta::assert_snapshot!(outside.plain(&end.out), @"
    XTSystems
      ✓ Address      XT answers: ok
      ✓ Key          accepted; 1 webhook is registered there
      ✓ Intake       listens on 127.0.0.1:PORT until this is done
      ✓ Public URL   http://127.0.0.1:PORT/webhooks/xtsystems
      ✓ Secret       set as WEBHOOK_SECRET
      + Webhook      updated (secret), for all 10 kinds of events
      ✓ Test         the test delivery arrived after N ms, and its signature is valid

    All is set up. Start the bot with: signalbox run
    ");
    assert_eq!(end.code, Some(0));
    assert_eq!(outside.xt.webhooks()[0].secret.as_deref(), Some("a-secret-of-the-operator"));
}

#[tokio::test]
async fn a_running_bot_with_another_secret_refuses_the_test() {
    let outside = Outside::registered("of-the-running-bot").await;
    let bot = outside.bot(&[("WEBHOOK_SECRET", "of-the-running-bot")]).await;
    let end = outside.signalbox(&XTSYSTEMS, &[("WEBHOOK_SECRET", "another-one-in-the-file")]).await;
    let out = outside.plain(&end.out);
    insta::assert_snapshot!(&out[out.find("  ✓ Intake").unwrap()..], @"
      ✓ Intake       Signalbox runs and listens on 127.0.0.1:PORT
      ✓ Public URL   http://127.0.0.1:PORT/webhooks/xtsystems
      ✓ Secret       set as WEBHOOK_SECRET
      + Webhook      updated (secret), for all 10 kinds of events
      + Webhook      XTSystems had another secret, or none: it was given ours
      ✗ Test         the test delivery was refused. The signature does not match the request under any live secret.
                     → Does the running Signalbox have the same settings as this set-up? Restart it, then do this again

    One step failed. Mend it and do this again: what is done stays.
    ");
    assert_eq!(end.code, Some(1));
    bot.kill();
}

#[tokio::test]
async fn discord_says_what_is_missing() {
    let outside = Outside::start().await;
    let alerts = outside.discord.channel_id("alerts");
    outside.discord.set_overwrite(alerts, outside.discord.bot_id(), 0, 1 << 11);
    let end = outside.signalbox(&["setup", "discord"], &[]).await;
    insta::assert_snapshot!(outside.plain(&end.out), @"
    Discord
      ✓ Token        Signalbox (id 1180000000000000002)
      ✓ Intents      no privileged intent is needed, and none is switched on
      ✓ Invite link  https://discord.com/oauth2/authorize?client_id=1180000000000000002&scope=bot+applications.commands&permissions=84992
      ✓ Server       Signal Town (id 1180000000000000001)
      ✓ Channel      #ops gets asset.created, asset.updated, default
      ✓ Channel      #tickets gets ticket.closed, ticket.created, ticket.updated
      ✓ Channel      #machines gets machine.approved, machine.registered
      ✗ Channel      in #alerts the bot lacks Send Messages
                     → Channel settings, Permissions, add the bot's role, and allow Send Messages

    One step failed. Mend it and do this again: what is done stays.
    ");
    assert_eq!(end.code, Some(1));
    let mut all = String::new();
    for change in [
        ("DISCORD_TOKEN", ""),
        ("DISCORD_TOKEN", "wrong"),
        ("DISCORD_GUILD_ID", "1180000000000000999"),
        ("DISCORD_WEBHOOK_CHANNELS", "{\"default\": [\"1180000000000000999\"]}"),
        ("DISCORD_WEBHOOK_CHANNELS", ""),
    ] {
        let end = outside.signalbox(&["setup", "discord"], &[change]).await;
        let steps = end.out.lines().skip_while(|line| !line.contains(['✗', '!'])).take(2);
        all.extend(steps.map(|line| format!("{line}\n")));
    }
    insta::assert_snapshot!(all, @r#"
    ✗ Token        Signalbox has no token for Discord
                   → Create an application at https://discord.com/developers/applications; the token is on its page Bot (Reset Token). Set DISCORD_TOKEN
    ✗ Token        Discord does not accept the token
                   → Copy it anew: https://discord.com/developers/applications, your application, Bot, Reset Token; it is DISCORD_TOKEN
    ✗ Server       the bot is not in server 1180000000000000999
                   → Open the invite link above as somebody who may manage the server, or correct DISCORD_GUILD_ID
    ✗ Channel      there is no channel 1180000000000000999
                   → Set DISCORD_WEBHOOK_CHANNELS, such as {"default": ["CHANNEL ID"]}: right-click a channel in Discord, "Copy Channel ID"
    ! Channel      no event has a channel yet, so nothing would be shown
                   → Set DISCORD_WEBHOOK_CHANNELS, such as {"default": ["CHANNEL ID"]}: right-click a channel in Discord, "Copy Channel ID"
    "#);
}

#[tokio::test]
async fn what_this_version_cannot_set_up_is_said() {
    let end = Program::start(&["setup", "kick"], &[]).ends_within(20).await;
    assert_eq!(end.code, Some(2));
    insta::assert_snapshot!(end.err, @"
    error: invalid value 'kick' for '[WHAT]': kick is not in this version; discord, xtsystems and party can be set up

    For more information, try '--help'.
    ");
}

#[tokio::test]
async fn the_steps_as_json() {
    let outside = Outside::start().await;
    let end = outside.signalbox(&["setup", "xtsystems", "--json"], &[]).await;
    let steps: Value = serde_json::from_str(&end.out).unwrap();
    let short: Vec<String> = steps
        .as_array()
        .unwrap()
        .iter()
        .map(|s| {
            format!(
                "{} {} {}",
                s["topic"].as_str().unwrap(),
                s["step"].as_str().unwrap(),
                s["outcome"].as_str().unwrap()
            )
        })
        .collect();
    insta::assert_snapshot!(short.join("\n"), @"
    XTSystems Address fine
    XTSystems Key fine
    XTSystems Intake fine
    XTSystems Public URL fine
    XTSystems Secret changed
    XTSystems Webhook changed
    XTSystems Test fine
    ");
    assert_eq!(steps[0].as_object().unwrap().keys().collect::<Vec<_>>(), ["fix", "outcome", "said", "step", "topic"]);
}

#[tokio::test]
async fn a_file_that_is_there_keeps_its_comments_and_asks_before_a_value_changes() {
    let outside = Outside::start().await;
    let before =
        "# Ours since 2024.\nLOG_LEVEL=warn\n# PUBLIC_URL=https://example.org\nWEBHOOK_PORT=3999 # the old one\n";
    fs::write(outside.path(".env"), before).unwrap();
    let refused = outside.signalbox(&["setup", "xtsystems", "--write"], &[]).await;
    assert_eq!(refused.code, Some(1));
    insta::assert_snapshot!(refused.err, @"signalbox: .env is there already, and this adds DISCORD_TOKEN, DISCORD_GUILD_ID, DISCORD_API_URL, DISCORD_GATEWAY_URL, DISCORD_PUBLIC_KEY, PUBLIC_URL, DATABASE_URL, XTSYSTEMS_API_URL, XTSYSTEMS_API_KEY, XTSYSTEMS_APPROVER_ROLES, DISCORD_WEBHOOK_CHANNELS and changes WEBHOOK_PORT: say --yes, or take them out");
    assert_eq!(fs::read_to_string(outside.path(".env")).unwrap(), before);

    let end = outside.signalbox(&["setup", "xtsystems", "--write", "--yes"], &[]).await;
    assert_eq!(end.code, Some(0), "{}{}", end.out, end.err);
    let after = fs::read_to_string(outside.path(".env")).unwrap();
    let masked = after
        .replace(outside.xt.api_key(), "KEY")
        .replace(&outside.database.url, "DATABASE")
        .replace(&outside.discord.origin(), "DISCORD")
        .replace(&outside.discord.token(), "TOKEN");
    let shown: Vec<String> =
        masked.lines().filter(|line| !line.starts_with("DISCORD_")).map(|l| outside.plain(l)).collect();
    insta::assert_snapshot!(shown.join("\n"), @"
    # Ours since 2024.
    LOG_LEVEL=warn
    # PUBLIC_URL=https://example.org
    PUBLIC_URL=http://127.0.0.1:PORT
    WEBHOOK_PORT=PORT

    DATABASE_URL=DATABASE
    XTSYSTEMS_API_URL=XT
    XTSYSTEMS_API_KEY=KEY
    XTSYSTEMS_APPROVER_ROLES=1180000000000000022
    ");
    assert_eq!(fs::metadata(outside.path(".env")).unwrap().permissions().mode() & 0o777, 0o600);
    let by_file = Program::start_in(&outside.directory.0, &["setup", "xtsystems"], &[]).ends_within(60).await;
    assert!(by_file.out.contains("nothing was changed"), "the file alone is enough: {}{}", by_file.out, by_file.err);
}

/// Everything is asked, a wrong answer is asked again, and nothing secret is on the screen.
#[tokio::test]
async fn a_person_answers_the_questions() {
    let outside = Outside::start().await;
    let origin = outside.discord.origin();
    let env = [
        ("DISCORD_API_URL".to_owned(), origin),
        ("DATABASE_URL".to_owned(), outside.database.url.clone()),
        ("WEBHOOK_PORT".to_owned(), outside.port.to_string()),
    ];
    let mut terminal = Terminal::start(&outside.directory.0, &["setup"], &env);
    terminal.answer("Token (not shown): ", "wrong").await;
    terminal.answer("Token (not shown): ", &outside.discord.token()).await;
    terminal.answer("Is Signal Town its server? [Y/n]: ", "").await;
    terminal.answer("Which channel gets the events?", "#tickets").await;
    terminal.answer("Connect XTSystems? [Y/n]: ", "y").await;
    terminal.answer("Where is XTSystems?", &outside.xt.origin()).await;
    terminal.answer("Its API key (not shown): ", "xt-wrong").await;
    terminal.answer("Its API key (not shown): ", outside.xt.api_key()).await;
    terminal.answer("Under which address", "").await;
    terminal.answer("Write .env?", "").await;
    let (code, screen) = terminal.ends().await;
    assert_eq!(code, Some(0), "{screen}");
    insta::assert_snapshot!(outside.plain(&screen), @"
    The bot's token: create an application at https://discord.com/developers/applications, open its page Bot, and press Reset Token.
    Token (not shown): 
    Discord does not accept it. Once more:
    Token (not shown): 
    This is Signalbox.

    Is Signal Town its server? [Y/n]: 
    Channels: ops, tickets, machines, alerts, stream, matches, party, audit
    Which channel gets the events? (others can be added later) [ops]: #tickets
    Connect XTSystems? [Y/n]: y
    Where is XTSystems? [https://api.xt.systems]: XT
    Its API key (not shown): 
    XTSystems does not accept the API key (401: Invalid or missing API key). Check XTSYSTEMS_API_KEY, and whether it is to be sent as a bearer token or raw
    Its API key (not shown): 
    Under which address does XTSystems reach this server? (https://…) [http://127.0.0.1:PORT]: 

    Write .env? It is readable for you alone [Y/n]: 
    .env is written.

    Discord
      ✓ Token        Signalbox (id 1180000000000000002)
      ✓ Intents      no privileged intent is needed, and none is switched on
      ✓ Invite link  https://discord.com/oauth2/authorize?client_id=1180000000000000002&scope=bot+applications.commands&permissions=84992
      ✓ Server       Signal Town (id 1180000000000000001)
      ✓ Channel      #tickets gets default

    XTSystems
      ✓ Address      XT answers: ok
      ✓ Key          accepted; no webhook is registered there yet
      ✓ Intake       listens on 127.0.0.1:PORT until this is done
      ✓ Public URL   http://127.0.0.1:PORT/webhooks/xtsystems
      + Secret       generated, and kept in the database
      + Webhook      created, for all 10 kinds of events
      ✓ Test         the test delivery arrived after N ms, and its signature is valid

    All is set up. Start the bot with: signalbox run
    ");
    assert!(!screen.contains(&outside.discord.token()) && !screen.contains(outside.xt.api_key()));
    let written = fs::read_to_string(outside.path(".env")).unwrap();
    let set: Vec<&str> = written.lines().filter(|l| !l.starts_with('#') && l.contains('=')).collect();
    let names: Vec<&str> = set.iter().filter_map(|line| line.split('=').next()).collect();
    assert_eq!(
        names,
        [
            "DISCORD_TOKEN",
            "DISCORD_GUILD_ID",
            "PUBLIC_URL",
            "XTSYSTEMS_API_URL",
            "XTSYSTEMS_API_KEY",
            "DISCORD_WEBHOOK_CHANNELS"
        ]
    );
}

/// The README's words, followed to the letter: the stand-in is a process of its own, and so is everything else.
#[tokio::test]
async fn a_new_operators_walk() {
    let began = Instant::now();
    let (place, port) = (Directory::new(), free_port());
    let web = format!("127.0.0.1:{port}");
    let arguments = [
        "standin",
        "--discord",
        "127.0.0.1:0",
        "--xtsystems",
        "127.0.0.1:0",
        "--kick",
        "127.0.0.1:0",
        "--web",
        &web,
        "--unregistered",
    ];
    let mut world = Program::start(&arguments, &[]);
    world.says("XTSystems http").await;
    let output = world.output();
    let origin = output.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();

    // "Copy its settings": all but the secret, which is made.
    let settings = http.get(format!("{origin}/_standin/env")).send().await.unwrap().text().await.unwrap();
    let settings: Vec<&str> = settings.lines().filter(|line| !line.starts_with("WEBHOOK_SECRET=")).collect();
    let data = place.0.join("data");
    let file = format!("{}\nSIGNALBOX_DATA_DIR={}\n", settings.join("\n"), data.display());
    fs::write(place.0.join(".env"), file).unwrap();

    let setup = Program::start_in(&place.0, &["setup", "xtsystems"], &[]).ends_within(120).await;
    assert_eq!(setup.code, Some(0), "{}{}", setup.out, setup.err);
    let set_up = began.elapsed();
    let mut bot = Program::start_in(&place.0, &["run"], &[]);
    bot.says("ready").await;
    let ready = began.elapsed();
    let alert = json!({ "do": "alert", "message": "Disk full on db-02" });
    let sent = http.post(format!("{origin}/_standin/xt/send")).json(&alert).send().await.unwrap();
    let sent: Value = sent.json().await.unwrap();
    assert_eq!(sent["deliveries"][0]["response_status"], 202, "{sent}{}", bot.output());
    let mut shown = String::new();
    for _ in 0..1000 {
        shown = http.get(format!("{origin}/_standin/state")).send().await.unwrap().text().await.unwrap();
        if shown.contains("Disk full on db-02") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert!(shown.contains("Disk full on db-02"), "{}", bot.output());
    println!("walk: set up after {set_up:?}, bot ready after {ready:?}, card after {:?}", began.elapsed());

    // While the bot runs with its private database, the other commands work.
    let listed = Program::start_in(&place.0, &["xtsystems", "webhooks", "deliveries"], &[]).ends_within(30).await;
    assert!(listed.out.contains("alert.triggered  202     1      yes"), "{}{}", listed.out, listed.err);
    bot.ask_to_stop();
    assert_eq!(bot.ends_within(20).await.code, Some(0));
    world.kill();
}
