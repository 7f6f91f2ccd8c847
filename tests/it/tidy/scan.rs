//! Reads Rust source just well enough to know which paths it names: comments and strings are told from
//! code, `use` trees are unfolded, names are followed through the imports of their file. Not a parser:
//! macros are read as if they were code, and names that come out of them are not seen.

use std::collections::HashMap;

/// A source file, taken apart. Line numbers start at 1.
#[derive(Default)]
pub struct Scan {
    /// Every path that the code names, in full: `["crate", "store", "Row"]`, `["std", "env", "var"]`.
    pub paths: Vec<(Vec<String>, usize)>,
    pub strings: Vec<(String, usize)>,
    pub comments: Vec<(String, usize)>,
    /// The words of the code, for macros and the like.
    pub tokens: Vec<(String, usize)>,
}

/// `module` is the path of the file's module: `["crate", "store", "lane"]`.
pub fn scan(source: &str, module: &[String]) -> Scan {
    let mut scan = Scan::default();
    split(source, &mut scan);
    scan.paths = Paths::of(&scan.tokens, module);
    scan
}

fn split(source: &str, scan: &mut Scan) {
    let chars: Vec<char> = source.chars().collect();
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let at = |i: usize| chars.get(i).copied().unwrap_or('\n');
    let text = |from: usize, to: usize| chars[from.min(chars.len())..to.min(chars.len())].iter().collect::<String>();
    let (mut i, mut line) = (0, 1);
    while i < chars.len() {
        let (begin, begin_line) = (i, line);
        match chars[i] {
            '\n' => i += 1,
            '/' if at(i + 1) == '/' => {
                while i < chars.len() && chars[i] != '\n' {
                    i += 1;
                }
                scan.comments.push((text(begin, i), begin_line));
            }
            '/' if at(i + 1) == '*' => {
                let mut depth = 0;
                loop {
                    match (at(i), at(i + 1)) {
                        ('/', '*') => (depth, i) = (depth + 1, i + 2),
                        ('*', '/') => (depth, i) = (depth - 1, i + 2),
                        _ => i += 1,
                    }
                    if depth == 0 || i >= chars.len() {
                        break;
                    }
                }
                scan.comments.push((text(begin, i), begin_line));
            }
            '"' => {
                i += 1;
                while i < chars.len() && chars[i] != '"' {
                    i += if chars[i] == '\\' { 2 } else { 1 };
                }
                scan.strings.push((text(begin + 1, i), begin_line));
                i += 1;
            }
            '\'' if at(i + 1) == '\\' => {
                i += 3;
                while i < chars.len() && chars[i] != '\'' {
                    i += 1;
                }
                i += 1;
            }
            '\'' if at(i + 2) == '\'' => i += 3,
            c if is_word(c) => {
                while i < chars.len() && is_word(chars[i]) {
                    i += 1;
                }
                let word = text(begin, i);
                let hashes = chars[i..].iter().take_while(|c| **c == '#').count();
                if matches!(word.as_str(), "r" | "br" | "cr") && at(i + hashes) == '"' {
                    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
                    let from = i + hashes + 1;
                    let length = chars[from..].windows(end.len()).position(|window| window == end);
                    let to = length.map_or(chars.len(), |length| from + length);
                    scan.strings.push((text(from, to), begin_line));
                    i = to + end.len();
                } else {
                    scan.tokens.push((word, begin_line));
                }
            }
            ':' if at(i + 1) == ':' => {
                scan.tokens.push(("::".to_owned(), line));
                i += 2;
            }
            c => {
                if !c.is_whitespace() {
                    scan.tokens.push((c.to_string(), line));
                }
                i += 1;
            }
        }
        line += chars[begin..i.min(chars.len())].iter().filter(|c| **c == '\n').count();
    }
}

/// The paths in a row of tokens, one pass for the imports and one for the rest.
struct Paths<'a> {
    tokens: &'a [(String, usize)],
    /// What a name means in this file, by its imports and its `mod` lines.
    names: HashMap<String, Vec<String>>,
    found: Vec<(Vec<String>, usize)>,
}

