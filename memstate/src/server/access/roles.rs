//! What roles allow, as bits.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::Act;
use crate::{cli::program::methods::Methods, near::near, server::settings::Role, service::Described};

/// What the methods of a model are called; a name's place is its number.
pub(super) struct Names {
    model: &'static str,
    commands: Vec<String>,
    queries: Vec<String>,
}

impl Names {
    pub(super) fn of(described: &Described) -> Self {
        let names = |methods: &Methods| methods.all().map(|method| method.command.name.clone()).collect();
        Names {
            model: described.model,
            commands: names(&described.commands),
            queries: names(&described.queries),
        }
    }
}

/// A set of small numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Bits(Box<[u64]>);

impl Bits {
    fn none(count: usize) -> Self {
        Bits(vec![0; count.div_ceil(64)].into())
    }

    fn add(&mut self, number: usize) {
        self.0[number / 64] |= 1 << (number % 64);
    }

    fn has(&self, number: u16) -> bool {
        self.0.get(usize::from(number) / 64).is_some_and(|word| word & (1 << (number % 64)) != 0)
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    fn add_all(&mut self, others: &Bits) {
        for (word, other) in self.0.iter_mut().zip(&others.0) {
            *word |= other;
        }
    }
}

/// All that somebody may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rights {
    commands: Bits,
    queries: Bits,
    /// Everything else: see [`bit`].
    others: Bits,
}

/// The number of an act that is no call of a method.
fn bit(act: Act) -> u16 {
    match act {
        Act::Command(number) | Act::Query(number) => number,
        Act::Events => 0,
        Act::History => 1,
        Act::Describe => 2,
        Act::Snapshot => 3,
        Act::Metrics => 4,
        Act::AsCaller => 5,
    }
}

impl Rights {
    fn none(names: &Names) -> Self {
        Rights {
            commands: Bits::none(names.commands.len()),
            queries: Bits::none(names.queries.len()),
            others: Bits::none(64),
        }
    }

    pub(super) fn all(names: &Names) -> Self {
        let mut rights = Rights::none(names);
        (0..names.commands.len()).for_each(|number| rights.commands.add(number));
        (0..names.queries.len()).for_each(|number| rights.queries.add(number));
        (0..64).for_each(|number| rights.others.add(number));
        rights
    }

    pub(super) fn has(&self, act: Act) -> bool {
        match act {
            Act::Command(number) => self.commands.has(number),
            Act::Query(number) => self.queries.has(number),
            other => self.others.has(bit(other)),
        }
    }

    pub(super) fn has_query(&self) -> bool {
        !self.queries.is_empty()
    }

    fn of(names: &Names, name: &str, role: &Role) -> Result<Self, String> {
        let mut rights = Rights::none(names);
        for (kind, patterns, of_model, bits) in [
            ("command", &role.commands, &names.commands, &mut rights.commands),
            ("query", &role.queries, &names.queries, &mut rights.queries),
        ] {
            for pattern in patterns {
                let met = of_model.iter().enumerate().filter(|(_, name)| fits(pattern, name));
                let met: Vec<_> = met.map(|(number, _)| number).collect();
                if met.is_empty() && pattern != "*" {
                    let key = if kind == "query" { "queries" } else { "commands" };
                    let what = match pattern.contains('*') {
                        true => format!("no {kind} of `{}` is like `{pattern}`", names.model),
                        false => format!("`{}` has no {kind} `{pattern}`", names.model),
                    };
                    return Err(format!("`roles.{name}.{key}`: {what}{}", did_you_mean(pattern, of_model)));
                }
                met.into_iter().for_each(|number| bits.add(number));
            }
        }
        for (is_allowed, act) in [
            (role.events, Act::Events),
            (role.history, Act::History),
            (role.describe, Act::Describe),
            (role.snapshot, Act::Snapshot),
            (role.metrics, Act::Metrics),
            (role.as_caller, Act::AsCaller),
        ] {
            if is_allowed {
                rights.others.add(usize::from(bit(act)));
            }
        }
        Ok(rights)
    }
}

/// `; did you mean …?`, if something is near.
fn did_you_mean<'a>(asked: &str, names: impl IntoIterator<Item = &'a String>) -> String {
    let names: Vec<_> = names.into_iter().map(String::as_str).collect();
    near(asked, &names).first().map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

/// Whether a name is as a pattern says, in which `*` stands for anything.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(start) else { return false };
    let mut parts: Vec<_> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        match name.find(part) {
            Some(at) => name = &name[at + part.len()..],
            None => return false,
        }
    }
    name.ends_with(end)
}

/// The roles of the settings.
pub(super) struct Roles {
    rights: HashMap<String, Arc<Rights>>,
    none: Arc<Rights>,
}

impl Roles {
    /// # Errors
    ///
    /// If one names what the model does not have.
    pub(super) fn of(names: &Names, roles: &BTreeMap<String, Role>) -> Result<Self, String> {
        let rights = roles
            .iter()
            .map(|(name, role)| Ok::<_, String>((name.clone(), Arc::new(Rights::of(names, name, role)?))));
        Ok(Roles { rights: rights.collect::<Result<_, _>>()?, none: Arc::new(Rights::none(names)) })
    }

    pub(super) fn get(&self, name: &str) -> Option<&Arc<Rights>> {
        self.rights.get(name)
    }

    /// What all of these together allow.
    ///
    /// # Errors
    ///
    /// If the settings do not have one of them.
    pub(super) fn together(&self, wanted: &[String]) -> Result<Arc<Rights>, String> {
        if let Some(unknown) = wanted.iter().find(|name| self.get(name).is_none()) {
            return Err(format!("there is no role `{unknown}`{}", did_you_mean(unknown, self.rights.keys())));
        }
        Ok(self.of_known(wanted.iter().map(String::as_str)))
    }

    /// What those of them together allow that the settings have: another server may have more.
    pub(super) fn of_known<'a>(&self, wanted: impl IntoIterator<Item = &'a str>) -> Arc<Rights> {
        let mut known = wanted.into_iter().filter_map(|name| self.get(name));
        let Some(first) = known.next() else { return Arc::clone(&self.none) };
        let mut all = Arc::clone(first);
        for other in known {
            let all = Arc::make_mut(&mut all);
            all.commands.add_all(&other.commands);
            all.queries.add_all(&other.queries);
            all.others.add_all(&other.others);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_stands_for_names() {
        let fitting = [
            ("open", "open"),
            ("*", "open"),
            ("*", ""),
            ("wire.*", "wire.send"),
            ("*.send", "wire.send"),
            ("w*e.*d", "wire.send"),
            ("**", "x"),
            ("a*a", "aa"),
        ];
        for (pattern, name) in fitting {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        let others = [
            ("open", "opened"),
            ("", "open"),
            ("wire.*", "wire"),
            ("wire.*", "rewire.send"),
            ("*.send", "wire.sender"),
            ("a*a", "a"),
            ("a*b*c", "acb"),
        ];
        for (pattern, name) in others {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn bits_are_those_that_were_added() {
        let mut bits = Bits::none(130);
        bits.add(0);
        bits.add(64);
        bits.add(129);
        let set: Vec<_> = (0..=u16::MAX).filter(|number| bits.has(*number)).collect();
        assert_eq!(set, [0, 64, 129]);
    }
}
