//! Filters from text, by recursive descent. The length and the depth are bounded, and every character is read a fixed number of times.

use super::{
    Comparison, Condition, DEPTH_MAX, Field, Filter, FilterError, Literal, Node, STEPS_MAX, Step,
    TEXT_BYTES_MAX,
};

type Result<T> = std::result::Result<T, FilterError>;

/// Words that are names only in quotes.
const RESERVED: [&str; 10] = ["and", "or", "not", "where", "in", "is", "none", "some", "true", "false"];

pub(super) fn filter(text: &str) -> Result<Filter> {
    let mut parser = Parser::new(text)?;
    let mut filter = Filter::default();
    parser.skip_space();
    if !parser.is_at_end() && !parser.is_at_word("where") {
        filter.names.push(parser.event()?);
        while parser.take("|") {
            filter.names.push(parser.event()?);
        }
    }
    if parser.take_word("where") {
        filter.condition = Some(Condition(parser.any()?));
    } else if !parser.is_at_end() {
        return Err(parser.wanted("`|` and another event, or `where` and a condition"));
    }
    parser.end()?;
    Ok(filter)
}

pub(super) fn condition(text: &str) -> Result<Condition> {
    let mut parser = Parser::new(text)?;
    let node = parser.any()?;
    parser.end()?;
    Ok(Condition(node))
}

pub(super) fn path(text: &str) -> Result<Field> {
    let mut parser = Parser::new(text)?;
    let field = parser.path()?;
    match parser.at == text.len() {
        true => Ok(field),
        false => Err(parser.wanted("the end of the path")),
    }
}

pub(super) fn too_long(text: &str) -> FilterError {
    let what = format!("it is {} bytes long, and may be {TEXT_BYTES_MAX}", text.len());
    FilterError { column: Some(1), what }
}

pub(super) fn is_reserved(word: &str) -> bool {
    RESERVED.contains(&word)
}

/// Whether it is a name without quotes.
pub(super) fn is_word(text: &str) -> bool {
    !text.is_empty() && word_length(text) == text.len()
}

fn word_length(text: &str) -> usize {
    let is_first = |first: char| first.is_alphabetic() || first == '_';
    if !text.starts_with(is_first) {
        return 0;
    }
    text.find(|next: char| !next.is_alphanumeric() && next != '_').unwrap_or(text.len())
}

