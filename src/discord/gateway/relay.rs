//! Stands between serenity and the gateway: serenity connects to us over loopback, and we to Discord. Everything goes
//! through as it is but for one thing: how a connection ends. Serenity's runner turns round without a pause on one that
//! ended without a close code, so it is never given such a one. What Discord closes without a code, or what breaks, is
//! closed with one here: the first time with one after which the session is resumed, after that with one that ends it.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{SinkExt as _, StreamExt as _};
use poise::serenity_prelude as serenity;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::StatusCode;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, accept_hdr_async_with_config, connect_async_with_config};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::clock::random_bytes;
use crate::lifecycle::Lifecycle;

/// "Unknown error": may be resumed. <https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway>
const RESUME: u16 = 4000;
/// "Session timed out": another session is begun.
const BEGIN_ANEW: u16 = 4009;
/// For Discord to accept a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// For either side to answer a goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

type Here = WebSocketStream<TcpStream>;
type There = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Relays the connections of one session until it is dropped.
pub struct Relay {
    /// What serenity takes for the gateway.
    pub url: String,
    _end: DropGuard,
}

impl Relay {
    pub async fn start(lifecycle: &Lifecycle, gateway: String) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        // Others on this machine can find the port, and not this.
        let path = format!("/{}", hex::encode(random_bytes::<16>()));
        let url = format!("ws://{}{path}", listener.local_addr()?);
        let end = CancellationToken::new();
        let relaying = Relaying { gateway, path, has_given_way: AtomicBool::new(false), end: end.clone() };
        lifecycle.spawn("gateway relay", async move { relaying.serve(&listener).await });
        Ok(Self { url, _end: end.drop_guard() })
    }
}

struct Relaying {
    gateway: String,
    path: String,
    /// Whether a connection of this session was closed so that it is resumed.
    has_given_way: AtomicBool,
    end: CancellationToken,
}

impl Relaying {
    /// Serenity makes the next connection before it drops the one before.
    async fn serve(&self, listener: &TcpListener) {
        let mut open = FuturesUnordered::new();
        loop {
            tokio::select! {
                () = self.end.cancelled() => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => open.push(self.one(stream)),
                    Err(error) => {
                        tracing::warn!(%error, "the gateway's relay takes no connection");
                        break;
                    }
                },
                Some(()) = open.next() => {}
            }
        }
        while open.next().await.is_some() {}
    }

    async fn one(&self, stream: TcpStream) {
        // Before serenity is answered: where Discord cannot be reached, it is to see that at once.
        let Some(Some(there)) = self.end.run_until_cancelled(self.connect()).await else { return };
        if let Some(here) = self.welcome(stream).await {
            self.relay(here, there).await;
        }
    }

    async fn connect(&self) -> Option<There> {
        let url = format!("{}?v={}", self.gateway, serenity::constants::GATEWAY_VERSION);
        // Made whole: an address without a path gets one.
        let url = url::Url::parse(&url).inspect_err(|error| tracing::error!(%error, "the gateway's address")).ok()?;
        let connecting = connect_async_with_config(url.as_str(), Some(unlimited()), true);
        match tokio::time::timeout(CONNECT, connecting).await {
            Ok(Ok((stream, _))) => Some(stream),
            Ok(Err(error)) => {
                tracing::warn!(%error, "Discord's gateway cannot be reached");
                None
            }
            Err(_) => {
                tracing::warn!("Discord's gateway does not accept the connection in time");
                None
            }
        }
    }

    async fn welcome(&self, stream: TcpStream) -> Option<Here> {
        // Small messages are not held back; failing to say so costs latency alone.
        let _ = stream.set_nodelay(true);
        let is_ours = |request: &Request, response: Response| {
            if request.uri().path() == self.path {
                return Ok(response);
            }
            let mut refused = ErrorResponse::new(None);
            *refused.status_mut() = StatusCode::NOT_FOUND;
            Err(refused)
        };
        let accepting = accept_hdr_async_with_config(stream, is_ours, Some(unlimited()));
        tokio::time::timeout(GOODBYE, accepting).await.ok()?.ok()
    }

    /// What is dropped without a goodbye can be resumed.
    async fn relay(&self, mut here: Here, mut there: There) {
        loop {
            tokio::select! {
                () = self.end.cancelled() => return close(&mut here, BEGIN_ANEW).await,
                said = there.next() => match said {
                    Some(Ok(Message::Close(Some(frame)))) => return goodbye(&mut here, Some(frame)).await,
                    // Answered where they arrive.
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => {
                        if here.send(message).await.is_err() {
                            return;
                        }
                    }
                    Some(Ok(Message::Close(None) | Message::Frame(_)) | Err(_)) | None => {
                        let code = if self.has_given_way.swap(true, Ordering::Relaxed) { BEGIN_ANEW } else { RESUME };
                        tracing::info!(code, "the gateway's connection ended without a close code");
                        return close(&mut here, code).await;
                    }
                },
                said = here.next() => match said {
                    Some(Ok(Message::Close(frame))) => {
                        goodbye(&mut there, frame).await;
                        // The answer that waits to be sent.
                        let _ = tokio::time::timeout(GOODBYE, here.next()).await;
                        return;
                    }
                    Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => {
                        if there.send(message).await.is_err() {
                            return close(&mut here, RESUME).await;
                        }
                    }
                    Some(Ok(_)) => {}
                    // Serenity has dropped it.
                    Some(Err(_)) | None => return,
                },
            }
        }
    }
}

async fn close(here: &mut Here, code: u16) {
    let frame = CloseFrame { code: CloseCode::from(code), reason: "".into() };
    goodbye(here, Some(frame)).await;
}

/// Closes a side, and waits a little for its answer.
async fn goodbye<S>(side: &mut WebSocketStream<S>, frame: Option<CloseFrame<'static>>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let closing = async {
        if side.close(frame).await.is_ok() {
            while let Some(Ok(_)) = side.next().await {}
        }
    };
    let _ = tokio::time::timeout(GOODBYE, closing).await;
}

fn unlimited() -> WebSocketConfig {
    WebSocketConfig { max_message_size: None, max_frame_size: None, ..WebSocketConfig::default() }
}
