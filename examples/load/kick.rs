//! Kick's chat: signed requests, verified and on the stream, beside RSA alone and the stream alone; then at a fixed rate
//! with everything at work, while tickets come in and are to be seen.

use std::collections::HashSet;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use axum::body::{Body, to_bytes};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use signalbox::bus::{BusError, ReaderOptions};
use signalbox::clock::Clock;
use signalbox::crypto::RsaPublicKey;
use signalbox::event::activity::ChatMessage;
use signalbox::id::{GuildId, kick_source};
use signalbox::store::Store;
use signalbox::store::embedded::EmbeddedPostgres;
use signalbox::store::kick::subscription::NewKickSubscription;
use signalbox::store::kick::{NewKickChannel, insert_kick_channel};
use signalbox::store::source::SourceKind;
use standin::clock::Clock as WorldClock;
use standin::discord::Limits;
use standin::kick::{EVENTS, Firehose, Kick, Options, STREAMER, Signed};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::report::{Report, count, median, ms, percentile};
use super::sender::{Line, send_all};
use super::signed::{Signer, ticket};
use super::usage::used;
use super::world::World;

#[derive(Args)]
pub struct KickChatArgs {
    /// Messages of one run
    #[arg(long, default_value_t = 10_000)]
    messages: usize,
    /// Viewers who write them
    #[arg(long, default_value_t = 1_000)]
    viewers: usize,
    /// Keep-alive connections
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Runs; the median counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// The Redis whose stream chat goes on; without it, a channel within the process
    #[arg(long)]
    redis: Option<String>,
    /// Messages per second while tickets come in
    #[arg(long, default_value_t = 1_000)]
    rate: u32,
    /// Tickets that come in meanwhile, one each half second
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    tickets: u32,
}

pub const PATH: &str = "/webhooks/kick/load";
const COLUMNS: &[&str] = &["what", "per second", "p50 ms", "p99 ms", "server µs"];
/// What is on the stream may take this long before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(20);
const REST: Duration = Duration::from_millis(20);
const RUN: Duration = Duration::from_millis(500);

pub fn kick_chat(args: &KickChatArgs, postgres: &EmbeddedPostgres) -> Result<Report> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let _inside = handle.enter();
    let mut report = Report::new("Chat of Kick: signed requests, each an RSA-2048 signature", COLUMNS);
    let (kick, world) = runtime.block_on(start(args, postgres.url()))?;
    eprintln!("signing {} messages", args.messages);
    let rsa = rsa_alone(&kick, &mut report)?;
    let http = http_alone(&kick, args, &runtime, postgres)?;
    report.row(vec![
        "HTTP alone: read whole, answered".into(),
        String::new(),
        String::new(),
        String::new(),
        format!("{http:.0}"),
    ]);
    let mut rates = Vec::new();
    let mut costs = Vec::new();
    let (mut p50, mut p99) = (Vec::new(), Vec::new());
    for _ in 0..args.rounds {
        let messages = kick.signed_chat(STREAMER, args.messages, args.viewers);
        let requests: Vec<Vec<u8>> = messages.iter().map(|message| message.request(&kick)).collect();
        let reading = runtime.spawn(read_all(world.app.clone(), args.messages));
        let before = used(postgres.data_dir());
        let began = Instant::now();
        let sent = send_all(world.app.address, &requests, args.connections)?;
        let seen = runtime.block_on(reading)??;
        let seconds = began.elapsed().as_secs_f64();
        ensure!(seen == ids(&messages)?, "each message is on the stream, and nothing else");
        let program = used(postgres.data_dir()).program.saturating_sub(before.program).saturating_sub(sent.used);
        rates.push(args.messages as f64 / seconds);
        costs.push(program.as_secs_f64() * 1e6 / args.messages as f64);
        p50.push(sent.at(0.5).as_secs_f64() * 1000.0);
        p99.push(sent.at(0.99).as_secs_f64() * 1000.0);
    }
    if let Some(url) = &args.redis {
        let rate = runtime.block_on(stream_alone(url, args.messages))?;
        report.row(vec![
            "stream alone, one after the other in tens".into(),
            count(rate),
            String::new(),
            String::new(),
            String::new(),
        ]);
    }
    let (rate, cost) = (median(rates), median(costs));
    let each = [median(p50), median(p99)].map(|time| format!("{time:.2}"));
    let mut row = vec!["request, verified, on the stream, read".to_owned(), count(rate)];
    row.extend(each);
    row.push(format!("{cost:.0}"));
    report.row(row);
    report.note(format!(
        "Of the processor's time RSA alone would take {:.2} (reach 0.60), and {:.2} with HTTP alone; each of {} messages is on \
         the stream exactly once, {} times.",
        1e6 / rsa / cost,
        (1e6 / rsa + http) / cost,
        count(args.messages as f64),
        args.rounds
    ));
    runtime.block_on(world.stop());
    kick.stop();
    runtime.block_on(beside_tickets(args, postgres.url(), &mut report))?;
    Ok(report)
}

