//! What a button says is what it was made for.

use chrono::NaiveDate;

use super::*;
use crate::matches::leaderboard::Kind;
use crate::stats::board::{Board, Span};

#[test]
fn every_id_is_read_again_and_short_enough() {
    let map = Some("m".repeat(40));
    let all = [
        Pages::Leaders { by: Board::Rating, span: Span::Season, map: None },
        Pages::Leaders { by: Board::Kind(Kind::Multikills), span: Span::Month, map: map.clone() },
        Pages::Rounds { month: NaiveDate::from_ymd_opt(2025, 10, 1), map: None, guid: Some("1A2B3C04".into()) },
    ];
    for of in all {
        let listing = Listing { caller: UserId(i64::MAX), of, page: 7 };
        let id = listing.encode(7);
        assert!(id.len() <= 100, "{id}");
        let words: Vec<&str> = id.split(':').skip(2).collect();
        assert!(matches!(decode(&words), Some(Asked::Page(read)) if read == listing), "{id}");
    }
    let id = format!("v1:stats:link:{}:{}:{}", base36(i64::MAX), base36(i64::MAX), "F".repeat(32));
    assert!(id.len() <= 100 && matches!(decode(&id.split(':').skip(2).collect::<Vec<_>>()), Some(Asked::Link { .. })));
    for odd in [&["page", "1"][..], &["session", "naked", "x"], &["view", "!", "graphs", "x"], &[]] {
        assert!(decode(odd).is_none());
    }
}
