//! `signalbox demo` as whoever tries Signalbox sees it: its story on the terminal, in Discord, and over a kill.

use std::path::PathBuf;

use serde_json::{Value, json};
use signalbox::store::embedded;
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::support::port::free_port;
use crate::support::program::{Directory, Program};
use crate::support::tickets::marks_hidden;
use crate::support::town::show;

const END: &str = "The story is over.";

/// The demo on ports of its own, told fast.
struct Demo {
    program: Program,
    directory: Directory,
    ports: [u16; 4],
    http: reqwest::Client,
}

impl Demo {
    fn start(more: &[&str]) -> Self {
        let (directory, ports) = (Directory::new(), std::array::from_fn(|_| free_port()));
        let program = Self::run(&directory, ports, more);
        Self { program, directory, ports, http: reqwest::Client::builder().no_proxy().build().unwrap() }
    }

    fn run(directory: &Directory, ports: [u16; 4], more: &[&str]) -> Program {
        let [discord, web, xtsystems, kick] = ports.map(|port| format!("127.0.0.1:{port}"));
        let place = directory.0.to_str().unwrap().to_owned();
        let fixed = ["demo", "--pace", "0.1", "--discord", &discord, "--web", &web, "--xtsystems", &xtsystems];
        let all = [&fixed[..], &["--kick", &kick, "--data-dir", &place], more].concat();
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
        for _ in 0..3000 {
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
        let is_told = |line: &&str| ["  #", "  Nothing", "  The story"].iter().any(|begin| line.starts_with(begin));
        let lines = output.lines().filter(is_told);
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
    insta::assert_snapshot!(demo.told().join("\n"), @"
    #tickets: somebody opens a ticket in XTSystems
    #machines: web-07 asks to be let in
    #machines: Abe approves web-07, too fast
    #machines: Abe takes it back; XTSystems has heard nothing of it yet
    #machines: Abe has looked: web-07 is ours. He approves, and the time for Undo passes
    #tickets: the ticket is updated in XTSystems; its card follows
    #machines: kiosk-lobby asks to be let in
    #machines: Ada denies kiosk-lobby and says why
    #alerts: a disk of db-02 is nearly full
    #machines: prod-db-01 asks to be let in; what begins with prod- needs two people
    #machines: Ada approves prod-db-01: one of two
    #machines: Abe approves it as well: that makes two
    #machines: build-03 asks to be let in
    #machines: XTSystems goes down just now; Abe approves build-03, and the card says what is known
    #machines: XTSystems is back; the decision was kept, and arrives
    #tickets: Ada says who she is in XTSystems (/link-user set) and opens a ticket (/ticket create)
    #tickets: Ada takes it, on its card
    #tickets: she chooses its priority
    #tickets: and its status
    #tickets: she writes a note
    #tickets: and closes it. Nobody has opened XTSystems for that
    #tickets: the first ticket is closed in XTSystems
    #matches: a round of ET:Legacy is over. The game server writes its file; the bot watches that directory
    #matches: the teams change sides. After the second round the map has a result, and there are awards
    #matches: of the next map only the second round comes, sent and signed by notify-stats. Without the first one nobody knows whose numbers these are: the card says so, and it does not count
    #matches: the first round arrives after all. The numbers are taken apart, what was posted is corrected, and the map has its result
    #matches: Mia looks up how Nora plays (/stats player)
    #party: a LAN party begins; its program tells the bot
    #party: three join and a game begins, all in one moment: the messages of a burst go together
    #panel: Ada makes a channel a place for the hosting panel (/destination add), and the panel gets a key (/api-key create)
    #panel: a game server crashes; the panel tells (POST /api/v1/dispatch)
    #panel: everybody knows by now: Ada silences the servers for 30 minutes, having seen what that would have withheld (/silence add)
    #panel: three servers go down and come up again. The channel stays calm; Ada ends the silence, and it is told what was withheld (/silence end)
    #panel: somebody takes away the bot's right to write here, and a server crashes. #ops hears that the channel cannot be used; what was meant for it waits
    #panel: the right is given back, Ada has the channel tested (/destination test), and what waited follows
    #panel: Discord refuses the next message with a fault of its own. Ada sees what was not delivered and why, and sends it once more (/deliveries list, /deliveries replay)
    #stream: Ada connects her Kick channel (/kick connect): a page says who asks, then Kick asks her
    #stream: Mia watches as Maja on Kick, and says so (/link): what Maja earns is hers
    #stream: her stream is live; Kick tells of it late, and its card stands in the channel
    #stream: what three viewers said since then arrives as well, late and all of it twice; each minute counts once
    #stream: Maja follows and subscribes: that earns points too
    #stream: Ada gives a poster away (/giveaway start). What the draw will depend on is fixed now, and its hash published
    #stream: three viewers write !win in the chat on Kick; Ada closes the entries (/giveaway end), and their hash is published
    #stream: Ada opens a shop (/shop add, /panel post)
    #stream: Mia buys with what she has earned, says which game, and confirms
    #stream: Ada finds it in the queue, and completes it (/shop queue)
    #stream: Mia looks at what she watched and where her points come from (/watchtime show, /points statement)
    #stream: and who has watched most (/leaderboard)
    #stream: the stream ends; its card says how long it was
    #stream: a minute after the close the number of public randomness is out that nobody knew before: the draw is made
    #stream: Mia does not believe it, and has it recomputed from what was published (/raffle verify)
    #matches: nobody has played for an hour, and no file came for two minutes: the evening is summed up
    #machines: lab-09 asks to be let in, and waits for you
    #tickets: a ticket for you
    #audit: Ada has the audit log verified (/audit verify); only she sees the answer
    The story is over. lab-09, the ticket about the printer and everything else are yours now
    ");
    insta::assert_snapshot!(demo.see("machines").await, @"
    [🖥️ Machine Approved]
    Hostname: web-07
    IP Address: 10.20.0.17
    OS: Debian 13
    Status: ✅ Approved by <@approver> <time>, confirmed by XTSystems <time>
    Timeline: <time> registered
    <time> approved by integration@signal-town.example
    -- XTSystems · machine.approved

    [🖥️ Machine Denied]
    Hostname: kiosk-lobby
    IP Address: 10.20.3.4
    OS: Windows 11
    Status: ⛔ Denied by <@admin> <time>, confirmed by XTSystems <time>
    Reason: Nobody has ordered a kiosk. Ask the front desk.
    Timeline: <time> registered
    -- XTSystems · machine.registered

    [🖥️ Machine Approved]
    Hostname: prod-db-01
    IP Address: 10.20.0.40
    OS: Debian 13
    Status: ✅ Approved by <@admin> <time>, <@approver> <time>, confirmed by XTSystems <time>
    Timeline: <time> registered
    <time> approved by integration@signal-town.example
    -- XTSystems · machine.approved

    [🖥️ Machine Approved]
    Hostname: build-03
    IP Address: 10.20.0.63
    OS: Ubuntu 24.04
    Status: ✅ Approved by <@approver> <time>, confirmed by XTSystems <time>
    Timeline: <time> registered
    <time> approved by integration@signal-town.example
    -- XTSystems · machine.approved

    [🖥️ New Machine Registered]
    Hostname: lab-09
    IP Address: 10.20.7.9
    OS: Fedora 42
    Status: 🟠 Pending Approval
    Timeline: <time> registered
    -- XTSystems · machine.registered
    (Approve) (Deny)
    ");
    insta::assert_snapshot!(demo.see("tickets").await, @"
    [🔒 Ticket Closed]
    Since 09:40, ports 11 to 14. The phones are on it.
    Ticket ID: #1001
    Title: Switch in rack 4 drops packets
    Priority: High
    Final Status: Closed
    Created By: ada@signal-town.example
    Company: Signal Town IT
    Latest Note: Rebooted the switch, port 12 still flaps ✅
    Resolution: Replaced the faulty line card
    Timeline: <time> created by ada@signal-town.example
    <time> updated by tech@example.com
    <time> closed
    -- XTSystems · ticket.closed
    (Reopen)

    [🔒 Ticket Closed]
    Since this morning. The door has to be opened by hand.

    — Ada Admin via Discord [mark]
    Ticket ID: #1002
    Title: Badge reader at door 2 is dead
    Priority: High
    Final Status: Closed
    Assigned To: ada
    Created By: integration@signal-town.example
    Company: Signal Town IT
    Latest Note: The cable is torn. A new one is on its way.

    — Ada Admin via Discord [mark]
    Resolution: New cable.
    Timeline: <time> created by integration@signal-town.example
    <time> assign to ada by <@admin>
    <time> priority → High by <@admin>
    <time> status → In Progress by <@admin>
    <time> note by <@admin>
    <time> close by <@admin>
    -- XTSystems · ticket.closed
    (Reopen)

    [🎫 New Ticket Created]
    Since this morning. The phones there work.
    Ticket ID: #1003
    Title: Printer on floor 2 is offline
    Priority: Medium
    Status: Open
    Created By: ada@signal-town.example
    Company: Signal Town IT
    Timeline: <time> created by ada@signal-town.example
    -- XTSystems · ticket.created
    (Set the status ▾ Open)
    (Set the priority ▾ Medium)
    (Assign to me) (Note) (Close) (Silence)
    ");
    let party = demo.see("party").await;
    assert!(party.contains("Members: 4 · Alice, Bob, Cleo, Dan\nGame: Minecraft"), "{party}");
    let told = ["👋 Bob joined", "👋 Cleo joined", "👋 Dan joined", "🎮 Game Started: Minecraft"];
    assert!(told.iter().all(|words| party.matches(words).count() == 1), "{party}");
    insta::assert_snapshot!(demo.see("alerts").await, @"
    [🚨 Alert Triggered]
    Disk /var is 97 % full
    Alert Type: disk
    Severity: 🔴 critical
    Source: db-02
    Details: 3.1 GB of 120 GB free
    -- XTSystems · alert.triggered
    ");

    let matches = demo.see("matches").await;
    let titles: Vec<&str> = matches.lines().filter(|line| line.starts_with('[')).collect();
    assert!(titles[8].starts_with("[📊 Session Summary: "), "{matches}");
    insta::assert_snapshot!(titles[..8].join("\n"), @"
    [🎮 Round 1 Complete - supply]
    [🎮 Round 2 Complete - supply]
    [🗺️ SUPPLY - Map Complete!]
    [🏆 Map Awards (Cumulative) - supply]
    [🎮 Round 2 Complete - frostbite]
    [🎮 Round 1 Complete - frostbite]
    [🗺️ FROSTBITE - Map Complete!]
    [📈 Nora]
    ");
    let corrected = matches.lines().filter(|line| line.contains("Corrected:")).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(corrected, @"✏️ **Corrected:** the first round arrived: the numbers are those of this round alone now, and it counts");
    let verdicts = matches.lines().filter(|line| line.contains("The map goes to")).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(verdicts, @"
    🏆 **The map goes to Team A, 2–0**
    🏆 **The map goes to Team B, 2–0**
    ");

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

#[tokio::test]
async fn the_world_alone_says_what_a_bot_needs() {
    let places = ["--discord", "127.0.0.1:0", "--xtsystems", "127.0.0.1:0", "--kick", "127.0.0.1:0"];
    let mut world = Program::start(&[&["standin"][..], &places].concat(), &[]);
    world.says("Kick ").await;
    let output = world.output();
    let addresses: Vec<&str> = output.split_whitespace().filter(|word| word.starts_with("http://")).collect();
    let env = reqwest::get(format!("{}/_standin/env", addresses[0])).await.unwrap().text().await.unwrap();
    let own: Vec<String> =
        env.lines().filter(|line| line.starts_with("KICK_")).map(|l| l.chars().take(48).collect()).collect();
    let kick = *addresses.iter().rfind(|address| !address.contains("/_standin")).unwrap();
    insta::assert_snapshot!(own.join("\n").replace(kick, "<kick>"), @"
    KICK_CLIENT_ID=01JQSTANDIN000000000000000
    KICK_CLIENT_SECRET=standin-kick-secret
    KICK_API_URL=<kick>
    KICK_OAUTH_URL=<kick>
    KICK_PUBLIC_KEY=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A
    KICK_REDIRECT_URI=http://127.0.0.1:3000/kick/cal
    KICK_WEBHOOK_PATH=/webhooks/kick/standin
    ");
    let key: Value = reqwest::Client::builder()
        .user_agent("tests")
        .build()
        .unwrap()
        .get(format!("{kick}/public/v1/public-key"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let key = key["data"]["public_key"].as_str().unwrap().replace('\n', "");
    let told = env.lines().find_map(|line| line.strip_prefix("KICK_PUBLIC_KEY=")).unwrap();
    assert!(key.contains(told), "{told}");
}