struct Parser<'a> {
    text: &'a str,
    /// What is before this byte has been read.
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self> {
        match text.len() > TEXT_BYTES_MAX {
            true => Err(too_long(text)),
            false => Ok(Parser { text, at: 0, depth: 0 }),
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn is_at_end(&self) -> bool {
        self.rest().is_empty()
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn word(&self) -> &'a str {
        &self.rest()[..word_length(self.rest())]
    }

    fn is_at_word(&self, word: &str) -> bool {
        self.word() == word
    }

    /// Takes a sign, and the space before it and behind it.
    fn take(&mut self, sign: &str) -> bool {
        self.skip_space();
        let is_there = self.rest().starts_with(sign);
        if is_there {
            self.at += sign.len();
            self.skip_space();
        }
        is_there
    }

    fn take_word(&mut self, word: &str) -> bool {
        self.skip_space();
        self.is_at_word(word) && self.take(word)
    }

    fn error_at(&self, at: usize, what: impl Into<String>) -> FilterError {
        FilterError { column: Some(self.text[..at].chars().count() + 1), what: what.into() }
    }

    /// Says what is wanted here, and what there is.
    fn wanted(&self, wanted: &str) -> FilterError {
        let there = match (self.word(), self.rest().chars().next()) {
            (_, None) => "the end".to_owned(),
            ("", Some(next)) => format!("`{next}`"),
            (word, _) => format!("`{}`", word.chars().take(40).collect::<String>()),
        };
        self.error_at(self.at, format!("{wanted} is wanted, and there is {there}"))
    }

    fn end(&mut self) -> Result<()> {
        self.skip_space();
        match self.is_at_end() {
            true => Ok(()),
            false => Err(self.wanted("`and`, `or` or the end")),
        }
    }

    fn event(&mut self) -> Result<String> {
        self.skip_space();
        let name = self.name("the name of an event")?;
        self.skip_space();
        Ok(name)
    }

    /// A word or a text in quotes.
    fn name(&mut self, wanted: &str) -> Result<String> {
        if self.rest().starts_with(['"', '\'']) {
            return self.quoted();
        }
        match self.word() {
            "" => Err(self.wanted(wanted)),
            word if is_reserved(word) => {
                let why =
                    format!("{wanted} is wanted, and `{word}` is none; if it is meant, write `\"{word}\"`");
                Err(self.error_at(self.at, why))
            }
            word => {
                self.at += word.len();
                Ok(word.to_owned())
            }
        }
    }

    fn any(&mut self) -> Result<Node> {
        let first = self.all()?;
        let mut nodes = vec![first];
        while self.take_word("or") {
            nodes.push(self.all()?);
        }
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { Node::any(nodes) })
    }

    fn all(&mut self) -> Result<Node> {
        let first = self.one()?;
        let mut nodes = vec![first];
        while self.take_word("and") {
            nodes.push(self.one()?);
        }
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { Node::all(nodes) })
    }

    fn one(&mut self) -> Result<Node> {
        self.skip_space();
        let before = self.at;
        let (is_not, is_open) = match self.take_word("not") {
            true => (true, false),
            false => (false, self.take("(")),
        };
        if !is_not && !is_open {
            return self.comparison();
        }
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error_at(before, format!("conditions are deeper than {DEPTH_MAX} levels")));
        }
        let node = match is_not {
            true => Node::not(self.one()?),
            false => self.any()?,
        };
        if is_open && !self.take(")") {
            return Err(self.wanted("`and`, `or` or `)`"));
        }
        self.depth -= 1;
        Ok(node)
    }

    fn comparison(&mut self) -> Result<Node> {
        let field = self.path()?;
        if self.take_word("is") {
            return match self.take_word("none") {
                true => Ok(Node::None(field)),
                false if self.take_word("some") => Ok(Node::Some(field)),
                false => Err(self.wanted("`none` or `some`")),
            };
        }
        if self.take_word("in") {
            return Ok(Node::In(field, self.list()?));
        }
        let comparison = self.sign()?;
        let at = self.at;
        let literal = self.literal()?;
        let is_of_texts = matches!(comparison, Comparison::Contains | Comparison::StartsWith);
        if is_of_texts && literal.as_text().is_none() {
            return Err(self.error_at(at, "a text is wanted, such as `\"x\"`"));
        }
        Ok(Node::Is(field, comparison, literal))
    }

    fn sign(&mut self) -> Result<Comparison> {
        self.skip_space();
        if self.take_word("starts") {
            return match self.take_word("with") {
                true => Ok(Comparison::StartsWith),
                false => Err(self.wanted("`with`")),
            };
        }
        if self.take_word("contains") {
            return Ok(Comparison::Contains);
        }
        // Those with letters have been looked for as words.
        for (comparison, sign) in
            Comparison::ALL.into_iter().filter(|(_, sign)| !sign.starts_with(char::is_alphabetic))
        {
            if self.take(sign) {
                return Ok(comparison);
            }
        }
        Err(self.wanted("`==`, `!=`, `<`, `<=`, `>`, `>=`, `in`, `contains`, `starts with` or `is`"))
    }

    fn list(&mut self) -> Result<Vec<Literal>> {
        let mut literals = Vec::new();
        if !self.take("[") {
            return Err(self.wanted("`[`"));
        }
        while !self.take("]") {
            if !literals.is_empty() && !self.take(",") {
                return Err(self.wanted("`,` or `]`"));
            }
            literals.push(self.literal()?);
        }
        Ok(literals)
    }

    fn path(&mut self) -> Result<Field> {
        let mut steps = vec![self.step("a field")?];
        loop {
            let before = self.at;
            if self.rest().starts_with('.') {
                self.at += 1;
                steps.push(self.step("a field or a place")?);
            } else if self.rest().starts_with('[') {
                self.at += 1;
                self.skip_space();
                steps.push(Step::Key(self.literal()?));
                self.skip_space();
                if !self.rest().starts_with(']') {
                    return Err(self.wanted("`]`"));
                }
                self.at += 1;
            } else {
                return Ok(Field(steps));
            }
            if steps.len() > STEPS_MAX {
                return Err(self.error_at(before, format!("a path has at most {STEPS_MAX} steps")));
            }
        }
    }

    fn step(&mut self, wanted: &str) -> Result<Step> {
        let digits = self.digits(self.at);
        if digits == 0 {
            return Ok(Step::Field(self.name(wanted)?));
        }
        let Ok(place) = self.rest()[..digits].parse() else {
            return Err(self.error_at(self.at, "there is no such place"));
        };
        self.at += digits;
        Ok(Step::Place(place))
    }

    /// How many digits there are from a byte on.
    fn digits(&self, from: usize) -> usize {
        self.text[from..].bytes().take_while(u8::is_ascii_digit).count()
    }

    fn literal(&mut self) -> Result<Literal> {
        const WANTED: &str = "a number, a text in quotes, `true` or `false`";
        self.skip_space();
        let rest = self.rest();
        if rest.starts_with(['"', '\'']) {
            return self.quoted().map(Literal::text);
        }
        if rest.starts_with("-Infinity") {
            self.at += 1;
        }
        let literal = match self.word() {
            "" => {
                return if rest.starts_with(['-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']) {
                    self.number()
                } else {
                    Err(self.wanted(WANTED))
                };
            }
            "true" => Literal::from(true),
            "false" => Literal::from(false),
            "NaN" => Literal::from(f64::NAN),
            "Infinity" if rest.starts_with('-') => Literal::from(f64::NEG_INFINITY),
            "Infinity" => Literal::from(f64::INFINITY),
            "none" | "some" => {
                return Err(self.error_at(
                    self.at,
                    format!("{WANTED} is wanted; for options there are `is none` and `is some`"),
                ));
            }
            word if is_reserved(word) => return Err(self.wanted(WANTED)),
            word => Literal::text(word.to_owned()),
        };
        self.at += self.word().len();
        Ok(literal)
    }

    fn number(&mut self) -> Result<Literal> {
        let start = self.at;
        let mut at = start + usize::from(self.rest().starts_with('-'));
        let whole = self.digits(at);
        at += whole;
        let mut is_float = false;
        let mut is_right = whole > 0;
        if self.text[at..].starts_with('.') {
            let digits = self.digits(at + 1);
            (is_float, is_right) = (true, is_right && digits > 0);
            at += 1 + digits;
        }
        if self.text[at..].starts_with(['e', 'E']) {
            at += 1;
            at += usize::from(self.text[at..].starts_with(['+', '-']));
            let digits = self.digits(at);
            (is_float, is_right) = (true, is_right && digits > 0);
            at += digits;
        }
        is_right &= word_length(&self.text[at..]) == 0;
        if !is_right {
            return Err(self.error_at(start, "this is no number; write it like `-12`, `0.5` or `1e9`"));
        }
        let text = &self.text[start..at];
        let too_large = || {
            self.error_at(
                start,
                "the number is too large; an integer has 128 bits, beyond them write it like `1e40`",
            )
        };
        let literal = match is_float {
            true => text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Literal::from),
            false if text.starts_with('-') => text.parse::<i128>().ok().map(Literal::from),
            false => text.parse::<u128>().ok().map(Literal::from),
        };
        let literal = literal.ok_or_else(too_large)?;
        self.at = at;
        Ok(literal)
    }

    /// A text in quotes of either kind.
    fn quoted(&mut self) -> Result<String> {
        let start = self.at;
        let mut text = String::new();
        let mut rest = self.rest().char_indices();
        let quote = rest.next().map_or('"', |(_, quote)| quote);
        while let Some((at, next)) = rest.next() {
            match next {
                next if next == quote => {
                    self.at = start + at + 1;
                    return Ok(text);
                }
                '\\' => match escaped(&mut rest) {
                    Some(meant) => text.push(meant),
                    None => {
                        const WANTED: &str = "after `\\` comes a quote, `\\`, `n`, `r`, `t`, `0` or `u{…}` with a character in hexadecimal";
                        return Err(self.error_at(start + at, WANTED));
                    }
                },
                next => text.push(next),
            }
        }
        Err(self.error_at(start, format!("the text that begins here has no `{quote}` at its end")))
    }
}

fn escaped(rest: &mut std::str::CharIndices<'_>) -> Option<char> {
    Some(match rest.next()?.1 {
        same @ ('"' | '\'' | '\\') => same,
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        '0' => '\0',
        'u' => {
            let (digits, _) = rest.as_str().strip_prefix('{')?.split_once('}')?;
            if !(1..=6).contains(&digits.len()) || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return None;
            }
            let meant = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
            rest.nth(digits.len() + 1)?;
            meant
        }
        _ => return None,
    })
}
