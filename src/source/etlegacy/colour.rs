//! Colour codes of names: a caret and one character, whichever it is. Two carets are a caret that is shown, as in the game.

/// A name as it is shown: without colour codes, without white space around it.
pub fn clean(raw: &str) -> String {
    let shown: String = spans(raw).map(|span| span.text).collect();
    shown.trim().to_owned()
}

/// A run of text of one colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span<'a> {
    /// The character behind the caret; `None` before the first code.
    pub colour: Option<char>,
    /// Not empty.
    pub text: &'a str,
}

/// The runs of a name, in order.
pub fn spans(raw: &str) -> impl Iterator<Item = Span<'_>> {
    let (mut colour, mut rest) = (None, raw);
    std::iter::from_fn(move || {
        while let Some((code, behind)) = code_at_start(rest) {
            (colour, rest) = (Some(code), behind);
        }
        if rest.is_empty() {
            return None;
        }
        let end = rest.char_indices().skip(1).find(|(at, _)| code_at_start(&rest[*at..]).is_some());
        let (text, behind) = rest.split_at(end.map_or(rest.len(), |(at, _)| at));
        rest = behind;
        Some(Span { colour, text })
    })
}

/// A code and what follows it. A caret before another caret, or the last character, is text.
fn code_at_start(text: &str) -> Option<(char, &str)> {
    let behind = text.strip_prefix('^')?;
    let mut chars = behind.chars();
    let code = chars.next().filter(|code| *code != '^')?;
    Some((code, chars.as_str()))
}

/// A name as the older tool wrote it, which knew only letters and digits as codes; for matching what it stored.
pub fn clean_of_letters_and_digits(raw: &str) -> String {
    let mut shown = String::with_capacity(raw.len());
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '^' && chars.next_if(char::is_ascii_alphanumeric).is_some() {
            continue;
        }
        shown.push(c);
    }
    shown.trim().to_owned()
}
