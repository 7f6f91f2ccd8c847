//! A text as messages of a chat: at most 500 code points each, parted at spaces.

use crate::upstream::kick::LONGEST_MESSAGE;

/// Nobody reads more in a chat, and each is a message of the budget.
const MOST: usize = 4;

/// The messages that a text goes as; what is left after the last of them is cut, which it shows.
pub(super) fn split(text: &str) -> Vec<String> {
    split_at(text, LONGEST_MESSAGE, MOST)
}

fn split_at(text: &str, longest: usize, most: usize) -> Vec<String> {
    // A line break would end the message in some clients.
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    let mut parts: Vec<String> = Vec::new();
    let mut open = String::new();
    let mut length = 0;
    for word in words {
        let mut word: Vec<char> = word.chars().collect();
        if length > 0 && length + 1 + word.len() > longest {
            parts.push(std::mem::take(&mut open));
            length = 0;
        }
        // A word that is longer than a message is parted where it has to be.
        while word.len() > longest {
            parts.push(word.drain(..longest).collect());
        }
        if length > 0 {
            open.push(' ');
            length += 1;
        }
        length += word.len();
        open.extend(word);
    }
    if !open.is_empty() {
        parts.push(open);
    }
    if parts.len() > most {
        parts.truncate(most);
        if let Some(last) = parts.last_mut() {
            *last = last.chars().take(longest - 1).chain(['…']).collect();
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn at_spaces_and_with_a_mark_where_it_is_cut() {
        assert_eq!(split_at("one two three", 7, 4), ["one two", "three"]);
        assert_eq!(split_at("  a\n b\t\tc ", 9, 4), ["a b c"]);
        assert_eq!(split_at("abcdefgh ij", 3, 4), ["abc", "def", "gh", "ij"]);
        assert_eq!(split_at("aa bb cc dd", 2, 3), ["aa", "bb", "c…"]);
        assert_eq!(split_at(" \n ", 5, 4), Vec::<String>::new());
        assert_eq!(split_at("ππππ 🎰🎰🎰🎰", 4, 4), ["ππππ", "🎰🎰🎰🎰"]);
    }

    proptest! {
        #[test]
        fn nothing_is_longer_and_nothing_gets_lost(text in "\\PC{0,900}") {
            let parts = split(&text);
            prop_assert!(parts.len() <= MOST);
            prop_assert!(parts.iter().all(|part| !part.is_empty() && part.chars().count() <= LONGEST_MESSAGE));
            let squeezed = |text: &str| text.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect::<String>();
            prop_assert_eq!(squeezed(&parts.concat()), squeezed(&text));
        }
    }
}
