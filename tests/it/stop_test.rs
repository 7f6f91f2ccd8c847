//! The end of the program: what is under way is finished, what is held is given back, and it does end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use standin::discord::{Limits, Phase, Then};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::support::delivery::ticket;
use crate::support::town::{Setup, Town, run_with};

fn alone() -> Setup {
    Setup { gateway: false, limits: Limits::Off, ..Setup::default() }
}

/// A request that shows something is at Discord and has no answer yet.
async fn a_send_is_under_way(town: &Town) {
    town.until("the lane is leased and its send stamped", || {
        town.discord.requests().iter().any(|r| r["path"].as_str().is_some_and(|p| p.ends_with("/messages")))
    })
    .await;
}

#[tokio::test]
async fn a_send_under_way_is_finished_and_its_lane_given_back() {
    run_with(alone(), async |town| {
        let mut first = town.program(&["run"], &[]);
        first.says("connected to Discord").await;
        // The first message stays at Discord until the program knows that it is to stop.
        let (arrived, go_on) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let (arrived_there, go_on_there) = (arrived.clone(), go_on.clone());
        town.discord.on_request(move |seen| {
            let (arrived, go_on) = (arrived_there.clone(), go_on_there.clone());
            async move {
                if seen.route == "create_message" && seen.phase == Phase::Before {
                    arrived.add_permits(1);
                    go_on.acquire().await.unwrap().forget();
                }
                Then::Continue
            }
        });
        first.takes("ticket.created", &ticket("1", "open")).await;
        first.takes("ticket.created", &ticket("2", "open")).await;
        arrived.acquire().await.unwrap().forget();
        first.ask_to_stop();
        first.says("stopping").await;
        go_on.add_permits(1);
        let end = first.ends_within(12).await;
        assert_eq!(end.code, Some(0), "{}", end.out);
        assert!(!end.out.contains("did not end in time"), "{}", end.out);
        assert_eq!(town.count("SELECT count(*) FROM send WHERE state = 'delivered'").await, 1, "the one under way");
        assert_eq!(town.count("SELECT count(*) FROM lane WHERE leased_until IS NOT NULL").await, 0);
        town.discord.no_hook();

        let mut second = town.program(&["run"], &[]);
        second.says("connected to Discord").await;
        town.until("the other one follows", || town.messages("tickets").len() == 2).await;
    })
    .await;
}

#[tokio::test]
async fn a_send_that_never_ends_is_left_at_the_deadline_and_taken_over() {
    run_with(alone(), async |town| {
        let mut first = town.program(&["run"], &[("SHUTDOWN_TIMEOUT", "1s")]);
        first.says("connected to Discord").await;
        town.fault("create_message", "hang", 1);
        first.takes("ticket.created", &ticket("1", "open")).await;
        a_send_is_under_way(town).await;
        first.ask_to_stop();
        let end = first.ends_within(8).await;
        assert_eq!(end.code, Some(0), "{}", end.out);
        assert!(end.out.contains("some tasks did not end in time"), "{}", end.out);

        // The lease would last fifteen seconds; the lock of the process that is gone says more.
        let since = Instant::now();
        let mut second = town.program(&["run"], &[]);
        second.says("connected to Discord").await;
        town.until("it is shown", || !town.messages("tickets").is_empty()).await;
        assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
        assert_eq!(town.messages("tickets").len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_second_signal_means_now() {
    run_with(alone(), async |town| {
        let mut program = town.program(&["run"], &[]);
        program.says("connected to Discord").await;
        town.fault("create_message", "hang", 1);
        program.takes("ticket.created", &ticket("1", "open")).await;
        a_send_is_under_way(town).await;
        program.ask_to_stop();
        program.says("stopping").await;
        program.ask_to_stop();
        let end = program.ends_within(4).await;
        assert_eq!(end.code, Some(1), "{}", end.out);
        assert!(end.out.contains("a second time"), "{}", end.out);
    })
    .await;
}

#[tokio::test]
async fn a_request_under_way_is_stored_and_answered_and_no_other_is_taken() {
    run_with(alone(), async |town| {
        let mut program = town.program(&["run"], &[]);
        program.says("ready").await;
        let request = program.event("ticket.created", &json!({ "id": "1", "title": "late" })).build().unwrap();
        let body = request.body().unwrap().as_bytes().unwrap().to_vec();
        let mut head = format!("POST /webhooks/xtsystems HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in request.headers() {
            head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
        }
        let address = program.value("address");
        let mut connection = TcpStream::connect(&address).await.unwrap();
        connection.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
        connection.write_all(&body[..10]).await.unwrap();
        // An answer to somebody else shows that the bytes before it were read.
        assert_eq!(town.http.get(format!("http://{address}/healthz")).send().await.unwrap().status(), 200);
        program.ask_to_stop();
        program.says("stopping").await;
        town.until("nobody else is let in", || std::net::TcpStream::connect(&address).is_err()).await;
        connection.write_all(&body[10..]).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
        assert_eq!(town.count("SELECT count(*) FROM event WHERE kind = 'ticket.created'").await, 1);
        assert_eq!(program.ends_within(12).await.code, Some(0));
    })
    .await;
}
