//! Whether a file is worth telling of. The bot's parser judges strictly and says where; here only what cannot be a file of
//! statistics at all is kept back, because whoever reads the notice may understand more, or less, than this program does. Pure.

use crate::source::etlegacy::file_name::{self, FileName};
use crate::source::etlegacy::stats_file::MOST_BYTES;
use crate::source::etlegacy::{awards, stats_file};

/// Less is not a round that anybody played (Facts 2).
const FEWEST_BYTES: usize = 100;
/// Fields of a header.
const HEADER_FIELDS: usize = 8;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    Good,
    /// Looks as if somebody still writes it.
    CutOff(String),
    Bad(String),
}

pub fn judge(name: &str, bytes: &[u8]) -> Content {
    if bytes.len() > MOST_BYTES {
        return Content::Bad(format!("it has {} bytes, and {MOST_BYTES} are the most", bytes.len()));
    }
    if bytes.len() < FEWEST_BYTES {
        return Content::Bad(format!("it has {} bytes, and fewer than {FEWEST_BYTES} are no round", bytes.len()));
    }
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let (error, is_one) = match file_name::parse(name) {
        Ok(FileName::Awards(_)) => (awards::parse(bytes).err().map(|e| e.to_string()), first.contains(&b'\t')),
        _ => {
            let fields = first.split(|byte| *byte == b'\\').count();
            (stats_file::parse(bytes).err().map(|e| e.to_string()), fields >= HEADER_FIELDS)
        }
    };
    match error {
        None => Content::Good,
        Some(why) if !is_one || bytes.contains(&0) => Content::Bad(why),
        Some(why) if !bytes.ends_with(b"\n") => Content::CutOff(why),
        Some(_) => Content::Good,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUND: &str = "2025-10-14-212214-supply-round-1.txt";
    const AWARDS: &str = "2025-10-14-212214-supply-round-1-endstats.txt";

    fn round(tail: &str) -> Vec<u8> {
        format!(
            "^1Our server\\supply\\legacy3\\1\\1\\2\\12:00\\9:13\nA1B2C3D4\\^2anna\\0\\1\\1 1 2 3 4 5 {}{tail}",
            "\t1".repeat(38)
        )
        .into_bytes()
    }

    #[test]
    fn what_nobody_would_understand_is_kept_back() {
        assert_eq!(judge(ROUND, &round("\n")), Content::Good);
        assert_eq!(judge(AWARDS, "Most deaths\tanna\t7\n".repeat(6).as_bytes()), Content::Good);
        for bad in [b"".as_slice(), b"hello\n", "no header at all\n".repeat(10).as_bytes(), &[0; 200]] {
            assert!(matches!(judge(ROUND, bad), Content::Bad(_)), "{}", String::from_utf8_lossy(bad));
        }
        assert!(matches!(judge(AWARDS, "words without a tab\n".repeat(10).as_bytes()), Content::Bad(_)));
        let huge = "x".repeat(MOST_BYTES + 1);
        assert!(matches!(judge(ROUND, huge.as_bytes()), Content::Bad(_)));
    }

    #[test]
    fn what_somebody_still_writes_is_waited_for() {
        assert!(matches!(judge(ROUND, &round("")), Content::CutOff(_)));
    }

    #[test]
    fn another_parser_may_understand_it() {
        assert_eq!(judge(ROUND, &round("\nanother line that this parser does not know\n")), Content::Good);
    }
}
