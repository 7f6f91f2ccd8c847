//! `signalbox demo` as whoever tries Signalbox sees it: its story on the terminal, in Discord, and over a kill.

use std::path::PathBuf;

use serde_json::{Value, json};
use signalbox::store::embedded;
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::support::outside::free_port;
use crate::support::program::{Directory, Program};
use crate::support::tickets::marks_hidden;
use crate::support::town::show;

const END: &str = "The story is over.";

/// The demo on ports of its own, told fast.
struct Demo {
    program: Program,
    directory: Directory,
    ports: [u16; 3],
    http: reqwest::Client,
}

impl Demo {
    fn start(more: &[&str]) -> Self {
        let (directory, ports) = (Directory::new(), std::array::from_fn(|_| free_port()));
        let program = Self::run(&directory, ports, more);
        Self { program, directory, ports, http: reqwest::Client::builder().no_proxy().build().unwrap() }
    }

    fn run(directory: &Directory, ports: [u16; 3], more: &[&str]) -> Program {
        let [discord, web, xtsystems] = ports.map(|port| format!("127.0.0.1:{port}"));
        let place = directory.0.to_str().unwrap().to_owned();
        let fixed = ["demo", "--pace", "0.1", "--discord", &discord, "--web", &web, "--xtsystems", &xtsystems];
        let all = [&fixed[..], &["--data-dir", &place], more].concat();
        Program::start_in(&directory.0, &all, &[("RUST_LOG".into(), "warn".into())])
    }

    /// As power fails, and comes back.
    fn kill_and_start_again(self) -> Self {
        self.program.kill();
        let program = Self::run(&self.directory, self.ports, &[]);
        Self { program, ..self }
    }

    async fn get(&self, path: &str) -> Value {
        let url = format!("http://127.0.0.1:{}/_standin/{path}", self.ports[0]);
        match self.http.get(url).send().await {
            Ok(answer) => answer.json().await.unwrap(),
            Err(_) => Value::Null,
        }
    }

    async fn act(&self, what: Value) -> Value {
        let url = format!("http://127.0.0.1:{}/_standin/act", self.ports[0]);
        let answer = self.http.post(url).body(what.to_string()).send().await.unwrap();
        answer.json().await.unwrap()
    }

    /// Waits until the page says so below its messages.
    async fn narrates(&self, words: &str) {
        for _ in 0..1800 {
            if self.get("state").await["narration"].as_str().is_some_and(|said| said.contains(words)) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("the page never said {words:?}:\n{}", self.program.output());
    }

    /// What a person sees in a channel, without times and ids.
    async fn see(&self, channel: &str) -> String {
        let state = self.get("state").await;
        let of =
            |all: &Value, name: &str| all.as_array().unwrap().iter().find(|one| one["name"] == name).cloned().unwrap();
        let messages = of(&state["channels"], channel)["messages"].as_array().unwrap().clone();
        let mut text = messages.iter().map(show).collect::<Vec<_>>().join("\n");
        for name in ["admin", "approver"] {
            text = text.replace(of(&state["users"], name)["id"].as_str().unwrap(), name);
        }
        timeless(&marks_hidden(&text))
    }

    async fn count(&self, channel: &str) -> usize {
        let state = self.get("state").await;
        let all = state["channels"].as_array().unwrap();
        all.iter().find(|one| one["name"] == channel).unwrap()["messages"].as_array().unwrap().len()
    }

    /// The lines of the story so far.
    fn told(&self) -> Vec<String> {
        let output = self.program.output();
        let lines = output.lines().filter(|line| line.starts_with("  #") || line.starts_with("  The story"));
        lines.map(|line| line.trim().to_owned()).collect()
    }

    /// Ada has the audit log verified.
    async fn verify(&self) -> String {
        let outcome =
            self.act(json!({ "as": "admin", "do": "command", "channel": "audit", "name": "audit verify" })).await;
        outcome["message"]["content"].as_str().unwrap_or_else(|| panic!("{outcome:#}")).to_owned()
    }

    async fn change_by_hand(&self, statement: &'static str) {
        let data_dir: Option<PathBuf> = Some(self.directory.0.join("demo"));
        let settings = embedded::Settings { data_dir, ..embedded::Settings::default() };
        let url = embedded::running(&settings).unwrap().expect("the demo has its database running");
        let mut connection = PgConnection::connect(&url).await.unwrap();
        connection.execute("SET session_replication_role = replica").await.unwrap();
        assert_eq!(connection.execute(statement).await.unwrap().rows_affected(), 1);
    }
}

/// `<+17s>` → `<time>`: it takes as long as it takes.
fn timeless(text: &str) -> String {
    let mut pieces = text.split("<+");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |out, piece| out + "<time>" + piece.split_once('>').map_or("", |(_, rest)| rest))
}

