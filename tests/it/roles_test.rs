//! The parts of the program in processes of their own, on one PostgreSQL and Redis: each does its own alone, and two
//! of each, killed in turn, do everything once.

use std::time::Duration;

use crate::support::delivery::{alert, ticket};
use crate::support::program::Program;
use crate::support::scene::{Company, Scene};
use crate::support::servers::redis;
use crate::support::town::{Setup, Town, run_with};

const TWO_OF_EACH: &[&str] = &["intake", "intake", "bot", "bot", "worker", "worker", "ticker", "ticker"];

/// Each process is killed once, while alerts and tickets come in and machines are let in.
async fn all_are_killed_in_turn(scene: Scene) {
    let mut machines = Vec::new();
    for n in 0..TWO_OF_EACH.len() {
        scene.xt.send("alert.triggered", alert(&format!("alert {n}a."))).await;
        scene.xt.send("ticket.created", ticket(&format!("t{n}"), "open")).await;
        let machine = scene.xt.register_machine(&format!("host-{n}"), "10.0.0.7", "Debian 13").await;
        let shown = format!("\"{}\"", machine.hostname);
        scene.until("the machine is shown", || scene.seen("machines", &shown) > 0).await;
        scene.kill_one(n);
        scene.press(&machine.hostname, "Approve").await;
        machines.push(machine);
        scene.xt.send("alert.triggered", alert(&format!("alert {n}b."))).await;
        scene.xt.send("ticket.updated", ticket(&format!("t{n}"), "waiting")).await;
        for earlier in &machines {
            scene.press(&earlier.hostname, "Approve").await;
        }
    }
    let alerts: Vec<String> =
        (0..TWO_OF_EACH.len()).flat_map(|n| [format!("alert {n}a."), format!("alert {n}b.")]).collect();
    let shown = || alerts.iter().all(|alert| scene.seen("alerts", alert) > 0);
    scene.until("all alerts are shown", shown).await;
    for machine in &machines {
        while scene.press(&machine.hostname, "Approve").await {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    let current = || scene.seen("tickets", "Waiting") >= TWO_OF_EACH.len();
    scene.until("all tickets are current", current).await;
    scene.until_quiet().await;
    assert_eq!(scene.deaths() as usize, TWO_OF_EACH.len(), "{:#?}", scene.last_words());
    for alert in &alerts {
        assert_eq!(scene.seen("alerts", alert), 1, "{alert}");
    }
    assert_eq!(scene.texts("tickets").len(), TWO_OF_EACH.len());
    assert_eq!(scene.texts("machines").len(), TWO_OF_EACH.len());
    let (mut decided, mut expected) = (scene.decisions(), vec![]);
    expected.extend(machines.iter().map(|machine| machine.asset_id.clone()));
    decided.sort();
    expected.sort();
    assert_eq!(decided, expected, "each approval was decided upstream, once");
    scene.finish().await;
}

/// What all of them share beside the database; each needs few connections to that.
fn shared() -> Vec<(&'static str, String)> {
    let prefix = hex::encode(signalbox::clock::random_bytes::<6>());
    vec![("REDIS_URL", redis()), ("REDIS_PREFIX", prefix), ("DATABASE_MAX_CONNECTIONS", "4".into())]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_of_each_with_a_session_for_each_of_two_shards() {
    let shared = shared();
    let all = shared.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>();
    let company = Company { all: &all, roles: TWO_OF_EACH, shards: 2, ..Company::default() };
    all_are_killed_in_turn(Scene::company(company).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_of_each_with_interactions_by_http() {
    let shared = shared();
    let mut all = shared.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>();
    all.push(("DISCORD_GATEWAY", "off"));
    let company = Company { all: &all, roles: TWO_OF_EACH, by_http: true, ..Company::default() };
    let scene = Scene::company(company).await;
    assert_eq!(scene.discord.log_ins(), 0);
    all_are_killed_in_turn(scene).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_each_without_redis() {
    let roles = &["intake", "bot", "worker", "ticker"];
    let scene = Scene::company(Company { roles, ..Company::default() }).await;
    let machine = scene.xt.register_machine("web-07", "10.0.0.7", "Debian 13").await;
    scene.until("the machine is shown", || scene.seen("machines", "web-07") > 0).await;
    scene.press(&machine.hostname, "Approve").await;
    scene.until("it is let in", || scene.seen("machines", "confirmed by XTSystems") > 0).await;
    assert_eq!(scene.decisions(), [machine.asset_id]);
    scene.finish().await;
}

/// Statuses of what the web server of a process has: health, webhooks, interactions.
async fn pages(town: &Town, program: &mut Program) -> Vec<u16> {
    program.says("ready").await;
    let output = program.output();
    let address = output.split("address=").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let url = |path: &str| format!("http://{address}{path}");
    let mut statuses = vec![town.http.get(url("/healthz")).send().await.unwrap().status().as_u16()];
    for path in ["/webhooks/xtsystems", "/interactions"] {
        statuses.push(town.http.post(url(path)).send().await.unwrap().status().as_u16());
    }
    statuses
}

#[tokio::test]
async fn each_process_has_what_its_roles_need() {
    run_with(Setup { gateway: false, ..Setup::default() }, async |town| {
        for (roles, token, expected) in
            [("intake", "", [200, 401, 404]), ("ticker", "", [200, 404, 404]), ("worker", "standin", [200, 404, 404])]
        {
            let token = if token.is_empty() { String::new() } else { town.discord.token() };
            let mut program = town.program(&["run", "--roles", roles], &[("DISCORD_TOKEN", &token)]);
            assert_eq!(pages(town, &mut program).await, expected, "{roles}");
            program.ask_to_stop();
            assert_eq!(program.ends_within(12).await.code, Some(0), "{roles}");
        }
        assert_eq!(town.discord.log_ins(), 0);
        // The option goes before the environment.
        let mut bot = town.program(&["run", "--roles", "bot"], &[("SIGNALBOX_ROLES", "ticker")]);
        assert_eq!(pages(town, &mut bot).await, [200, 404, 401]);
        bot.says("connected to Discord").await;
    })
    .await;
}

/// Others deliver, and hold the rows of lanes and destinations: a worker that waited for them, while they wait for it,
/// would end by the deadlock.
#[tokio::test]
async fn a_worker_starts_while_others_hold_what_it_needs() {
    run_with(Setup { gateway: false, ..Setup::default() }, async |town| {
        let mut delivering = <sqlx::PgConnection as sqlx::Connection>::connect(&town.database_url).await.unwrap();
        for statement in [
            "BEGIN",
            "UPDATE lane SET failures = failures",
            "UPDATE destination SET last_delivery_at = last_delivery_at",
        ] {
            sqlx::query(statement).execute(&mut delivering).await.unwrap();
        }
        let mut worker = town.program(&["run", "--roles", "worker"], &[]);
        worker.says("ready").await;
    })
    .await;
}

/// PostgreSQL undoes the start of a worker for the sake of somebody else: it is tried again.
#[tokio::test]
async fn a_worker_whose_start_meets_a_deadlock_starts() {
    run_with(Setup { gateway: false, ..Setup::default() }, async |town| {
        town.execute("CREATE SEQUENCE met").await;
        town.execute(
            "CREATE FUNCTION meet() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 IF nextval('met') = 1 THEN RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01'; END IF;
                 RETURN NULL; END $$",
        )
        .await;
        town.execute("CREATE TRIGGER meet AFTER DELETE ON route FOR EACH STATEMENT EXECUTE FUNCTION meet()").await;
        let mut worker = town.program(&["run", "--roles", "worker"], &[]);
        worker.says("other processes are at work in the database; trying again").await;
        worker.says("ready").await;
    })
    .await;
}

#[tokio::test]
async fn an_unknown_role_is_refused() {
    run_with(Setup { gateway: false, ..Setup::default() }, async |town| {
        let end = town.program(&["run", "--roles", "bot,cook"], &[]).ends_within(10).await;
        assert_eq!(end.code, Some(78));
        assert!(end.err.contains("should be a list of intake, bot, worker and ticker"), "{}", end.err);
        let end = town.program(&["run", "--roles", "worker"], &[("DISCORD_TOKEN", "")]).ends_within(10).await;
        assert!(end.err.contains("DISCORD_TOKEN: is required"), "{}", end.err);
    })
    .await;
}