/// A program that one channel of Kick is connected with.
async fn start(args: &KickChatArgs, database_url: &str) -> Result<(Kick, World)> {
    let kick = Kick::start(Options::local(WorldClock::system())).await?;
    let mut env = kick.env();
    env.retain(|(name, _)| name != "KICK_WEBHOOK_PATH");
    env.push(("KICK_WEBHOOK_PATH".to_owned(), PATH.to_owned()));
    env.extend(args.redis.iter().map(|url| ("REDIS_URL".to_owned(), url.clone())));
    let world = World::with(Limits::Off, database_url, env).await?;
    kick.set_webhook_url(Some(&format!("http://{}{PATH}", world.app.address)));
    connect(&kick, &world.app.ports.store, world.discord.guild_id()).await?;
    Ok((kick, world))
}

/// The streamer's channel belongs to this server, and all that it can tell is subscribed to.
pub async fn connect(kick: &Kick, store: &Store, guild: u64) -> Result<()> {
    let (guild_id, now) = (GuildId::from(guild), chrono::Utc::now());
    let source_id = kick_source(guild_id);
    store.ensure_source(guild_id, SourceKind::Kick, "kick", source_id, now).await?;
    let broadcaster_user_id = kick.person(STREAMER).user_id;
    let slug = kick.channel(STREAMER).context("the streamer has a channel")?.slug;
    let id = Clock::system().uuid();
    let new = NewKickChannel { id, guild_id, source_id, broadcaster_user_id, slug: &slug, name: STREAMER };
    let mut tx = store.begin().await?;
    insert_kick_channel(&mut tx, &new, now).await?;
    Store::commit(tx).await?;
    let made = kick.subscribe_app(STREAMER, &EVENTS);
    let known = |s: standin::kick::Subscription| NewKickSubscription {
        id: s.id,
        broadcaster_user_id: s.broadcaster_user_id,
        kind: s.event,
        version: 1,
    };
    store.insert_kick_subscriptions(&made.into_iter().map(known).collect::<Vec<_>>(), now).await?;
    Ok(())
}

/// Verifications per second of one core, with the key read once.
fn rsa_alone(kick: &Kick, report: &mut Report) -> Result<f64> {
    let key = RsaPublicKey::from_pem(kick.public_key_pem()).context("the key of the stand-in")?;
    let message = kick.signed_chat(STREAMER, 1, 1).pop().context("chat is subscribed to")?;
    let header = |name: &str| {
        let found = message.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone()).with_context(|| name.to_owned())
    };
    let signature = STANDARD.decode(header("Kick-Event-Signature")?)?;
    let (id, at) = (header("Kick-Event-Message-Id")?, header("Kick-Event-Message-Timestamp")?);
    let parts = [id.as_bytes(), b".", at.as_bytes(), b".", message.body.as_bytes()];
    let (began, mut done) = (Instant::now(), 0u32);
    while began.elapsed() < RUN {
        for _ in 0..100 {
            ensure!(key.verifies(black_box(&parts), black_box(&signature)), "it is signed");
        }
        done += 100;
    }
    let rate = f64::from(done) / began.elapsed().as_secs_f64();
    let cost = format!("{:.0}", 1e6 / rate);
    report.row(vec!["RSA alone, one core".into(), count(rate), String::new(), String::new(), cost]);
    Ok(rate)
}

/// Microseconds of the processor that the same requests take of a server that reads them whole and answers them, and does
/// nothing else: what the kernel takes for a request and its answer is in it.
fn http_alone(kick: &Kick, args: &KickChatArgs, runtime: &Runtime, postgres: &EmbeddedPostgres) -> Result<f64> {
    let messages = kick.signed_chat(STREAMER, args.messages, args.viewers);
    let requests: Vec<Vec<u8>> = messages.iter().map(|message| message.request(kick)).collect();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?;
    let server = runtime.spawn(async move {
        let mut http = http1::Builder::new();
        http.half_close(true);
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            tokio::spawn(http.serve_connection(TokioIo::new(stream), service_fn(answer)));
        }
    });
    let before = used(postgres.data_dir());
    let sent = send_all(address, &requests, args.connections)?;
    let program = used(postgres.data_dir()).program.saturating_sub(before.program).saturating_sub(sent.used);
    server.abort();
    Ok(program.as_secs_f64() * 1e6 / args.messages as f64)
}

async fn answer(request: hyper::Request<Incoming>) -> Result<hyper::Response<Body>, axum::Error> {
    black_box(to_bytes(Body::new(request.into_body()), usize::MAX).await?);
    Ok(hyper::Response::new(Body::from("{}")))
}

