//! Finds the paths in a body that [`SOURCES`] name. The body is tokens and stays so.

use std::collections::HashSet;

use proc_macro2::{Delimiter, Ident, Spacing, TokenStream, TokenTree};

use super::table::{Named, SOURCES, Source};

/// A path in a body that names such a source.
pub struct Finding {
    /// Its segments, as the user wrote them.
    pub segments: Vec<Ident>,
    pub source: &'static Source,
}

impl Finding {
    /// `SystemTime::now`.
    pub fn text(&self) -> String {
        let names: Vec<String> = self.segments.iter().map(ToString::to_string).collect();
        names.join("::")
    }
}

/// All of them in `body`, in order.
pub fn findings(body: &TokenStream) -> Vec<Finding> {
    let mut own = HashSet::new();
    names_of_its_own(body.clone(), &mut own);
    let mut found = Vec::new();
    scan(body.clone(), &own, &mut found);
    found
}

/// Names that the body gives itself, in patterns and by `fn`: calling one of those calls nothing imported.
fn names_of_its_own(tokens: TokenStream, own: &mut HashSet<String>) {
    let mut gives = Gives::Nothing;
    for token in tokens {
        match token {
            TokenTree::Ident(word) if word == "let" || word == "for" => gives = Gives::Pattern,
            TokenTree::Ident(word) if word == "fn" => gives = Gives::Name,
            TokenTree::Ident(word) if word == "mut" || word == "ref" => {}
            TokenTree::Ident(word) if word == "in" => gives = Gives::Nothing,
            TokenTree::Ident(name) if gives != Gives::Nothing => {
                own.insert(name.to_string());
                if gives == Gives::Name {
                    gives = Gives::Nothing;
                }
            }
            TokenTree::Group(group) if gives == Gives::Pattern => names_in(group.stream(), own),
            TokenTree::Group(group) => names_of_its_own(group.stream(), own),
            // The parameters of a closure; of an "or" it takes too many, which only silences a warning.
            TokenTree::Punct(bar) if bar.as_char() == '|' => {
                gives = if gives == Gives::Nothing { Gives::Pattern } else { Gives::Nothing };
            }
            TokenTree::Punct(end) if "=:;".contains(end.as_char()) => gives = Gives::Nothing,
            _ => {}
        }
    }
}

/// What the next names are.
#[derive(PartialEq)]
enum Gives {
    Nothing,
    /// All of a pattern's, up to its end.
    Pattern,
    /// One.
    Name,
}

fn names_in(pattern: TokenStream, own: &mut HashSet<String>) {
    for token in pattern {
        match token {
            TokenTree::Ident(name) => drop(own.insert(name.to_string())),
            TokenTree::Group(group) => names_in(group.stream(), own),
            _ => {}
        }
    }
}

fn scan(tokens: TokenStream, own: &HashSet<String>, found: &mut Vec<Finding>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut next = 0;
    while let Some(token) = tokens.get(next) {
        match token {
            TokenTree::Group(group) => {
                scan(group.stream(), own, found);
                next += 1;
            }
            TokenTree::Ident(word) if word == "use" => next = after_semicolon(&tokens, next),
            TokenTree::Ident(_) => {
                let (path, after) = path(&tokens, next);
                if !is_a_member(&tokens, next) && !is_a_macro(&tokens, after) {
                    let finding = source(&path, &tokens[after..], own);
                    found.extend(finding.map(|source| Finding { segments: path, source }));
                }
                next = after;
            }
            _ => next += 1,
        }
    }
}

fn after_semicolon(tokens: &[TokenTree], from: usize) -> usize {
    (from..tokens.len()).find(|at| is(tokens.get(*at), ';')).map_or(tokens.len(), |at| at + 1)
}

