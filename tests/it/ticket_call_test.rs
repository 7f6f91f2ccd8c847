//! Table 3, the columns of XTSystems' answers: what was asked for is done once, whatever happens on the way.

use crate::support::machines::heard;
use crate::support::tickets::{
    audit, calls, choose, claimed_by_another, field, only_choose, only_write, opened, press, states, upstream, write,
};
use crate::support::town::{Setup, run, run_with};
use chrono::TimeDelta;
use signalbox::routing::ticket::TicketVerb;
use signalbox::store::Store;
use standin::discord::Limits;
use standin::xtsystems::{Mode, Place, TicketChange};

#[tokio::test]
async fn a_500_is_no_answer_so_the_ticket_is_looked_at_and_the_change_made_again() {
    run(async |town| {
        opened(town).await;
        town.xt.mode(Mode::status(500).at(Place::Tickets).times(1));
        choose(town, "admin", "status", "In Progress").await;
        assert_eq!(field(town, "Status"), "Open");
        insta::assert_snapshot!(field(town, "Asked For"), @"❔ status → In Progress asked for by <@admin> <+0s>. XTSystems has not said whether it was done; asking again (1 so far)");
        town.advance(TimeDelta::seconds(2)).await;
        assert_eq!(calls(town), ["PUT 500", "GET 200", "PUT 200"]);
        assert_eq!((field(town, "Status").as_str(), field(town, "Asked For").as_str()), ("In Progress", ""));
        insta::assert_snapshot!(audit(town).await, @"
        ticket_asked status In Progress by admin
        ticket_unknown status XTSystems has a fault of its own (500: Internal Server Error). Try again later by admin
        ticket_confirmed status by admin
        ticket_echo status by admin
        ");
    })
    .await;
}

#[tokio::test]
async fn a_change_that_was_made_before_the_500_is_not_made_again() {
    run(async |town| {
        opened(town).await;
        town.xt.mode(Mode::effect_then_500().at(Place::Tickets).times(1));
        // The event that XTSystems sends about it is lost.
        town.xt.offline(true);
        choose(town, "admin", "priority", "Critical").await;
        assert_eq!(states(town).await, "priority Critical unknown");
        town.advance(TimeDelta::seconds(2)).await;
        assert_eq!(calls(town), ["PUT 500", "GET 200"]);
        assert_eq!(field(town, "Priority"), "Critical");
    })
    .await;
}

#[tokio::test]
async fn a_note_of_unknown_fate_is_looked_for_and_not_posted_twice() {
    run(async |town| {
        opened(town).await;
        town.xt.mode(Mode::effect_then_500().at(Place::Tickets).times(1));
        town.xt.offline(true);
        write(town, "admin", "note", "Toner is on its way.").await;
        assert_eq!(states(town).await, "note unknown");
        town.advance(TimeDelta::seconds(2)).await;
        assert_eq!(calls(town), ["POST notes 500", "GET notes 200"]);
        assert_eq!(upstream(town).notes.len(), 1);
        insta::assert_snapshot!(field(town, "Latest Note"), @"
        Toner is on its way.

        — Ada Admin via Discord [mark]
        ");
    })
    .await;
}

#[tokio::test]
async fn a_note_that_did_not_arrive_is_posted_again_when_it_had_time_enough() {
    run(async |town| {
        opened(town).await;
        town.xt.mode(Mode::status(502).at(Place::Tickets).times(1));
        write(town, "admin", "note", "Toner is on its way.").await;
        town.advance(TimeDelta::seconds(2)).await;
        assert_eq!(calls(town), ["POST notes 502", "GET notes 200"], "it may still be at work there");
        insta::assert_snapshot!(field(town, "Asked For"), @"❔ note asked for by <@admin> <+0s>. XTSystems has not said whether it was done; asking again (2 so far)");
        town.advance(TimeDelta::seconds(40)).await;
        town.advance(TimeDelta::seconds(40)).await;
        assert_eq!(upstream(town).notes.len(), 1);
        assert_eq!(states(town).await, "note confirmed");
        assert_eq!(calls(town).iter().filter(|call| call.starts_with("POST")).count(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_note_whose_answer_is_lost_while_looking_fails_too_is_still_there_once() {
    run(async |town| {
        opened(town).await;
        town.xt.offline(true);
        town.xt.mode(Mode::effect_then_500().at(Place::Tickets).times(1));
        only_write(town, "admin", "note", "Once.").await;
        town.settle().await;
        town.xt.mode(Mode::status(503));
        for _ in 0..20 {
            town.advance(TimeDelta::minutes(3)).await;
        }
        assert_eq!(states(town).await, "note unknown");
        town.xt.mode(Mode::ok());
        town.advance(TimeDelta::minutes(31)).await;
        assert_eq!((states(town).await.as_str(), upstream(town).notes.len()), ("note confirmed", 1));
    })
    .await;
}

#[tokio::test]
async fn an_outage_of_an_hour_delays_what_was_asked_for_and_loses_nothing() {
    run(async |town| {
        opened(town).await;
        town.xt.mode(Mode::status(503));
        choose(town, "admin", "priority", "Critical").await;
        write(town, "admin", "note", "Still waiting.").await;
        only_choose(town, "admin", "status", "Waiting").await;
        for _ in 0..12 {
            town.advance(TimeDelta::minutes(5)).await;
        }
        assert_eq!((upstream(town).status.as_str(), upstream(town).notes.len()), ("Open", 0));
        town.xt.mode(Mode::ok());
        town.advance(TimeDelta::minutes(31)).await;
        let ticket = upstream(town);
        assert_eq!((ticket.status.as_str(), ticket.priority.as_str(), ticket.notes.len()), ("Waiting", "Critical", 1));
        assert_eq!(field(town, "Asked For"), "");
    })
    .await;
}

#[tokio::test]
async fn told_to_slow_down_it_waits_and_nothing_is_in_doubt() {
    run(async |town| {
        opened(town).await;
        town.xt.mode(Mode::refuse(429, "slow down").at(Place::Tickets).times(1));
        assert_eq!(choose(town, "admin", "status", "In Progress").await, "");
        assert_eq!(states(town).await, "status In Progress requested");
        insta::assert_snapshot!(field(town, "Asked For"), @"⏳ status → In Progress asked for by <@admin> <+0s>. XTSystems cannot be reached; trying again");
        town.advance(TimeDelta::seconds(2)).await;
        assert_eq!(calls(town), ["PUT 429", "PUT 200"], "without a look: nothing was done before");
    })
    .await;
}

#[tokio::test]
async fn after_a_doubt_what_somebody_did_since_is_seen_before_it_is_changed() {
    run(async |town| {
        let ticket = opened(town).await;
        town.xt.mode(Mode::status(500).at(Place::Tickets).times(1));
        choose(town, "admin", "status", "In Progress").await;
        // Somebody else does it in the web pages meanwhile.
        let change = TicketChange { status: Some("In Progress".into()), ..TicketChange::default() };
        town.xt.offline(true);
        town.xt.update_ticket(&ticket.id, change).await;
        town.advance(TimeDelta::seconds(2)).await;
        assert_eq!(calls(town), ["PUT 500", "GET 200"]);
        assert_eq!(states(town).await, "status In Progress confirmed");
    })
    .await;
}

#[tokio::test]
async fn a_refusal_after_a_doubt_is_a_refusal() {
    run(async |town| {
        let ticket = opened(town).await;
        town.xt.mode(Mode::status(500).at(Place::Tickets).times(1));
        choose(town, "admin", "status", "In Progress").await;
        let gone = town.http.delete(format!("{}/v1/tickets/{}", town.xt.origin(), ticket.id));
        let gone = gone.header("Authorization", format!("Bearer {}", town.xt.api_key())).send().await.unwrap();
        assert!(gone.status().is_success());
        town.advance(TimeDelta::seconds(2)).await;
        assert_eq!(states(town).await, "status In Progress refused");
        insta::assert_snapshot!(field(town, "Timeline"), @r"
        <+0s> created by ada@signal-town.example
        <+2s> ⚠️ status → In Progress asked for by <@admin> was refused: XTSystems does not have it (404: Ticket not found). If nothing is found, check XTSYSTEMS\_API\_URL
        ");
    })
    .await;
}

#[tokio::test]
async fn each_verb_can_be_refused_in_words() {
    run(async |town| {
        opened(town).await;
        crate::support::tickets::linked(town, "admin", "ada").await;
        town.xt.mode(Mode::refuse(422, "not on a Sunday").at(Place::Tickets));
        let mut told = vec![
            choose(town, "admin", "status", "Waiting").await,
            choose(town, "admin", "priority", "Low").await,
            press(town, "admin", "assign").await,
            write(town, "admin", "note", "words").await,
            write(town, "admin", "close", "done").await,
        ];
        town.xt.mode(Mode::ok());
        write(town, "admin", "close", "done").await;
        town.advance(TimeDelta::minutes(1)).await;
        town.xt.mode(Mode::refuse(403, "").at(Place::Tickets));
        told.push(press(town, "admin", "reopen").await);
        insta::assert_snapshot!(told.join("\n"), @"
        ⚠️ XTSystems refused (status → Waiting, ticket #1001): not on a Sunday
        ⚠️ XTSystems refused (priority → Low, ticket #1001): not on a Sunday
        ⚠️ XTSystems refused (assign to ada, ticket #1001): not on a Sunday
        ⚠️ XTSystems refused (note, ticket #1001): not on a Sunday
        ⚠️ XTSystems refused (close, ticket #1001): not on a Sunday
        ⚠️ XTSystems refused (reopen, ticket #1001): the API key may not do this in XTSystems (403). Give the key's user the permission
        ");
        insta::assert_snapshot!(field(town, "Timeline"), @"
        … 2 earlier
        <+0s> ⚠️ status → Waiting asked for by <@admin> was refused: not on a Sunday
        <+0s> ⚠️ priority → Low asked for by <@admin> was refused: not on a Sunday
        <+0s> ⚠️ assign to ada asked for by <@admin> was refused: not on a Sunday
        <+0s> ⚠️ note asked for by <@admin> was refused: not on a Sunday
        <+0s> ⚠️ close asked for by <@admin> was refused: not on a Sunday
        <+60s> ⚠️ reopen asked for by <@admin> was refused: the API key may not do this in XTSystems (403). Give the key's user the permission
        ");
    })
    .await;
}

fn without_limits() -> Setup {
    let env = vec![("DELIVERY_GLOBAL_PER_SECOND", "1000".to_owned())];
    Setup { limits: Limits::Off, env, ..Setup::default() }
}

#[tokio::test]
async fn two_bots_ask_once() {
    run_with(without_limits(), async |town| {
        let (other, lifecycle) = town.another_bot().await;
        opened(town).await;
        only_choose(town, "admin", "status", "In Progress").await;
        only_write(town, "admin", "note", "Once.").await;
        only_choose(town, "admin", "priority", "Low").await;
        for _ in 0..50 {
            town.xt.settle().await;
            let (here, there) = tokio::join!(town.app.step(), other.step());
            if here.unwrap() + there.unwrap() == 0 {
                break;
            }
        }
        let mut made = calls(town);
        made.sort();
        assert_eq!(made, ["POST notes 201", "PUT 200", "PUT 200"]);
        assert_eq!(states(town).await, "status In Progress confirmed, note confirmed, priority Low confirmed");
        assert_eq!(upstream(town).notes.len(), 1);
        lifecycle.stop();
    })
    .await;
}

#[tokio::test]
async fn a_lease_keeps_others_away_until_it_lapses_and_then_there_is_a_doubt() {
    run(async |town| {
        opened(town).await;
        only_write(town, "admin", "note", "Once.").await;
        claimed_by_another(town).await;
        town.advance(TimeDelta::seconds(29)).await;
        assert_eq!((calls(town).len(), states(town).await.as_str()), (0, "note sent"));
        town.advance(TimeDelta::seconds(1)).await;
        // It had not come to posting, so there is nothing to look for.
        assert_eq!(calls(town), ["POST notes 201"]);
        assert_eq!(upstream(town).notes.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_note_of_a_process_that_died_posting_is_looked_for() {
    run(async |town| {
        opened(town).await;
        only_write(town, "admin", "note", "Once.").await;
        claimed_by_another(town).await;
        let marked = town.column("UPDATE ticket_action SET posted_at = asked_at RETURNING verb").await;
        assert_eq!(marked, ["note"]);
        town.advance(TimeDelta::seconds(30)).await;
        assert_eq!(calls(town), ["GET notes 200", "POST notes 201"]);
        assert_eq!(upstream(town).notes.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_press_is_acknowledged_although_xtsystems_hangs() {
    run(async |town| {
        opened(town).await;
        town.xt.mode(Mode::timeout_ms(60_000).at(Place::Tickets));
        let chosen = only_choose(town, "admin", "status", "In Progress").await;
        assert_eq!(heard(town, &chosen), "");
        assert!(chosen["acknowledged_ms"].as_u64().unwrap() < 3000);
        assert_eq!(states(town).await, "status In Progress requested");
        town.xt.mode(Mode::ok());
        town.settle().await;
        assert_eq!(upstream(town).status, "In Progress");
    })
    .await;
}

#[tokio::test]
async fn of_one_ticket_one_call_at_a_time_in_the_order_they_were_asked_for() {
    run(async |town| {
        opened(town).await;
        only_write(town, "admin", "note", "First.").await;
        only_write(town, "admin", "close", "Then closed.").await;
        let other = Store::open(&town.database_url, 2).unwrap();
        let now = town.clock.now();
        let claim = async |store: &Store| {
            store.claim_action(None, uuid::Uuid::from_u128(7), now, now + TimeDelta::seconds(30)).await.unwrap()
        };
        let (here, there) = tokio::join!(claim(town.store()), claim(&other));
        let claimed: Vec<_> = [here, there].into_iter().flatten().map(|action| action.verb).collect();
        assert_eq!(claimed, [TicketVerb::Note]);
        // Nobody is at the note, and it is not its time yet: the ticket is not closed before it.
        let later = "UPDATE ticket_action SET lease_token = NULL, leased_until = NULL,
                         call_due_at = call_due_at + interval '10 s' WHERE verb = 'note' RETURNING verb";
        assert_eq!(town.column(later).await, ["note"]);
        assert_eq!(claim(&other).await, None);
        town.advance(TimeDelta::seconds(10)).await;
        assert_eq!(calls(town), ["POST notes 201", "PUT 200"]);
        assert_eq!(states(town).await, "note confirmed, close Closed confirmed");
        other.close().await;
    })
    .await;
}
