//! Charts say in words what they show, and are drawn whatever people are called. With `CHARTS` set to a directory they are
//! written there, to be looked at.

use signalbox::stats::chart::{Axis, Bar, Point, bars, curve, radar};

fn points(count: usize) -> Vec<Point> {
    let of = |at: usize| Point {
        label: format!("{:02}-{:02}", at % 12 + 1, at % 28 + 1),
        dpm: (at != 2).then(|| 240.0 + ((at * 53) % 110) as f64),
        kd: 0.7 + ((at * 37) % 90) as f64 / 100.0,
    };
    (0..count).map(of).collect()
}

fn axes() -> Vec<Axis> {
    let axis = |label, one: f64, other: f64| Axis {
        label,
        values: (one, other),
        texts: (format!("{one}"), format!("{other}")),
    };
    vec![
        axis("K/D", 1.21, 0.94),
        axis("DPM", 312.0, 287.0),
        axis("Accuracy", 31.2, 36.9),
        axis("Headshots", 18.0, 14.4),
        axis("Revives", 2.1, 5.4),
        axis("Efficiency", 54.7, 48.5),
        axis("Objectives", 0.0, 0.0),
    ]
}

fn players() -> Vec<Bar> {
    let bar = |name: &str, is_first, damage, dpm| Bar { name: name.into(), is_first, damage, dpm };
    vec![
        bar("SuperBoyy", Some(true), 28_412, Some(341.2)),
        bar("v_kt_r <b>&", Some(false), 24_002, Some(312.8)),
        bar("a name that is much too long for it", Some(true), 11_950, None),
        bar("came late", None, 0, Some(0.0)),
    ]
}

/// Six against six, the strongest first.
fn a_full_evening() -> Vec<Bar> {
    let names = ["ada*", "bo_b", "^cyd", "di", "eve `x`", "fay", "gus", "hal", "ivy", "jo", "kim", "lou"];
    let bar = |(at, name): (usize, &&str)| Bar {
        name: (*name).to_owned(),
        is_first: Some(at % 3 != 1 && at != 11),
        damage: 31_200 - 2_100 * at as u32,
        dpm: Some(352.0 - 19.0 * at as f64),
    };
    names.iter().enumerate().map(bar).collect()
}

#[tokio::test]
async fn charts_are_drawn_and_told() {
    let charts = [
        ("career", curve("^odd <name> & 漢", points(23)).await.unwrap()),
        ("career-one", curve("newcomer", points(1)).await.unwrap()),
        ("compare", radar(("SuperBoyy".into(), "v_kt_r".into()), axes()).await.unwrap()),
        ("session-odd", bars("Session of 2026-01-10", ("Vikings", "Slackers of the North"), players()).await.unwrap()),
        ("session", bars("Session of 2026-01-10", ("Team A", "Team B"), a_full_evening()).await.unwrap()),
    ];
    for (name, chart) in &charts {
        assert_eq!(&chart.png[..8], b"\x89PNG\r\n\x1a\n", "{name}");
        assert!(chart.png.len() > 3000, "{name}");
        if let Ok(directory) = std::env::var("CHARTS") {
            std::fs::write(format!("{directory}/{name}.png"), &chart.png).unwrap();
        }
    }
    let words: Vec<&str> = charts[1..4].iter().map(|(_, chart)| chart.words.as_str()).collect();
    insta::assert_snapshot!(words.join("\n"), @"
    Damage per minute and kills per death by session. 01-01: 240 DPM, K/D 0.70
    SuperBoyy and v_kt_r compared. K/D: 1.21 to 0.94; DPM: 312 to 287; Accuracy: 31.2 to 36.9; Headshots: 18 to 14.4; Revives: 2.1 to 5.4; Efficiency: 54.7 to 48.5; Objectives: 0 to 0
    Damage and damage per minute. SuperBoyy (Vikings): 28412 damage, 341 DPM; v_kt_r <b>& (Slackers of the North): 24002 damage, 313 DPM; a name that is much too long for it (Vikings): 11950 damage; came late: 0 damage, 0 DPM
    ");
}