fn is(token: Option<&TokenTree>, sign: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

/// The segments of the path that begins at `from`, without parameters, and where it ends.
fn path(tokens: &[TokenTree], from: usize) -> (Vec<Ident>, usize) {
    let mut segments = Vec::new();
    let mut at = from;
    while let Some(TokenTree::Ident(segment)) = tokens.get(at) {
        segments.push(segment.clone());
        at += 1;
        if !(is(tokens.get(at), ':') && is(tokens.get(at + 1), ':')) {
            break;
        }
        match tokens.get(at + 2) {
            Some(TokenTree::Ident(_)) => at += 2,
            Some(TokenTree::Punct(open)) if open.as_char() == '<' => {
                at = after_angles(tokens, at + 2);
                let goes_on = is(tokens.get(at), ':') && is(tokens.get(at + 1), ':');
                if !goes_on || !matches!(tokens.get(at + 2), Some(TokenTree::Ident(_))) {
                    break;
                }
                at += 2;
            }
            _ => break,
        }
    }
    (segments, at)
}

/// Behind the `>` that closes the `<` at `from`.
fn after_angles(tokens: &[TokenTree], from: usize) -> usize {
    let mut depth = 0usize;
    for at in from..tokens.len() {
        let is_arrow = at > 0
            && matches!(&tokens[at - 1], TokenTree::Punct(dash) if dash.as_char() == '-' && dash.spacing() == Spacing::Joint);
        if is(tokens.get(at), '<') {
            depth += 1;
        } else if is(tokens.get(at), '>') && !is_arrow {
            depth -= 1;
            if depth == 0 {
                return at + 1;
            }
        }
    }
    tokens.len()
}

/// Whether what begins at `at` is a field, a method, a function's own name, a name in `struct { name: value }`, or behind
/// a type, as in `<T as Draw>::random`.
fn is_a_member(tokens: &[TokenTree], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).and_then(|at| tokens.get(at));
    let is_range = is(before(1), '.') && is(before(2), '.');
    let is_named = is(tokens.get(at + 1), ':') && !is(tokens.get(at + 2), ':');
    let is_function = matches!(before(1), Some(TokenTree::Ident(word)) if word == "fn");
    let is_of_a_type = is(before(1), ':') && is(before(2), ':') && is(before(3), '>');
    is(before(1), '.') && !is_range || is_named || is_function || is_of_a_type || is(before(1), '\'')
}

fn is_a_macro(tokens: &[TokenTree], after: usize) -> bool {
    is(tokens.get(after), '!') && matches!(tokens.get(after + 1), Some(TokenTree::Group(_)))
}

/// Functions that are meant only when they are called with nothing.
const TAKE_NOTHING: &[&str] = &["now", "now_utc", "now_local", "today", "new_v4", "now_v7"];

fn source(path: &[Ident], after: &[TokenTree], own: &HashSet<String>) -> Option<&'static Source> {
    let names: Vec<String> = path.iter().map(ToString::to_string).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    if ["crate", "self", "super", "Self", "memstate"].contains(names.first()?) {
        return None;
    }
    let takes_nothing = matches!(
        after.first(),
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis && group.stream().is_empty()
    );
    // A clock is not told the time.
    let is_told = !takes_nothing
        && matches!(after.first(), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis)
        && names.last().is_some_and(|last| TAKE_NOTHING.contains(last));
    if is_told {
        return None;
    }
    let is_meant = |named: &Named| match named {
        Named::Ends(end) => ends(&names, end).is_some(),
        Named::InStd(end) => {
            ends(&names, end).is_some_and(|front| matches!(front, [] | ["std" | "tokio" | "async_std", ..]))
        }
        Named::OfCrate(name, harmless) => {
            let last = names.last().copied().unwrap_or_default();
            names.len() > 1 && names[0] == *name && is_function(last) && !harmless.contains(&last)
        }
        Named::Called(name) => names == [*name] && takes_nothing && !own.contains(*name),
        Named::Value(name) => names == [*name] && !own.contains(*name) && !is_a_pattern(after),
    };
    SOURCES.iter().find(|source| source.paths.iter().any(is_meant))
}

/// A type of the user's own may be built or taken apart under that name.
fn is_a_pattern(after: &[TokenTree]) -> bool {
    matches!(after.first(), Some(TokenTree::Group(_))) || is(after.first(), '=') && is(after.get(1), '>')
}

/// What stands in front, if `names` ends with `end`.
fn ends<'a, 'n>(names: &'a [&'n str], end: &[&str]) -> Option<&'a [&'n str]> {
    let front = names.len().checked_sub(end.len())?;
    let is_there = names[front..].iter().zip(end).enumerate().all(|(number, (name, end))| match *end {
        "*" => number + 1 < end.len() || is_function(name),
        end => *name == end,
    });
    is_there.then(|| &names[..front])
}

