//! Chances that can be taken again: the same seed makes the same choices, whatever the versions of libraries.

pub struct Dice(u64);

impl Dice {
    /// From the seed in this variable, else from a new one, which is printed.
    pub fn seeded_by(variable: &str) -> (u64, Self) {
        let given = std::env::var(variable).ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| u64::from(u32::from_le_bytes(signalbox::clock::random_bytes::<4>())));
        println!("{variable}={seed}");
        (seed, Self(seed))
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.below(choices.len() as u64)).unwrap()]
    }
}