#[tokio::test]
async fn the_story_plays_itself() {
    let demo = Demo::start(&[]);
    demo.narrates(END).await;
    insta::assert_snapshot!(demo.told().join("\n"), @"");
    insta::assert_snapshot!(demo.see("machines").await, @"");
    insta::assert_snapshot!(demo.see("tickets").await, @"");
    insta::assert_snapshot!(demo.see("alerts").await, @"");

    // What Ada was told is there for her alone, and it is so until somebody has the database in hand.
    let private = demo.get("ephemeral?as=admin").await.to_string();
    assert!(private.contains("entries checked: nothing was changed, removed or inserted"), "{private}");
    assert!(demo.verify().await.starts_with("✅"));
    demo.change_by_hand(
        "UPDATE audit SET detail = '{}' WHERE id = (SELECT min(id) FROM audit WHERE action = 'decided')",
    )
    .await;
    let words = demo.verify().await;
    assert!(words.starts_with("❌ The audit log is not what was written: entry"), "{words}");
}

#[tokio::test]
async fn killed_in_the_middle_it_goes_on_where_it_was() {
    let demo = Demo::start(&[]);
    demo.narrates("Abe takes it back").await;
    let before = demo.told();
    let demo = demo.kill_and_start_again();
    demo.narrates("one of two").await;
    let between = demo.told();
    let demo = demo.kill_and_start_again();
    demo.narrates(END).await;
    let after = demo.told();
    // A step that a kill cut off is told again; everything before it is not.
    for (earlier, later) in [(&before, &between), (&between, &after)] {
        let again: Vec<_> = earlier.iter().filter(|line| later.contains(line)).collect();
        assert!(again.len() <= 1 && again.iter().all(|line| Some(*line) == earlier.last()), "told again: {again:#?}");
    }
    // Each machine, each ticket and the alert have one card.
    let counts = (demo.count("machines").await, demo.count("tickets").await, demo.count("alerts").await);
    assert_eq!(counts, (5, 3, 1), "{}", demo.see("machines").await);
    let machines = demo.see("machines").await;
    let by = |words: &str| machines.matches(words).count();
    assert_eq!((by("✅ Approved by"), by("⛔ Denied by"), by("🟠 Pending")), (3, 1, 1), "{machines}");
}

#[tokio::test]
async fn whoever_watches_may_be_faster() {
    let demo = Demo::start(&[]);
    demo.narrates("kiosk-lobby asks to be let in").await;
    // Abe at the page lets it in before the story's Ada denies it.
    let approve = async || {
        let state = demo.get("state").await;
        let machines = state["channels"].as_array().unwrap().iter().find(|c| c["name"] == "machines").unwrap();
        let messages = machines["messages"].as_array().unwrap();
        let card = messages.iter().find(|m| m["embeds"].to_string().contains("kiosk-lobby"))?;
        let buttons = card["components"][0]["components"].as_array()?.clone();
        let button = buttons.into_iter().find(|button| button["label"] == "Approve")?;
        let press = json!({ "as": "approver", "do": "press", "message": card["id"], "custom_id": button["custom_id"] });
        demo.act(press).await.get("error").is_none().then_some(())
    };
    for _ in 0..200 {
        if approve().await.is_some() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    demo.narrates(END).await;
    let machines = demo.see("machines").await;
    let kiosk = machines.split("\n\n").find(|card| card.contains("kiosk-lobby")).unwrap();
    assert!(kiosk.contains("Status: ✅ Approved by <@approver>"), "{machines}");
    assert_eq!(machines.matches("🟠 Pending").count(), 1, "the rest of the story was told: {machines}");
}

#[tokio::test]
async fn quiet_it_does_nothing_by_itself() {
    let demo = Demo::start(&["--quiet"]);
    for _ in 0..600 {
        if demo.get("state").await["commands"].as_array().is_some_and(|all| !all.is_empty()) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let state = demo.get("state").await;
    assert_ne!(state["commands"], json!([]), "{}", demo.program.output());
    assert_eq!((state["narration"].as_str(), demo.count("machines").await), (Some(""), 0));
    assert_eq!(demo.told(), Vec::<String>::new());
}