/// By how it is written: a type, a constant and a variant begin with a capital letter.
fn is_function(name: &str) -> bool {
    name.starts_with(|letter: char| !letter.is_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(body: &str) -> Vec<String> {
        let body: TokenStream = body.parse().unwrap_or_else(|error| panic!("{body}: {error}"));
        findings(&body).iter().map(Finding::text).collect()
    }

    #[test]
    fn every_line_of_the_table_is_found_in_each_way_to_write_it() {
        for named in SOURCES.iter().flat_map(|source| source.paths) {
            let with = |path: &[&str]| path.join("::").replace('*', "some");
            let written = match named {
                Named::Ends(path) => vec![with(path), format!("outer::{}", with(path))],
                Named::InStd(path) => vec![with(path), format!("std::{}", with(path))],
                Named::OfCrate(name, _) => vec![format!("{name}::some"), format!("{name}::Some::thing")],
                Named::Called(name) | Named::Value(name) => vec![(*name).to_owned()],
            };
            for path in written {
                if !matches!(named, Named::Value(_)) {
                    assert_eq!(texts(&format!("let x = {path}();")), std::slice::from_ref(&path), "called");
                    assert_eq!(
                        texts(&format!("f(1, [|| {{ g!({path}()) }}])")),
                        std::slice::from_ref(&path),
                        "deep inside"
                    );
                }
                if !matches!(named, Named::Called(_)) {
                    assert_eq!(
                        texts(&format!("x.map_or_else({path}, y)")),
                        std::slice::from_ref(&path),
                        "as a value"
                    );
                }
                assert_eq!(texts(&format!("let {{ x, .. }} = s; x.{path}()")), [""; 0], "of a value");
            }
        }
    }

    #[test]
    fn parameters_and_ranges_do_not_hide_a_path() {
        assert_eq!(texts("rand::random::<u8>()"), ["rand::random"]);
        assert_eq!(texts("0..rand::random()"), ["rand::random"]);
        assert_eq!(texts("DateTime::<Utc>::from(SystemTime::now())"), ["SystemTime::now"]);
        assert_eq!(
            texts("a::<fn(u8) -> Vec<u8>>::b(std::time::Instant::now())"),
            ["std::time::Instant::now"]
        );
        assert_eq!(texts("::std::env::var(x)"), ["std::env::var"]);
        assert_eq!(texts("let x = a | b; let y = random();"), ["random"]);
        assert_eq!(texts("for x in 0..3 { rng(); }"), ["rng"]);
        assert_eq!(texts("if a < b { File::open(c) } else { Utc::now() }"), ["File::open", "Utc::now"]);
    }

    #[test]
    fn names_of_the_users_own_are_left_alone() {
        for body in [
            "self.random(); self.env.var(\"x\"); self.random; x.fs.read()",
            "match self.kind { Kind::Local => 1, Kind::Instant => 2, Zone::Utc => 3 }",
            "let f = File { name }; File::new(f); let File { name } = f;",
            "\"SystemTime::now()\"; /* rand::random() */ 'r'; r#\"Utc::now()\"#",
            "let random = |x| x; random(); let mut rng = 3; rng()",
            "fn random() -> u8 { 4 } random()",
            "random(3); rng(self.seed); Draw { random: 3, rng: 4 }",
            "crate::clock::SystemTime::now(); self::fs::read(); super::env::var(); Self::random()",
            "my::env::var(x); my::thread::spawn(x); my::File::open(x)",
            "SystemTime::UNIX_EPOCH; std::time::Duration::from_secs(3); Utc.timestamp(3)",
            "use std::time::SystemTime; use rand::random;",
            "<Dice as Draw>::random(); env!(\"HOME\"); random!(); 'random: loop { break 'random; }",
            "fastrand::Rng::with_seed(3); rand::rngs::StdRng::seed_from_u64(3); Uuid::from_u128(3); Uuid::nil()",
            "Command::new(x); thread; fs; std::fs::Metadata; std::io::Error::other(x); Rng::new(3)",
            "ctx.now(); ctx.rng().below(3); memstate::Timestamp::default()",
            "Instant::now(self.clock); Timestamp::now(3)",
            "if let Some(random) = self.dice { random() } for rng in self.all { rng() }",
            "self.all.iter().map(|random| random()); match x { Some(y) if let Some(rng) = y => rng(), _ => 0 }",
        ] {
            assert_eq!(texts(body), [""; 0], "{body}");
        }
    }
}
