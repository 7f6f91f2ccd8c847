//! Inputs made of a target's corpus by mutation; a failing one is made small before it is shown.

use std::cell::Cell;
use std::fmt;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Cases between two looks at the clock.
const BATCH: u32 = 64;
/// Nothing that is fuzzed may take longer than this for one input, unoptimised as it is.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs a property on the target's corpus, then on what mutation makes of it. `words` are what its format is made of.
pub fn fuzz(target: &str, words: &[&str], property: impl Fn(&[u8])) {
    let seconds = std::env::var("FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2);
    let seed: u64 = std::env::var("FUZZ_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let seeds = corpus(target);
    for seed in &seeds {
        property(seed);
    }
    let strategy = inputs(seeds, words);
    // A stack that overflows ends the process, with nothing said: the input is looked for there.
    let last = std::env::var_os("FUZZ_LAST");
    // Counted where they are run: a runner that has had its cases runs no more, and says that all went well.
    let cases = Cell::new(0u64);
    let (began, mut batch) = (Instant::now(), 0u64);
    while began.elapsed() < Duration::from_secs(seconds) {
        let outcome = runner(seed, batch).run(&strategy, |Input(bytes)| {
            cases.set(cases.get() + 1);
            if let Some(file) = &last {
                fs::write(file, &bytes).unwrap();
            }
            let began = (Instant::now(), on_cpu());
            property(&bytes);
            let took = match (began.1, on_cpu()) {
                (Some(before), Some(now)) => now.saturating_sub(before),
                _ => began.0.elapsed(),
            };
            prop_assert!(took < PATIENCE, "it took {took:?}");
            Ok(())
        });
        batch += 1;
        if let Err(error) = outcome {
            panic!("{target}, seed {seed}, after {} cases: {error}", cases.get());
        }
    }
    let cases = cases.get();
    assert!(cases >= batch * u64::from(BATCH), "{cases} cases in {batch} batches");
    println!("{target}: {cases} cases in {} s", began.elapsed().as_secs());
    if let Ok(report) = std::env::var("FUZZ_REPORT") {
        use std::io::Write as _;
        let mut file = fs::OpenOptions::new().create(true).append(true).open(report).unwrap();
        writeln!(file, "{target} {cases}").unwrap();
    }
}

/// A runner for one batch, with a sequence of its own.
fn runner(seed: u64, batch: u64) -> TestRunner {
    let mut random = [0; 32];
    random[..8].copy_from_slice(&seed.to_le_bytes());
    random[8..16].copy_from_slice(&batch.to_le_bytes());
    let config = Config { cases: BATCH, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &random))
}

/// How long this thread has been running, other programs' time not counted.
fn on_cpu() -> Option<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(text.split(' ').next()?.parse().ok()?))
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", directory.display());
    files.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

#[derive(Clone)]
struct Input(Vec<u8>);

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes: {}", self.0.len(), self.0.escape_ascii())
    }
}

#[derive(Clone, Debug)]
enum Mutation {
    Flip(Index, u8),
    Set(Index, u8),
    Insert(Index, Vec<u8>),
    Delete(Index, usize),
    Repeat(Index, usize, usize),
    /// Every run of digits near there becomes this number.
    Number(Index, i128),
    /// What follows is taken from another seed.
    Splice(Index, Vec<u8>, Index),
}

fn inputs(seeds: Vec<Vec<u8>>, words: &[&str]) -> BoxedStrategy<Input> {
    let mut words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
    words.extend(
        ["\0", "\u{fffd}", "\u{202e}", "😀", "\"", "\\", "{", "}", "[", "]", "\n", "%00", "null", "1e999"]
            .map(|w| w.as_bytes().to_vec()),
    );
    let mutated = (select(seeds.clone()), prop::collection::vec(mutation(seeds, words.clone()), 0..6))
        .prop_map(|(seed, mutations)| Input(mutations.iter().fold(seed, apply)));
    let written = prop::collection::vec(select(words), 0..24).prop_map(|words| Input(words.concat()));
    let noise = prop::collection::vec(any::<u8>(), 0..120).prop_map(Input);
    prop_oneof![8 => mutated, 2 => written, 1 => noise].boxed()
}

