//! Asks a Signalbox on this machine for a test notification, as the party program does: for `signalbox setup party`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::{Value, json};

use super::guard::{Reach, guarded};

/// What came of it.
#[derive(Debug, PartialEq)]
pub enum Answer {
    /// Discord has the message; its link, where the channel is known.
    Delivered {
        link: Option<String>,
    },
    Refused {
        status: u16,
        detail: String,
    },
    /// No answer, or none of Signalbox's.
    None,
}

/// `POST /api/discord/test`, with a key or as a program on this machine.
pub async fn test(port: u16, key: Option<&str>, timeout: Duration) -> Answer {
    let url = format!("http://{}/api/discord/test", SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    let asked = async {
        let client = guarded(&Reach::Operator).no_proxy().timeout(timeout).build()?;
        let request = client.post(&url).json(&json!({}));
        let request = match key {
            Some(key) => request.bearer_auth(key),
            None => request,
        };
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        Ok::<_, reqwest::Error>((status, answer.json::<Value>().await?))
    };
    match asked.await {
        Ok((200, said)) => Answer::Delivered { link: said["link"].as_str().map(str::to_owned) },
        Ok((status, said)) => {
            Answer::Refused { status, detail: said["detail"].as_str().unwrap_or_default().to_owned() }
        }
        Err(_) => Answer::None,
    }
}
