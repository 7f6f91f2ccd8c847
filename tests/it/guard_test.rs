//! Where requests of the program may go, with real names and connections.

use crate::support::town::run;
use signalbox::upstream::guard::{GuardedClient, Refused};
use std::time::Duration;
use url::Url;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

/// The innermost reason why a request came to nothing.
async fn reason(client: &GuardedClient, text: &str) -> String {
    let request = client.request(reqwest::Method::POST, &url(text)).unwrap();
    let error = request.send().await.unwrap_err();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[tokio::test]
async fn a_name_that_leads_to_this_machine_is_refused_at_the_connection() {
    run(async |town| {
        let port = url(&town.discord.origin()).port().unwrap();
        let before = town.discord.requests().len();
        let people = GuardedClient::new([], Duration::from_secs(5)).unwrap();
        let inner = format!("https://localhost:{port}/hook");
        assert_eq!(
            reason(&people, &inner).await,
            "localhost leads to this machine or its network; nothing is sent there"
        );
        // With the operator's leave the connection is made, and fails for not being TLS.
        let networks: Vec<ipnet::IpNet> = vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        let allowed = GuardedClient::new(networks, Duration::from_secs(5)).unwrap();
        let reached = reason(&allowed, &inner).await;
        assert!(!reached.contains("leads to this machine"), "{reached}");
        assert_eq!(town.discord.requests().len(), before, "nobody was asked anything");
    })
    .await;
}

#[tokio::test]
async fn an_address_is_refused_before_anything_is_sent() {
    let people = GuardedClient::new([], Duration::from_secs(5)).unwrap();
    for (text, expected) in [
        ("http://example.org/", Refused::Scheme),
        ("ftp://example.org/", Refused::Scheme),
        ("https://user:password@example.org/", Refused::Credentials),
        ("https://169.254.169.254/latest/meta-data", Refused::Inner("169.254.169.254".into())),
        ("https://[::ffff:10.0.0.1]/", Refused::Inner("::ffff:10.0.0.1".into())),
    ] {
        let refused = people.request(reqwest::Method::GET, &url(text)).map(drop);
        assert_eq!(refused, Err(expected), "{text}");
    }
}

#[tokio::test]
async fn addresses_of_the_configuration_are_checked_at_the_start() {
    let variables = [
        ("DISCORD_TOKEN", "standin"),
        ("DISCORD_API_URL", "http://user:hush@127.0.0.1:4000"),
        ("XTSYSTEMS_API_URL", "http://169.254.169.254/"),
        ("XTSYSTEMS_API_KEY", "key"),
        ("PUBLIC_URL", "file:///etc/passwd"),
    ];
    let variables: Vec<(String, String)> = variables.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
    let problems = signalbox::config::load(signalbox::config::Given::new(variables)).unwrap_err().to_string();
    assert!(!problems.contains("hush"), "{problems}");
    insta::assert_snapshot!(problems, @r#"
    The configuration has 4 problems:
      - DISCORD_API_URL (environment): should not hold a user name or password
      - PUBLIC_URL (environment): should be an address such as https://example.org
      - DISCORD_GUILD_ID: is required because XTSYSTEMS_API_URL is set (environment): what XTSystems sends belongs to one server. Right-click the server's name in Discord, "Copy Server ID"
      - XTSYSTEMS_API_URL (environment): should not be a link-local address: what answers there is this machine's own host
    Every variable is explained in .env.example.
    "#);
}
