//! What is refused before the engine sees it: constructs whose cost fuel does not bound. Doubling
//! (`{% set a = a ~ a %}`), repetition (`'x' * 100000000`) and nesting of lists by loops are the ways to make
//! much out of little; without them all that an expression makes is about as long as itself times the event.

use std::fmt;

/// A place in a text, and what is wrong there.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// From 1.
    pub line: usize,
    pub why: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

/// Joins of texts (`~`, `+`) in one filter, or in one part of a template.
const JOINS: usize = 8;

/// Brackets within brackets. The engine reads them by recursion, and its own limit is more than a thread's stack holds.
const DEEPEST: usize = 30;

/// Whether brackets are nested too deeply to be read. Those in texts count as well: nobody writes so many.
pub fn is_too_deep(text: &str) -> bool {
    let mut depth = 0usize;
    text.bytes().any(|byte| {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > DEEPEST
    })
}

/// Looks at an expression on its own.
pub fn expression(text: &str) -> Result<(), Refused> {
    if is_too_deep(text) {
        return Err(refuse(1, "its brackets are nested too deeply"));
    }
    let mut joins = 0;
    inside(text, 1, &mut joins)
}

/// Looks at every tag of a template. Braces are refused inside of tags, so a tag ends here where it ends for
/// the engine.
pub fn template(text: &str) -> Result<(), Refused> {
    if is_too_deep(text) {
        return Err(refuse(1, "its brackets are nested too deeply"));
    }
    let (mut rest, mut line, mut joins) = (text, 1, 0);
    while let Some((at, kind)) = next_tag(rest) {
        line += lines(&rest[..at]);
        let body = &rest[at + 2..];
        let end = match kind {
            '#' => body.find("#}").ok_or_else(|| refuse(line, "the comment {# does not end with #}"))?,
            '{' => tag_end(body, "}}").ok_or_else(|| refuse(line, "{{ does not end with }}"))?,
            _ => tag_end(body, "%}").ok_or_else(|| refuse(line, "{% does not end with %}"))?,
        };
        let content = body[..end].trim_start_matches(['-', '+']).trim_end_matches(['-', '+']);
        match kind {
            '#' => {}
            '{' => inside(content, line, &mut joins)?,
            _ => statement(content.trim(), line, &mut joins)?,
        }
        line += lines(&body[..end]);
        rest = &body[end + 2..];
    }
    Ok(())
}

fn next_tag(text: &str) -> Option<(usize, char)> {
    let mut from = 0;
    loop {
        let at = from + text[from..].find('{')?;
        match text[at + 1..].chars().next() {
            Some(kind @ ('{' | '%' | '#')) => return Some((at, kind)),
            _ => from = at + 1,
        }
    }
}

/// Where a tag ends: the first end mark outside of a string.
fn tag_end(body: &str, mark: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in body.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None if body[at..].starts_with(mark) => return Some(at),
            None => {}
        }
    }
    None
}

/// `if`, `elif`, `else`, `for` and their ends are all there is.
fn statement(content: &str, line: usize, joins: &mut usize) -> Result<(), Refused> {
    let word_end = content.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(content.len());
    let (word, rest) = content.split_at(word_end);
    match word {
        "if" | "elif" => inside(rest, line, joins),
        "else" | "endif" | "endfor" if rest.trim().is_empty() => Ok(()),
        "for" if is_plain_loop(rest) => Ok(()),
        "for" => Err(refuse(line, "a loop goes over a field, as in {% for item in data.items %}")),
        other => Err(refuse(line, &format!("{{% {other} %}} is not part of the language; there are if and for"))),
    }
}

/// `x in data.items`, `k, v in data.tags|items`.
fn is_plain_loop(header: &str) -> bool {
    let Some((names, over)) = header.split_once(" in ") else { return false };
    let is_name = |text: &str| {
        let text = text.trim();
        text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let mut parts = over.split('|');
    let is_path = parts.next().is_some_and(|path| path.trim().split('.').all(is_name));
    let shapes = ["items", "sort", "reverse", "unique", "dictsort", "list", "lines"];
    names.split(',').all(is_name) && is_path && parts.all(|filter| shapes.contains(&filter.trim()))
}

fn inside(text: &str, line: usize, joins: &mut usize) -> Result<(), Refused> {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        let refuse = |why: &str| Err(refuse(line + lines(&text[..at]), why));
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None => match c {
                '"' | '\'' => quote = Some(c),
                '{' | '}' => return refuse("braces cannot be used inside of an expression"),
                '*' => return refuse("* is not part of the language; numbers are multiplied by x|times(3)"),
                '~' | '+' => {
                    *joins += 1;
                    if *joins > JOINS {
                        return refuse(&format!("~ and + are used more than {JOINS} times"));
                    }
                }
                _ => {}
            },
        }
    }
    if quote.is_some() { Err(refuse(line, "a text in quotes does not end")) } else { Ok(()) }
}

fn refuse(line: usize, why: &str) -> Refused {
    Refused { line, why: why.to_owned() }
}

fn lines(text: &str) -> usize {
    text.matches('\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_multiplies_is_refused() {
        for bomb in [
            "{% set a = 'xx' %}{% set a = a ~ a %}",
            "{%- set a %}x{% endset %}",
            "{{ 'x' * 100000000 }}",
            "{{ [1]*9 }}",
            "{% for a in [[x, x]] %}{{ a }}{% endfor %}",
            "{% for a in data.x if a %}{% endfor %}",
            "{% for a in data.x recursive %}{% endfor %}",
            "{% for a in \"%}\" %}",
            "{% macro a() %}{% endmacro %}",
            "{% raw %}{{ x * 9 }}{% endraw %}",
            "{{ {'a': 1} }}",
            "{{ a ~ a ~ a ~ a ~ a ~ a ~ a ~ a ~ a ~ a }}",
            "{% filter upper %}x{% endfilter %}",
            "{{ \"}}\" * 9 }}",
        ] {
            assert!(template(bomb).is_err(), "{bomb}");
        }
    }

    #[test]
    fn ordinary_templates_are_not() {
        for plain in [
            "**{{ data.title }}** *{{ data.a + 1 }}* {not a tag}",
            "{% if data.x == 'a*b' %}x{% elif data.y %}y{% else %}z{% endif %}",
            "{%- for tag in data.tags -%} {{ loop.index }}. {{ tag|upper }} {%- endfor -%}",
            "{% for k, v in data.more|items %}{{ k }}{% endfor %}",
            "{# * ~ {{ #}{{ \"}}\" }}",
        ] {
            assert_eq!(template(plain), Ok(()), "{plain}");
        }
        assert_eq!(expression("data.priority in ['high', \"cri*tical\"]"), Ok(()));
    }

    #[test]
    fn the_line_is_named() {
        let refused = template("one\n{# two\n #}\n{{ a }} {{ b * 2 }}").unwrap_err();
        assert_eq!(refused.line, 4);
    }
}
