//! Those who do the same at the same moment share a statement and its commit. Whoever comes first goes at once; who
//! comes while others are at it waits for the next turn, and one of them takes all who wait along. No clock is waited for.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, oneshot};

/// What is done by a statement that does many at once.
pub trait Job: Sized + Send + Sync {
    /// Jobs of one statement at most.
    const MOST: usize = 64;
    /// Statements of one kind at the same time: one works while the other waits for the disk.
    const TURNS: usize = 2;

    /// Who carries it out.
    type By: Sync;
    type Outcome: Send;

    /// The outcome of each; `None` when the statement failed.
    fn carry_out(by: &Self::By, jobs: &[Self]) -> impl Future<Output = Option<Vec<Self::Outcome>>> + Send;
}

/// A job, and who waits for it.
type Waiting<J> = (J, oneshot::Sender<<J as Job>::Outcome>);

/// Where jobs meet.
pub struct Together<J: Job> {
    waiting: Mutex<VecDeque<Waiting<J>>>,
    turns: Semaphore,
}

impl<J: Job> Default for Together<J> {
    fn default() -> Self {
        Self { waiting: Mutex::default(), turns: Semaphore::new(J::TURNS) }
    }
}

impl<J: Job> Together<J> {
    fn waiting(&self) -> MutexGuard<'_, VecDeque<Waiting<J>>> {
        // Whoever holds it never panics halfway.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the job carried out, with those of others or theirs with it. `None` when that failed, or when whoever was at
    /// it went away: what became of this job is then not known, and it is to be done alone.
    pub async fn join(&self, by: &J::By, job: J) -> Option<J::Outcome> {
        let (reply, mut outcome) = oneshot::channel();
        self.waiting().push_back((job, reply));
        loop {
            let turn = tokio::select! {
                biased;
                answer = &mut outcome => return answer.ok(),
                turn = self.turns.acquire() => turn,
            };
            let (jobs, replies): (Vec<J>, Vec<_>) = {
                let mut waiting = self.waiting();
                let count = waiting.len().min(J::MOST);
                waiting.drain(..count).unzip()
            };
            if jobs.is_empty() {
                // Somebody is at ours.
                drop(turn);
                return outcome.await.ok();
            }
            let outcomes = J::carry_out(by, &jobs).await;
            drop(turn);
            // Whoever hears of it has what it gave for itself again.
            drop(jobs);
            for (reply, outcome) in replies.into_iter().zip(outcomes.unwrap_or_default()) {
                // Who went away does not want to know.
                let _ = reply.send(outcome);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use futures_util::future::join_all;

    use super::*;

    /// A statement that multiplies by ten, fails with one job, and never ends with another one.
    #[derive(Default)]
    pub struct Tens {
        statements: AtomicUsize,
        fails_with: Option<usize>,
        hangs_with: Option<usize>,
    }

    impl Job for usize {
        type By = Tens;
        type Outcome = usize;

        async fn carry_out(by: &Tens, jobs: &[usize]) -> Option<Vec<usize>> {
            by.statements.fetch_add(1, Ordering::Relaxed);
            if by.hangs_with.is_some_and(|job| jobs.contains(&job)) {
                std::future::pending::<()>().await;
            }
            tokio::task::yield_now().await;
            let fails = by.fails_with.is_some_and(|job| jobs.contains(&job));
            (!fails).then(|| jobs.iter().map(|job| job * 10).collect())
        }
    }

    async fn carried_out(by: &Tens, count: usize) -> Vec<Option<usize>> {
        let together = Together::default();
        join_all((0..count).map(|n| together.join(by, n))).await
    }

    #[tokio::test]
    async fn each_learns_its_own_outcome() {
        let tens = Tens::default();
        let outcomes = carried_out(&tens, 300).await;
        assert_eq!(outcomes, (0..300).map(|n| Some(n * 10)).collect::<Vec<_>>());
        let statements = tens.statements.into_inner();
        assert!(statements < 20, "{statements} statements for 300 jobs");
    }

    #[tokio::test]
    async fn one_alone_goes_at_once() {
        assert_eq!(carried_out(&Tens::default(), 1).await, [Some(0)]);
    }

    #[tokio::test]
    async fn those_of_a_failed_statement_are_told() {
        let outcomes = carried_out(&Tens { fails_with: Some(150), ..Tens::default() }, 200).await;
        assert_eq!(outcomes[150], None);
        assert!(outcomes.iter().any(Option::is_some));
        assert!(outcomes.iter().enumerate().all(|(n, outcome)| outcome.is_none_or(|value| value == n * 10)));
    }

    #[tokio::test]
    async fn who_goes_away_takes_nobody_along() {
        let (together, tens) = (Together::default(), Tens { hangs_with: Some(1), ..Tens::default() });
        let gone = tokio::time::timeout(Duration::from_millis(1), together.join(&tens, 1)).await;
        assert!(gone.is_err());
        assert_eq!(together.join(&tens, 2).await, Some(20));
    }
}