fn mutation(seeds: Vec<Vec<u8>>, words: Vec<Vec<u8>>) -> impl Strategy<Value = Mutation> {
    let numbers = select(vec![
        0,
        1,
        -1,
        255,
        65_536,
        i128::from(i32::MAX),
        i128::from(i64::MAX),
        i128::from(i64::MIN),
        i128::from(u64::MAX),
        i128::MAX,
        1_767_348_000,
        1_767_348_000_000,
        8_210_266_876_799,
        8_210_266_876_800,
        253_402_300_800,
    ]);
    prop_oneof![
        2 => (any::<Index>(), 0..8u8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        2 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        4 => (any::<Index>(), select(words)).prop_map(|(at, word)| Mutation::Insert(at, word)),
        2 => (any::<Index>(), 1..40usize).prop_map(|(at, length)| Mutation::Delete(at, length)),
        1 => (any::<Index>(), 1..30usize, 1..200usize).prop_map(|(at, length, times)| Mutation::Repeat(at, length, times)),
        2 => (any::<Index>(), numbers).prop_map(|(at, number)| Mutation::Number(at, number)),
        1 => (any::<Index>(), select(seeds), any::<Index>()).prop_map(|(at, other, from)| Mutation::Splice(at, other, from)),
    ]
}

fn apply(mut bytes: Vec<u8>, mutation: &Mutation) -> Vec<u8> {
    let place = |index: &Index, bytes: &[u8]| index.index(bytes.len() + 1);
    match mutation {
        Mutation::Flip(at, bit) => {
            let at = place(at, &bytes);
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << bit;
            }
        }
        Mutation::Set(at, new) => {
            let at = place(at, &bytes);
            if let Some(byte) = bytes.get_mut(at) {
                *byte = *new;
            }
        }
        Mutation::Insert(at, word) => {
            let at = place(at, &bytes);
            bytes.splice(at..at, word.iter().copied());
        }
        Mutation::Delete(at, length) => {
            let at = place(at, &bytes);
            let end = bytes.len().min(at + length);
            bytes.drain(at..end);
        }
        Mutation::Repeat(at, length, times) => {
            let at = place(at, &bytes);
            let piece = bytes[at..bytes.len().min(at + length)].repeat(*times);
            bytes.splice(at..at, piece);
        }
        Mutation::Number(at, number) => {
            let from = place(at, &bytes);
            let begin = bytes[from..].iter().position(u8::is_ascii_digit).map(|n| from + n);
            if let Some(begin) = begin {
                let end = bytes[begin..].iter().position(|b| !b.is_ascii_digit()).map_or(bytes.len(), |n| begin + n);
                bytes.splice(begin..end, number.to_string().into_bytes());
            }
        }
        Mutation::Splice(at, other, from) => {
            let at = place(at, &bytes);
            bytes.truncate(at);
            bytes.extend_from_slice(&other[place(from, other)..]);
        }
    }
    bytes
}

/// The lines before the first empty one, and the rest: headers and body.
pub fn split(bytes: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    match bytes.windows(2).position(|two| two == b"\n\n") {
        Some(at) => (bytes[..at].split(|b| *b == b'\n').collect(), &bytes[at + 2..]),
        None => (Vec::new(), bytes),
    }
}

/// Text, whatever the bytes are.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whether a text in it has a NUL, which `jsonb` does not store.
pub fn holds_nul(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::String(text) => text.contains('\0'),
        serde_json::Value::Array(items) => items.iter().any(holds_nul),
        serde_json::Value::Object(map) => map.iter().any(|(name, value)| name.contains('\0') || holds_nul(value)),
        _ => false,
    }
}
