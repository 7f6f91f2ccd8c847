//! `signalbox setup party`, as an operator does it.

use crate::support::outside::Outside;

/// What the steps for the party program say; the key, if one was shown, apart.
async fn party(outside: &Outside, more: &[&str], changes: &[(&str, &str)]) -> (Option<i32>, String, Option<String>) {
    let end = outside.signalbox(&[&["setup", "party"], more].concat(), changes).await;
    let key = end.out.split_whitespace().find(|word| word.starts_with("sbx_") && !word.ends_with('…'));
    let key = key.map(str::to_owned);
    let mut text = outside.plain(&format!("{}{}", end.out, end.err));
    if let Some(key) = &key {
        text = text.replace(key.as_str(), "KEY");
    }
    let text = text.split("https://discord.com/channels/").enumerate().map(|(n, part)| match n {
        0 => part.to_owned(),
        _ => format!("LINK{}", part.trim_start_matches(|c: char| c.is_ascii_digit() || c == '/')),
    });
    let words: Vec<String> = text.collect::<String>().split("sbx_").map(str::to_owned).collect();
    let begin = |rest: &String| format!("sbx_PUBLIC{}", rest.get(8..).unwrap_or_default());
    (end.code, words[0].clone() + &words[1..].iter().map(begin).collect::<String>(), key)
}

#[tokio::test]
async fn a_party_program_is_connected_and_its_test_arrives() {
    let outside = Outside::start().await;
    let (code, said, first) = party(&outside, &[], &[]).await;
    assert_eq!(code, Some(1));
    insta::assert_snapshot!(said, @"
    Party
      ✗ Address      no Signalbox answers at http://127.0.0.1:PORT
                     → Start it with signalbox run, then do this again
      + Key          made, named party; it is shown once, below
      ✗ Webhook      no Discord webhook is set, so notifications have nowhere to go
                     → In Discord: the channel's settings, Integrations, Webhooks, New Webhook, Copy Webhook URL; then signalbox setup party --webhook URL

    The key of the party program, shown this once:
      KEY

    2 steps failed. Mend them and do this again: what is done stays.
    ");
    let mut bot = outside.bot(&[]).await;
    bot.says("connected to Discord").await;
    let (id, token, _) = outside.discord.create_webhook(outside.discord.channel_id("party"), "Parties").unwrap();
    let url = format!("https://discord.com/api/webhooks/{id}/{token}");
    let both = ["--webhook", url.as_str(), "--invite", "https://discord.gg/abc123"];
    let (code, said, again) = party(&outside, &both, &[]).await;
    assert_eq!((code, again), (Some(0), None), "{said}");
    insta::assert_snapshot!(said, @r#"
    Party
      ✓ Address      the party program speaks to http://127.0.0.1:PORT/api/discord
      ✓ Key          made earlier, begins sbx_PUBLIC…
      + Webhook      set; notifications go through it from now on
      + Invite       set: "party created" shows https://discord.gg/abc123
      ✓ Test         Discord has the test notification after N ms: LINK

    All is set up.
    "#);
    assert!(!said.contains(&token));
    let messages = outside.discord.messages(outside.discord.channel_id("party"));
    assert_eq!(messages[0]["embeds"][0]["title"], "🧪 Test Notification");
    let (_, said, _) = party(&outside, &both, &[]).await;
    assert!(said.ends_with("Everything was set up already; nothing was changed.\n"), "{said}");
    // The key that was shown works.
    let status = reqwest::Client::builder().no_proxy().build().unwrap();
    let status = status.get(format!("http://127.0.0.1:{}/api/discord/status", outside.port));
    let status = status.bearer_auth(first.unwrap()).send().await.unwrap().status();
    assert_eq!(status.as_u16(), 200);
}

#[tokio::test]
async fn what_a_party_program_lacks_is_said_with_the_way_out() {
    let outside = Outside::start().await;
    let (_, said, _) = party(&outside, &["--webhook", "https://discord.com.evil.example/api/webhooks/1/a"], &[]).await;
    assert!(said.contains("that is not the address of a Discord webhook"), "{said}");
    let mut bot = outside.bot(&[("PARTY_LOOPBACK", "on")]).await;
    bot.says("connected to Discord").await;
    let (id, token, _) = outside.discord.create_webhook(outside.discord.channel_id("party"), "Parties").unwrap();
    assert!(outside.discord.delete_webhook(id));
    let url = format!("https://discord.com/api/webhooks/{id}/{token}");
    let (code, said, key) = party(&outside, &["--webhook", &url], &[("PARTY_LOOPBACK", "on")]).await;
    assert_eq!((code, key), (Some(1), None));
    insta::assert_snapshot!(said.replace(&id.to_string(), "ID"), @"
    Party
      ✓ Address      the party program speaks to http://127.0.0.1:PORT/api/discord
      ✓ Key          not needed by a program on this machine (PARTY_LOOPBACK=on)
      + Webhook      set; notifications go through it from now on
      ✗ Test         the test notification did not arrive (502): Discord did not take the message: webhook ID was deleted
                     → In Discord: the channel's settings, Integrations, Webhooks, New Webhook, Copy Webhook URL; then signalbox setup party --webhook URL

    One step failed. Mend it and do this again: what is done stays.
    ");
}
