//! "Did you mean": the known word nearest to a mistyped one.

/// The candidate that a person most likely meant: at most a third of the letters differ, three at
/// the most. Case does not count. `None` when nothing is near.
pub(super) fn nearest<T: AsRef<str>>(word: &str, candidates: impl IntoIterator<Item = T>) -> Option<T> {
    let word = word.to_ascii_lowercase();
    let limit = (word.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| (distance(&word, &candidate.as_ref().to_ascii_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edit distance with neighbours swapped counted once (optimal string alignment).
pub(super) fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        rows[i][0] = i;
        for j in 1..=b.len() {
            let same = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + same);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

/// ` (did you mean X?)`, or nothing.
pub fn did_you_mean<T: AsRef<str>>(word: &str, candidates: impl IntoIterator<Item = T>) -> String {
    nearest(word, candidates).map_or_else(String::new, |near| format!(" (did you mean {}?)", near.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits_as_a_typist_makes_them() {
        assert_eq!(distance("WEBHOOK_PORT", "WEBHOOK_PROT"), 1);
        assert_eq!(distance("ticket", "tickets"), 1);
        assert_eq!(distance("", "abc"), 3);
    }

    #[test]
    fn suggests_only_what_is_near() {
        assert_eq!(nearest("tickt.created", ["ticket.closed", "ticket.created"]), Some("ticket.created"));
        assert_eq!(nearest("Discord_Token", ["DISCORD_TOKEN"]), Some("DISCORD_TOKEN"));
        assert_eq!(nearest("lunch", ["ticket.closed"]), None);
    }
}
