//! The story of the demo: what happens upstream, and what Ada and Abe do about it in Discord.
//!
//! Everything is done from outside, as people and XTSystems do it. At the end a machine, a ticket and an alert are
//! left for whoever watches.

use serde_json::json;
use standin::xtsystems::{Mode, TicketChange};
use tokio_util::sync::CancellationToken;

use super::matches;
use super::panel;
use super::stage::Stage;
use super::stream;

const ADA: &str = "admin";
const ABE: &str = "approver";

const SWITCH: &str = "Switch in rack 4 drops packets";
const READER: &str = "Badge reader at door 2 is dead";
/// Left open.
const PRINTER: &str = "Printer on floor 2 is offline";

pub async fn play(stage: Stage, stop: CancellationToken) {
    let story = async {
        stage.bot_is_there().await;
        switch_breaks(&stage).await;
        undo(&stage).await;
        switch_is_looked_at(&stage).await;
        denial(&stage).await;
        alert(&stage).await;
        two_people(&stage).await;
        outage(&stage).await;
        ticket_from_discord(&stage).await;
        switch_is_mended(&stage).await;
        matches::play(&stage).await;
        party(&stage).await;
        panel::play(&stage).await;
        stream::play(&stage).await;
        matches::end(&stage).await;
        left_for_the_watcher(&stage).await;
        audit(&stage).await;
    };
    tokio::select! {
        () = story => {}
        () = stop.cancelled() => {}
    }
}

async fn switch_breaks(stage: &Stage) {
    let opened = |stage: &Stage| stage.has_sent("ticket.created", SWITCH);
    stage
        .step("#tickets: somebody opens a ticket in XTSystems", opened, async {
            stage.xt.open_ticket(SWITCH, "Since 09:40, ports 11 to 14. The phones are on it.", "High").await;
        })
        .await;
}

async fn undo(stage: &Stage) {
    const HOST: &str = "web-07";
    let line = "#machines: web-07 asks to be let in";
    registers(stage, line, HOST, "10.20.0.17", "Debian 13").await;
    let undo_is_there = |stage: &Stage| stage.is_decided(HOST) || shows(stage, HOST, "\"Undo\"");
    let press = async |label| drop(stage.press(ABE, "machines", HOST, label).await);
    stage.step("#machines: Abe approves web-07, too fast", undo_is_there, press("Approve")).await;
    let undone = |stage: &Stage| stage.is_decided(HOST) || shows(stage, HOST, "Undone by");
    stage.step("#machines: Abe takes it back; XTSystems has heard nothing of it yet", undone, press("Undo")).await;
    let settled = |stage: &Stage| stage.is_settled(HOST);
    let line = "#machines: Abe has looked: web-07 is ours. He approves, and the time for Undo passes";
    stage.step(line, settled, press("Approve")).await;
}

async fn switch_is_looked_at(stage: &Stage) {
    let updated = |stage: &Stage| stage.has_sent("ticket.updated", SWITCH) || is_closed(stage, SWITCH);
    stage
        .step("#tickets: the ticket is updated in XTSystems; its card follows", updated, async {
            let Some(ticket) = stage.ticket(SWITCH) else { return };
            let change = TicketChange {
                status: Some("In Progress".into()),
                note: Some("Rebooted the switch, port 12 still flaps ✅".into()),
                updated_by: Some("tech@example.com".into()),
                ..TicketChange::default()
            };
            stage.xt.update_ticket(&ticket.id, change).await;
        })
        .await;
}

async fn denial(stage: &Stage) {
    const HOST: &str = "kiosk-lobby";
    let line = "#machines: kiosk-lobby asks to be let in";
    registers(stage, line, HOST, "10.20.3.4", "Windows 11").await;
    let settled = |stage: &Stage| stage.is_settled(HOST);
    let deny = stage.write(ADA, "machines", HOST, "Deny", "Nobody has ordered a kiosk. Ask the front desk.");
    stage.step("#machines: Ada denies kiosk-lobby and says why", settled, deny).await;
}