impl<'a> Paths<'a> {
    fn of(tokens: &'a [(String, usize)], module: &[String]) -> Vec<(Vec<String>, usize)> {
        let mut paths = Self { tokens, names: HashMap::new(), found: Vec::new() };
        paths.walk(module, true);
        paths.walk(module, false);
        paths.found
    }

    fn token(&self, i: usize) -> &'a str {
        self.tokens.get(i).map_or("", |(text, _)| text)
    }

    fn walk(&mut self, module: &[String], imports: bool) {
        let mut here = module.to_vec();
        let (mut depth, mut inline) = (0, Vec::new());
        let mut i = 0;
        while i < self.tokens.len() {
            match self.token(i) {
                "{" => depth += 1,
                "}" => {
                    depth -= 1;
                    if inline.last() == Some(&depth) {
                        inline.pop();
                        here.pop();
                    }
                }
                "mod" if is_name(self.token(i + 1)) => {
                    let name = self.token(i + 1).to_owned();
                    let child = joined(&here, &name);
                    if self.token(i + 2) == "{" {
                        inline.push(depth);
                        depth += 1;
                        here = child.clone();
                        i += 1;
                    }
                    self.names.entry(name).or_insert(child);
                    i += 1;
                }
                "use" if self.token(i + 1) != "<" => {
                    let mut end = i + 1;
                    self.use_tree(&mut end, &[], &here, imports);
                    i = end;
                }
                word if !imports && is_name(word) && !matches!(self.token(i.wrapping_sub(1)), "::" | ".") => {
                    let line = self.tokens[i].1;
                    let mut path = vec![word.to_owned()];
                    while self.token(i + 1) == "::" && is_name(self.token(i + 2)) {
                        path.push(self.token(i + 2).to_owned());
                        i += 2;
                    }
                    let path = self.resolved(path, &here);
                    self.found.push((path, line));
                }
                _ => {}
            }
            i += 1;
        }
    }

    /// One tree of a `use`, from `*i`, up to the `,`, `}` or `;` behind it.
    fn use_tree(&mut self, i: &mut usize, prefix: &[String], here: &[String], imports: bool) {
        let mut path = prefix.to_vec();
        let mut alias = None;
        loop {
            match self.token(*i) {
                "{" => {
                    *i += 1;
                    while !matches!(self.token(*i), "}" | "") {
                        self.use_tree(i, &path, here, imports);
                        *i += usize::from(self.token(*i) == ",");
                    }
                    *i += 1;
                    return;
                }
                "as" => {
                    alias = Some(self.token(*i + 1).to_owned());
                    *i += 1;
                }
                "," | "}" | ";" | "" => break,
                "::" => {}
                word => path.push(word.to_owned()),
            }
            *i += 1;
        }
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let line = self.tokens[(*i).min(self.tokens.len() - 1)].1;
        let path = absolute(path, here);
        if !imports {
            self.found.push((path, line));
        } else if let Some(name) = alias.or_else(|| path.last().cloned()) {
            self.names.insert(name, path);
        }
    }

    fn resolved(&self, path: Vec<String>, here: &[String]) -> Vec<String> {
        match self.names.get(&path[0]) {
            Some(meaning) => meaning.iter().chain(&path[1..]).cloned().collect(),
            None => absolute(path, here),
        }
    }
}

/// `super::x` in `crate::a::b` is `crate::a::x`.
fn absolute(path: Vec<String>, here: &[String]) -> Vec<String> {
    let mut base = here.to_vec();
    let mut rest = path.as_slice();
    match rest.first().map(String::as_str) {
        Some("self") => rest = &rest[1..],
        Some("super") => {
            while rest.first().is_some_and(|first| first == "super") {
                base.pop();
                rest = &rest[1..];
            }
        }
        _ => return path,
    }
    base.into_iter().chain(rest.iter().cloned()).collect()
}

fn joined(path: &[String], name: &str) -> Vec<String> {
    path.iter().cloned().chain([name.to_owned()]).collect()
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}