fn ids(messages: &[Signed]) -> Result<HashSet<String>> {
    let id = |message: &Signed| -> Result<String> {
        let body: serde_json::Value = serde_json::from_str(&message.body)?;
        Ok(body["message_id"].as_str().context("it has an id")?.to_owned())
    };
    messages.iter().map(id).collect()
}

/// The ids of what is on the stream; an error when one is there twice, or not all of them come.
async fn read_all(app: Arc<signalbox::app::App>, messages: usize) -> Result<HashSet<String>> {
    // As the program reads it: as much as there is, and then a rest, in which more comes together; a shorter one, so that
    // the end of a run is seen.
    let options = ReaderOptions { count: 10_000, ..ReaderOptions::default() };
    let mut reader = app.bus().activity_reader("load", options);
    let mut seen = HashSet::with_capacity(messages);
    let mut last = Instant::now();
    while seen.len() < messages {
        ensure!(last.elapsed() < PATIENCE, "{} of {messages} messages came", seen.len());
        let entries = match reader.next(Duration::from_millis(200)).await {
            Err(BusError::Away(why)) => anyhow::bail!("Redis is away: {why}"),
            entries => entries?,
        };
        for entry in &entries {
            let message: ChatMessage = serde_json::from_slice(&entry.event)?;
            ensure!(seen.insert(message.message_id), "a message is there twice");
            last = Instant::now();
        }
        reader.ack(&entries.into_iter().map(|entry| entry.id).collect::<Vec<_>>()).await?;
        tokio::time::sleep(REST).await;
    }
    Ok(seen)
}

/// What Redis takes of entries of the same size.
async fn stream_alone(url: &str, messages: usize) -> Result<f64> {
    let mut connection = redis::Client::open(url)?.get_multiplexed_async_connection().await?;
    let entry = "x".repeat(400);
    let key = format!("signalbox:load:{}", std::process::id());
    let began = Instant::now();
    for _ in 0..messages.div_ceil(10) {
        let mut pipe = redis::pipe();
        for _ in 0..10 {
            pipe.cmd("XADD").arg(&key).arg("*").arg("event").arg(&entry).ignore();
        }
        pipe.query_async::<()>(&mut connection).await?;
    }
    let rate = messages as f64 / began.elapsed().as_secs_f64();
    redis::cmd("DEL").arg(&key).query_async::<()>(&mut connection).await?;
    Ok(rate)
}

/// Chat at a fixed rate, everything at work, and tickets that have to be seen all the same.
async fn beside_tickets(args: &KickChatArgs, database_url: &str, report: &mut Report) -> Result<()> {
    let (kick, world) = start(args, database_url).await?;
    world.work().await?;
    let seen = world.watch_posts();
    let messages = (args.tickets.div_ceil(2) * args.rate) as usize;
    let pouring = tokio::spawn({
        let (kick, rate, viewers) = (kick.clone(), args.rate, args.viewers);
        async move {
            let hose = Firehose { channel: STREAMER.to_owned(), messages, per_second: rate, viewers };
            kick.firehose(hose).await
        }
    });
    // They are signed first, which takes its time.
    tokio::time::sleep(Duration::from_millis(messages as u64 * 3 / 4)).await;
    let (signer, mut line) = (Signer::new(), Line::open(world.app.address).await?);
    let mut sent = Vec::new();
    for n in 0..args.tickets {
        let about = ticket(900_000 + n as usize);
        let request = signer.request("ticket.created", &about, chrono::Utc::now().timestamp());
        let began = Instant::now();
        line.send(&request).await?;
        sent.push((about, began));
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let poured = pouring.await?;
    ensure!(poured.refused == 0 && poured.taken == messages, "of {messages} messages {poured:?}");
    let waiting = Instant::now();
    while seen.lock().unwrap().len() < sent.len() && waiting.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let seen = seen.lock().unwrap().clone();
    world.stop().await;
    kick.stop();
    let mut times = Vec::new();
    for (about, began) in sent {
        let shown: Vec<&Instant> = seen.iter().filter(|(body, _)| body.contains(&about)).map(|(_, at)| at).collect();
        ensure!(shown.len() == 1, "{about} is shown {} times", shown.len());
        times.push(*shown[0] - began);
    }
    times.sort_unstable();
    let worst = times.last().copied().unwrap_or_default();
    let row = [
        "a ticket beside it".to_owned(),
        String::new(),
        ms(percentile(&times, 0.5)),
        ms(percentile(&times, 0.99)),
        String::new(),
    ];
    report.row(row.to_vec());
    report.note(format!(
        "With {} messages a second, of {} tickets the slowest was visible after {} ms (reach 1,000).",
        count(f64::from(args.rate)),
        times.len(),
        ms(worst)
    ));
    Ok(())
}