async fn alert(stage: &Stage) {
    let sent = |stage: &Stage| stage.has_sent("alert.triggered", "db-02");
    let alert = json!({
        "id": "alert-1", "alert_type": "disk", "severity": "critical", "source": "db-02",
        "message": "Disk /var is 97 % full", "details": "3.1 GB of 120 GB free",
    });
    let send = async { drop(stage.xt.send("alert.triggered", alert).await) };
    stage.step("#alerts: a disk of db-02 is nearly full", sent, send).await;
}

async fn two_people(stage: &Stage) {
    const HOST: &str = "prod-db-01";
    let line = "#machines: prod-db-01 asks to be let in; what begins with prod- needs two people";
    registers(stage, line, HOST, "10.20.0.40", "Debian 13").await;
    let voted = |stage: &Stage| {
        stage.is_decided(HOST) || ["1 of 2 approved: ", "\"Undo\""].iter().any(|words| shows(stage, HOST, words))
    };
    let approve = async |who| drop(stage.press(who, "machines", HOST, "Approve").await);
    stage.step("#machines: Ada approves prod-db-01: one of two", voted, approve(ADA)).await;
    let settled = |stage: &Stage| stage.is_settled(HOST);
    stage.step("#machines: Abe approves it as well: that makes two", settled, approve(ABE)).await;
}

async fn outage(stage: &Stage) {
    const HOST: &str = "build-03";
    let line = "#machines: build-03 asks to be let in";
    registers(stage, line, HOST, "10.20.0.63", "Ubuntu 24.04").await;
    let in_doubt = |stage: &Stage| stage.is_decided(HOST) || shows(stage, HOST, "asking again");
    let line = "#machines: XTSystems goes down just now; Abe approves build-03, and the card says what is known";
    let approve = async {
        stage.xt.mode(Mode::status(503));
        stage.press(ABE, "machines", HOST, "Approve").await;
    };
    stage.step(line, in_doubt, approve).await;
    let settled = |stage: &Stage| stage.is_settled(HOST);
    let recover = async { stage.xt.mode(Mode::ok()) };
    stage.step("#machines: XTSystems is back; the decision was kept, and arrives", settled, recover).await;
}

async fn ticket_from_discord(stage: &Stage) {
    let linked = |stage: &Stage| stage.ticket(READER).is_some();
    let line = "#tickets: Ada says who she is in XTSystems (/link-user set) and opens a ticket (/ticket create)";
    let open = async {
        stage.command(ADA, "tickets", "link-user set", json!({ "upstream": "ada" })).await;
        let ticket =
            json!({ "title": READER, "description": "Since this morning. The door has to be opened by hand." });
        stage.command(ADA, "tickets", "ticket create", ticket).await;
    };
    stage.step(line, linked, open).await;
    let is = |wanted: fn(&standin::xtsystems::Ticket) -> bool| {
        move |stage: &Stage| is_closed(stage, READER) || stage.ticket(READER).is_some_and(|ticket| wanted(&ticket))
    };
    let assigned = is(|ticket| ticket.assigned_to.is_some());
    let assign = async { drop(stage.press(ADA, "tickets", READER, "Assign to me").await) };
    stage.step("#tickets: Ada takes it, on its card", assigned, assign).await;
    let urgent = is(|ticket| ticket.priority == "High");
    let choose = async { drop(stage.choose(ADA, "tickets", READER, "Set the priority", "High").await) };
    stage.step("#tickets: she chooses its priority", urgent, choose).await;
    let begun = is(|ticket| ticket.status == "In Progress");
    let choose = async { drop(stage.choose(ADA, "tickets", READER, "Set the status", "In Progress").await) };
    stage.step("#tickets: and its status", begun, choose).await;
    let noted = is(|ticket| !ticket.notes.is_empty());
    let note = stage.write(ADA, "tickets", READER, "Note", "The cable is torn. A new one is on its way.");
    stage.step("#tickets: she writes a note", noted, note).await;
    let closed = |stage: &Stage| {
        let shown = stage.card("tickets", READER).unwrap_or_default();
        is_closed(stage, READER) && shown.contains("\"Reopen\"")
    };
    let close = stage.write(ADA, "tickets", READER, "Close", "New cable.");
    stage.step("#tickets: and closes it. Nobody has opened XTSystems for that", closed, close).await;
}

