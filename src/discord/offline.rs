//! What serenity's types want of a gateway where there is none.
//!
//! Handlers are given a `Context`, and with it a `ShardMessenger`. That comes from a `ShardRunner` alone, and a
//! runner from a `Shard`, which is made by connecting somewhere. So it connects to us, once, over loopback: the
//! shortest WebSocket there is. Nothing is sent on it, and what a handler would say to the gateway is dropped;
//! ours say nothing to it.

use std::io;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use poise::serenity_prelude as serenity;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, RwLock};

/// <https://www.rfc-editor.org/rfc/rfc6455#section-1.3>
const WEBSOCKET_GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const LONGEST_REQUEST: usize = 4096;

/// A context that has the REST client and no session.
pub async fn context(
    http: &Arc<serenity::Http>,
    manager: &Arc<serenity::ShardManager>,
) -> anyhow::Result<serenity::Context> {
    let data = Arc::new(RwLock::new(serenity::prelude::TypeMap::new()));
    let runner = serenity::ShardRunner::new(serenity::ShardRunnerOptions {
        data: data.clone(),
        event_handlers: vec![],
        raw_event_handlers: vec![],
        framework: None,
        manager: manager.clone(),
        shard: shard().await?,
        http: http.clone(),
    });
    let shard = serenity::ShardMessenger::new(&runner);
    Ok(serenity::Context { data, shard, shard_id: serenity::ShardId(0), http: http.clone() })
}

async fn shard() -> anyhow::Result<serenity::Shard> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let here = Arc::new(Mutex::new(format!("ws://{}", listener.local_addr()?)));
    let only = serenity::ShardInfo { id: serenity::ShardId(0), total: 1 };
    // The token would be sent with the log-in, which never happens.
    let connecting = serenity::Shard::new(here, "", only, serenity::GatewayIntents::GUILDS, None);
    tokio::select! {
        shard = connecting => Ok(shard?),
        error = accept(&listener) => Err(error.into()),
    }
}

/// Welcomes whoever comes, until it is dropped.
async fn accept(listener: &TcpListener) -> io::Error {
    let mut welcomed = Vec::new();
    loop {
        match listener.accept().await {
            Ok((mut stream, _)) => {
                if welcome(&mut stream).await.is_ok() {
                    welcomed.push(stream);
                }
            }
            Err(error) => return error,
        }
    }
}

async fn welcome(stream: &mut TcpStream) -> io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        if request.len() > LONGEST_REQUEST || stream.read_buf(&mut request).await? == 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    let request = String::from_utf8_lossy(&request);
    let key = request.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.trim())
    });
    let key = format!("{}{WEBSOCKET_GUID}", key.unwrap_or_default());
    let accept = BASE64.encode(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes()));
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await
}

/// The manager that a runner reports to. Its own task, which would start runners behind our back, never runs:
/// the runtime it is given is gone at once.
pub fn idle_manager(http: &Arc<serenity::Http>, ws_url: Arc<Mutex<String>>) -> io::Result<Arc<serenity::ShardManager>> {
    let nowhere = tokio::runtime::Builder::new_current_thread().build()?;
    let manager = {
        let _there = nowhere.enter();
        let (manager, _) = serenity::ShardManager::new(serenity::ShardManagerOptions {
            data: Arc::new(RwLock::new(serenity::prelude::TypeMap::new())),
            event_handlers: vec![],
            raw_event_handlers: vec![],
            framework: Arc::new(OnceLock::new()),
            shard_index: 0,
            shard_init: 1,
            shard_total: 1,
            ws_url,
            http: http.clone(),
            intents: serenity::GatewayIntents::GUILDS,
            presence: None,
        });
        manager
    };
    nowhere.shutdown_background();
    Ok(manager)
}
