//! Another order of the routes, with as few of them moved as the positions between the others allow.

use uuid::Uuid;

use super::Board;
use crate::error::UserError;
use crate::routing::change::RouteBody;
use crate::store::route::{ENV_POSITION, StoredRoute};

/// The routes that have to move, each as it is then. `ids` are all that people made, the first first.
pub fn positions(board: &Board, ids: &[Uuid]) -> Result<Vec<(Uuid, RouteBody)>, UserError> {
    let own: Vec<&StoredRoute> = board.routes.iter().filter(|route| !route.from_env).collect();
    let mut wanted: Vec<&StoredRoute> = Vec::with_capacity(own.len());
    for id in ids {
        let route = own.iter().find(|route| route.id == *id);
        let route = route.ok_or_else(|| UserError::new(format!("{id} is no route that can be moved.")))?;
        if wanted.iter().any(|known| known.id == *id) {
            return Err(UserError::new(format!("{id} is named twice.")));
        }
        wanted.push(route);
    }
    if let Some(left) = own.iter().find(|route| !ids.contains(&route.id)) {
        return Err(UserError::new(format!(
            "{} ({}) is left out. Name every route that people made.",
            left.id, left.name
        )));
    }
    let places = places(&wanted.iter().map(|route| route.position).collect::<Vec<_>>());
    let places = places.ok_or_else(|| UserError::new("There is no room for so many positions."))?;
    let moved = wanted.iter().zip(places).filter(|(route, place)| route.position != *place);
    Ok(moved.map(|(route, position)| (route.id, RouteBody { position, ..route.body() })).collect())
}

/// Positions that rise, most of them as they were.
fn places(present: &[i32]) -> Option<Vec<i32>> {
    let stay = longest_rise(present);
    let mut places = present.to_vec();
    let mut from = 0;
    while from < places.len() {
        if stay[from] {
            from += 1;
            continue;
        }
        // A run that moves, between two that stay.
        let to = (from..places.len()).find(|n| stay[*n]).unwrap_or(places.len());
        let before = from.checked_sub(1).map_or(0, |n| places[n]);
        let room = places.get(to).map_or(ENV_POSITION, |after| *after) - before;
        let parts = (to - from + 1) as i32;
        if room < parts {
            return spread(places.len());
        }
        let step = (room / parts).min(10);
        for (n, place) in places[from..to].iter_mut().enumerate() {
            *place = before + step * (n as i32 + 1);
        }
        from = to;
    }
    Some(places)
}

/// All anew, with room between them.
fn spread(count: usize) -> Option<Vec<i32>> {
    let count = i32::try_from(count).ok()?;
    (1..=count).map(|n| n.checked_mul(10).filter(|place| *place < ENV_POSITION)).collect()
}

/// Which of them make up the longest run that rises.
fn longest_rise(values: &[i32]) -> Vec<bool> {
    let mut best: Vec<(usize, Option<usize>)> = Vec::with_capacity(values.len());
    for (n, value) in values.iter().enumerate() {
        let before = (0..n).filter(|m| values[*m] < *value).max_by_key(|m| best[*m].0);
        best.push((before.map_or(1, |m| best[m].0 + 1), before));
    }
    let mut rises = vec![false; values.len()];
    let mut next = (0..values.len()).max_by_key(|n| best[*n].0);
    while let Some(n) = next {
        rises[n] = true;
        next = best[n].1;
    }
    rises
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_few_as_possible_move() {
        for (present, then) in [
            (vec![10, 20, 30], vec![10, 20, 30]),
            (vec![30, 10, 20], vec![5, 10, 20]),
            (vec![20, 30, 10], vec![20, 30, 40]),
            (vec![10, 30, 20], vec![10, 15, 20]),
            (vec![10, 10, 10], vec![3, 6, 10]),
            (vec![2, 1], vec![10, 20]),
            (vec![], vec![]),
        ] {
            let places = places(&present).unwrap();
            assert!(places.is_sorted_by(|a, b| a < b), "{present:?} → {places:?}");
            assert_eq!(places, then, "{present:?}");
        }
    }
}