async fn switch_is_mended(stage: &Stage) {
    let closed = |stage: &Stage| is_closed(stage, SWITCH);
    let close = async {
        if let Some(ticket) = stage.ticket(SWITCH) {
            stage.xt.close_ticket(&ticket.id, "Replaced the faulty line card").await;
        }
    };
    stage.step("#tickets: the first ticket is closed in XTSystems", closed, close).await;
}

/// The program of a LAN party speaks to the bot by HTTP, in bursts.
async fn party(stage: &Stage) {
    const NAME: &str = "Friday Night Gaming";
    let begun = |stage: &Stage| stage.card("party", "Party Created").is_some();
    let begin = async {
        let channel = stage.discord.channel_id("party");
        // One that was made before a kill stays unused.
        let Ok((_, _, url)) = stage.discord.create_webhook(channel, "LAN party") else { return };
        stage.party("webhook", json!({ "webhook_url": url })).await;
        stage.party("invite", json!({ "invite_url": "https://discord.gg/signaltown" })).await;
        let party = json!({ "party_id": "party-1", "party_name": NAME, "host": "Alice" });
        stage.party("notify/party_created", party).await;
    };
    stage.step("#party: a LAN party begins; its program tells the bot", begun, begin).await;
    let playing = |stage: &Stage| stage.card("party", "Game Started: Minecraft").is_some();
    let come = async {
        for peer in ["Bob", "Cleo", "Dan"] {
            if stage.card("party", &format!("{peer} joined")).is_none() {
                stage.party("notify/peer_joined", json!({ "peer_name": peer, "party_name": NAME })).await;
            }
        }
        let game = json!({ "game_name": "Minecraft", "players": ["Alice", "Bob", "Cleo", "Dan"] });
        stage.party("notify/game_started", game).await;
    };
    let line = "#party: three join and a game begins, all in one moment: the messages of a burst go together";
    stage.step(line, playing, come).await;
}

async fn left_for_the_watcher(stage: &Stage) {
    let line = "#machines: lab-09 asks to be let in, and waits for you";
    registers(stage, line, "lab-09", "10.20.7.9", "Fedora 42").await;
    let opened = |stage: &Stage| stage.has_sent("ticket.created", PRINTER);
    let open =
        async { drop(stage.xt.open_ticket(PRINTER, "Since this morning. The phones there work.", "Medium").await) };
    stage.step("#tickets: a ticket for you", opened, open).await;
}

/// The answer is Ada's alone, as in Discord: whoever looks as Ada sees it in #audit.
async fn audit(stage: &Stage) {
    let asked = |stage: &Stage| {
        let own = stage.discord.ephemeral(ADA)["messages"].to_string();
        own.contains("The audit log") || own.contains("entries checked")
    };
    let verify = async {
        let said = stage.command(ADA, "audit", "audit verify", json!({})).await;
        println!("  > {}", said.replace('\n', "\n  > "));
    };
    let line = "#audit: Ada has the audit log verified (/audit verify); only she sees the answer";
    stage.step(line, asked, verify).await;
    let end = "The story is over. lab-09, the ticket about the printer and everything else are yours now";
    if !stage.has_played(end) {
        stage.step(end, |_| true, async {}).await;
        stage.tell(end);
    }
}

async fn registers(stage: &Stage, line: &str, hostname: &str, address: &str, system: &str) {
    let is_there = |stage: &Stage| stage.has_sent("machine.registered", hostname);
    stage
        .step(line, is_there, async {
            stage.xt.register_machine(hostname, address, system).await;
        })
        .await;
}

fn shows(stage: &Stage, hostname: &str, words: &str) -> bool {
    stage.card("machines", hostname).is_some_and(|card| card.contains(words))
}

fn is_closed(stage: &Stage, title: &str) -> bool {
    stage.ticket(title).is_some_and(|ticket| ticket.status == "Closed")
}
