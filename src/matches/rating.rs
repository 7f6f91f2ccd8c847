//! How strong players are, by the results of maps: the Bayesian approximation of Weng and Lin (JMLR 12, 2011), as OpenSkill has
//! it, for two teams. A map is one result; its teams are those who played it. Ratings are made anew from all results in their
//! order, so that a corrected result corrects them.

use std::collections::BTreeMap;

use skillratings::Outcomes;
use skillratings::weng_lin::{WengLinConfig, WengLinRating, expected_score_two_teams, weng_lin_two_teams};

/// Points in which ratings are told, for one of the method's: who never played has 1500 ± 500.
const SCALE: f64 = 60.0;
/// Deviations from which on a rating is still open, and from which on it is not yet settled.
const OPEN: f64 = 300.0;
const FORMING: f64 = 150.0;

/// The result of a map. Teams are people, by GUID.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MapOutcome {
    pub one: Vec<String>,
    pub two: Vec<String>,
    /// Of the first and of the second team.
    pub points: (u32, u32),
}

/// What somebody's results say of their strength.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rating {
    estimate: WengLinRating,
    /// Maps that it was made from.
    pub maps: u32,
    pub won: u32,
    pub lost: u32,
}

/// How sure a rating is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confidence {
    Open,
    Forming,
    Settled,
}

impl Default for Rating {
    fn default() -> Rating {
        Rating { estimate: WengLinRating::new(), maps: 0, won: 0, lost: 0 }
    }
}

impl Rating {
    pub fn points(&self) -> f64 {
        self.estimate.rating * SCALE
    }

    /// The standard deviation: in two of three cases the strength is within it.
    pub fn deviation(&self) -> f64 {
        self.estimate.uncertainty * SCALE
    }

    /// What the strength is at least, almost surely: three deviations below. Ranks are by this.
    pub fn at_least(&self) -> f64 {
        self.points() - 3.0 * self.deviation()
    }

    pub fn confidence(&self) -> Confidence {
        match self.deviation() {
            deviation if deviation > OPEN => Confidence::Open,
            deviation if deviation > FORMING => Confidence::Forming,
            _ => Confidence::Settled,
        }
    }
}

/// Ratings after all results, in their order.
pub fn ratings<'a>(outcomes: impl IntoIterator<Item = &'a MapOutcome>) -> BTreeMap<String, Rating> {
    let mut ratings: BTreeMap<String, Rating> = BTreeMap::new();
    for outcome in outcomes.into_iter().filter(|outcome| !outcome.one.is_empty() && !outcome.two.is_empty()) {
        let team = |members: &[String]| -> Vec<Rating> {
            members.iter().map(|guid| ratings.get(guid).copied().unwrap_or_default()).collect()
        };
        let (one, two) = (team(&outcome.one), team(&outcome.two));
        let result = match outcome.points.0.cmp(&outcome.points.1) {
            std::cmp::Ordering::Greater => Outcomes::WIN,
            std::cmp::Ordering::Less => Outcomes::LOSS,
            std::cmp::Ordering::Equal => Outcomes::DRAW,
        };
        let (new_one, new_two) = weng_lin_two_teams(&estimates(&one), &estimates(&two), &result, &WengLinConfig::new());
        let (won, lost) = (u32::from(result == Outcomes::WIN), u32::from(result == Outcomes::LOSS));
        take(&mut ratings, &outcome.one, &one, &new_one, (won, lost));
        take(&mut ratings, &outcome.two, &two, &new_two, (lost, won));
    }
    ratings
}

fn take(
    ratings: &mut BTreeMap<String, Rating>,
    members: &[String],
    before: &[Rating],
    after: &[WengLinRating],
    (won, lost): (u32, u32),
) {
    for ((guid, old), estimate) in members.iter().zip(before).zip(after) {
        let new = Rating { estimate: *estimate, maps: old.maps + 1, won: old.won + won, lost: old.lost + lost };
        ratings.insert(guid.clone(), new);
    }
}

fn estimates(team: &[Rating]) -> Vec<WengLinRating> {
    team.iter().map(|rating| rating.estimate).collect()
}

/// How likely the first of two teams is to be the better one, in percent.
pub fn chance(one: &[Rating], two: &[Rating]) -> f64 {
    expected_score_two_teams(&estimates(one), &estimates(two), &WengLinConfig::new()).0 * 100.0
}
