//! What today's code makes of what another version of it wrote: for each command of a writer the method that runs its
//! records, and how its arguments get there; and the same for the state.

use std::{
    any::TypeId,
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use parking_lot::Mutex;
use twox_hash::XxHash3_64;

use super::{
    preamble::{Command, Preamble},
    record::{Compared, Record},
};
use crate::{
    Model,
    codec::{self, Unreadable, put_varint, whole},
    model::{Operation, ShapeOf},
    schema::{
        Content, Field, Kind, Named, Schema, Shape, Tracer, Written,
        compare::{self, Class, Difference},
        names::readers,
    },
};

/// What today's code says of itself.
#[derive(Debug)]
pub(crate) struct Today {
    pub(crate) preamble: Preamble,
    /// The same as it stands in front of what is written.
    pub(crate) bytes: Arc<[u8]>,
    /// For each command the types that its upcasts read, that of version 1 first.
    upcasts: Vec<Vec<Traced>>,
    /// The types that migrations of the state read.
    migrations: Vec<Traced>,
}

/// A type with the named types that it speaks of.
#[derive(Debug, Clone)]
struct Traced {
    schema: Schema,
    shape: Shape,
}

impl Traced {
    fn of(trace: ShapeOf) -> Self {
        let mut tracer = Tracer::default();
        let shape = trace(&mut tracer);
        Traced { schema: tracer.into_schema(), shape }
    }
}

/// A digest of everything that decides what today's code makes of what others wrote. It is of bytes that stay the same in later
/// versions of memstate and of Rust, because it stands in files of users; see [`schema_lock!`](crate::testing::schema_lock).
fn carries(preamble: &Preamble, upcasts: &[Vec<Traced>], migrations: &[Traced]) -> u64 {
    let mut bytes = preamble.code();
    let mut put_traced = |list: &[Traced]| {
        put_varint(list.len() as u64, &mut bytes);
        for Traced { schema, shape } in list {
            codec::put(&(schema, shape), &mut bytes).expect("names and numbers can be written");
            put_defaults(schema.fields(), &mut bytes);
        }
    };
    upcasts.iter().for_each(|of_command| put_traced(of_command));
    put_traced(migrations);
    // They are not written with the types.
    put_defaults(preamble.schema.fields(), &mut bytes);
    put_defaults(preamble.commands.iter().flat_map(|command| &command.arguments), &mut bytes);
    XxHash3_64::oneshot(&bytes)
}

fn put_defaults<'a>(fields: impl Iterator<Item = &'a Field>, bytes: &mut Vec<u8>) {
    bytes.extend(fields.map(|field| match field.default {
        None => 0,
        Some(false) => 1,
        Some(true) => 2,
    }));
}

/// What was found out, by the model: it is the same for as long as the process runs, and tracing a large model takes long.
static KNOWN: LazyLock<Mutex<HashMap<TypeId, Arc<Today>>>> = LazyLock::new(Mutex::default);
/// The same of the queries, which stand in no journal.
#[cfg(feature = "remote")]
static KNOWN_QUERIES: LazyLock<Mutex<HashMap<TypeId, Arc<Today>>>> = LazyLock::new(Mutex::default);

impl Today {
    pub(crate) fn of<M: Model>() -> Arc<Self> {
        let model = TypeId::of::<M>();
        let known = KNOWN.lock().get(&model).cloned();
        // The lock is not held meanwhile, because the user's `Deserialize` runs.
        let today = known.unwrap_or_else(|| Arc::new(Self::trace::<M>()));
        KNOWN.lock().entry(model).or_insert(today).clone()
    }

    /// What the code says of its queries, as if they were commands.
    #[cfg(feature = "remote")]
    pub(crate) fn of_queries<M: Model>() -> Arc<Self> {
        let model = TypeId::of::<M>();
        let known = KNOWN_QUERIES.lock().get(&model).cloned();
        let today = known.unwrap_or_else(|| {
            let preamble = Preamble::of_queries::<M>();
            let upcasts = vec![Vec::new(); preamble.commands.len()];
            let bytes = preamble.encode().into();
            Arc::new(Today { preamble, bytes, upcasts, migrations: Vec::new() })
        });
        KNOWN_QUERIES.lock().entry(model).or_insert(today).clone()
    }

    fn trace<M: Model>() -> Self {
        let traced = |shapes: &[ShapeOf]| shapes.iter().copied().map(Traced::of).collect::<Vec<_>>();
        let upcasts =
            M::Command::list().iter().map(|listed| traced(listed.method.upcasts)).collect::<Vec<_>>();
        let migrations = traced(M::MIGRATIONS);
        let mut preamble = Preamble::of::<M>();
        preamble.carries = carries(&preamble, &upcasts, &migrations);
        let bytes = preamble.encode().into();
        Today { preamble, bytes, upcasts, migrations }
    }

    /// What the command that takes the records of `written` is called.
    #[cfg_attr(
        not(feature = "cli"),
        allow(dead_code, reason = "the command line alone looks for records by name")
    )]
    pub(crate) fn name_of(&self, written: &Command) -> Option<&str> {
        self.heir(written).map(|number| self.preamble.commands[number].name.as_str())
    }

    /// The command that takes the records of `written`, by the writer's name for it: first one that says so, then one of
    /// that name, then one that had it.
    fn heir(&self, written: &Command) -> Option<usize> {
        let commands = &self.preamble.commands;
        let bears =
            |command: &Command, name: &str| command.name == name || command.was.iter().any(|was| was == name);
        let replays = |command: &Command| {
            command.replays.as_ref().is_some_and(|(name, version)| {
                let same_name = *name == written.name
                    || commands.iter().any(|other| other.name == *name && bears(other, &written.name));
                same_name && *version == written.version
            })
        };
        // What only replays another command's records has none of its own.
        let named = |command: &Command| command.replays.is_none() && command.name == written.name;
        let renamed = |command: &Command| command.replays.is_none() && bears(command, &written.name);
        let retired = |command: &Command| written.replays.is_some() && command.name == written.name;
        commands
            .iter()
            .position(replays)
            .or_else(|| commands.iter().position(named))
            .or_else(|| commands.iter().position(renamed))
            .or_else(|| commands.iter().position(retired))
    }
}

/// How today's code runs the records of one command of a writer.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) way: Way,
    /// What is different; with nothing that stands in the way if there is a way.
    pub(crate) differences: Vec<Difference>,
    /// Whether replies are read as they were written.
    pub(crate) same_reply: bool,
    /// Whether events have the same bytes as then.
    pub(crate) same_events: bool,
    /// Whether a digest of the changes can be compared.
    pub(crate) same_state: bool,
}

/// From a writer's command to today's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// The bytes are read as they are, by the method of this number.
    Same(u16),
    /// The arguments are read by the writer's types, for the method of this number; `version` is the writer's.
    Carried { method: u16, version: u32 },
    /// There is no way.
    None,
}

impl Route {
    /// What stands in the way, whatever the values are.
    pub(crate) fn obstacles(&self) -> impl Iterator<Item = &Difference> {
        self.differences.iter().filter(|difference| difference.class >= Class::NeedsDefault)
    }

    /// What of an outcome can be compared.
    pub(crate) fn compared(&self) -> Compared {
        Compared { reply: self.same_reply && self.same_events, changes: self.same_state }
    }
}

/// What today's code makes of one writer.
#[derive(Debug)]
pub(crate) struct Routes {
    /// By the writer's numbers.
    pub(crate) commands: Vec<Route>,
    pub(crate) state: StateRoute,
}

/// How today's code reads the state of a writer.
#[derive(Debug)]
pub(crate) struct StateRoute {
    /// The bytes can be read as they are.
    pub(crate) same: bool,
    pub(crate) differences: Vec<Difference>,
}

impl StateRoute {
    /// What stands in the way, whatever the values are.
    pub(crate) fn obstacles(&self) -> impl Iterator<Item = &Difference> {
        self.differences.iter().filter(|difference| difference.class >= Class::NeedsDefault)
    }
}

impl Routes {
    pub(crate) fn new(written: &Preamble, today: &Today) -> Self {
        let now = &today.preamble;
        let same_events = compare::same(written.schema.of(&written.events), now.schema.of(&now.events));
        let state = state_route(written, today);
        let commands = written
            .commands
            .iter()
            .map(|command| route(written, command, today, same_events, state.same))
            .collect();
        Routes { commands, state }
    }

    /// Whether records or the state of this writer have to be looked at before anything is replayed.
    pub(crate) fn need_a_check(&self) -> bool {
        !self.state.same || self.commands.iter().any(|route| !matches!(route.way, Way::Same(_)))
    }

    pub(crate) fn command(&self, method: u16) -> Option<&Route> {
        self.commands.get(usize::from(method))
    }
}

fn route(written: &Preamble, command: &Command, today: &Today, same_events: bool, same_state: bool) -> Route {
    let none = |difference| Route {
        way: Way::None,
        differences: vec![difference],
        same_reply: false,
        same_events: false,
        same_state: false,
    };
    let Some(number) = today.heir(command) else { return none(removed(written, command, today)) };
    let (now, method) = (&today.preamble.commands[number], u16::try_from(number).expect("there are fewer"));
    let replays_it = now.replays.is_some() && command.replays.is_none();
    let version = command.version;
    let (differences, same_arguments) = if replays_it || now.version == version {
        (arguments(written, command, today, now), takes_the_same(written, command, today, now))
    } else if let Some(old) = upcast(today, number, version) {
        (of_upcast(written, command, old), false)
    } else {
        return none(other_version(written, command, today, now));
    };
    let way = match differences.iter().any(|difference| difference.class >= Class::NeedsDefault) {
        true => Way::None,
        false if same_arguments => Way::Same(method),
        false => Way::Carried { method, version },
    };
    Route {
        way,
        differences,
        same_reply: replies_the_same(written, command, today, now),
        same_events,
        same_state,
    }
}

fn upcast(today: &Today, number: usize, version: u32) -> Option<&Traced> {
    let index = usize::try_from(version).ok()?.checked_sub(1)?;
    today.upcasts.get(number)?.get(index)
}

/// Whether the arguments are read rightly by today's method without a look at the writer's types.
fn takes_the_same(written: &Preamble, command: &Command, today: &Today, now: &Command) -> bool {
    command.arguments.len() == now.arguments.len()
        && readers(&command.arguments, &now.arguments).into_iter().eq((0..now.arguments.len()).map(Some))
        && command.arguments.iter().zip(&now.arguments).all(|(was, is)| {
            compare::same(written.schema.of(&was.shape), today.preamble.schema.of(&is.shape))
        })
}

fn replies_the_same(written: &Preamble, command: &Command, today: &Today, now: &Command) -> bool {
    let same = |was, is| compare::same(written.schema.of(was), today.preamble.schema.of(is));
    same(&command.accepted, &now.accepted)
        && match (&command.rejected, &now.rejected) {
            (Some(was), Some(is)) => same(was, is),
            (None, None) => true,
            _ => false,
        }
}

/// The differences between the arguments, each under the name of its argument.
fn arguments(written: &Preamble, command: &Command, today: &Today, now: &Command) -> Vec<Difference> {
    let schema = &today.preamble.schema;
    let readers = readers(&command.arguments, &now.arguments);
    let mut differences = Vec::new();
    for (place, is) in now.arguments.iter().enumerate() {
        let mut sources =
            command.arguments.iter().zip(&readers).filter(|(_, reader)| **reader == Some(place));
        let exact = command.arguments.iter().find(|was| was.name == is.name);
        let Some(was) = exact.or_else(|| sources.next().map(|(was, _)| was)) else {
            differences.push(added(is, schema));
            continue;
        };
        let of_argument = compare::differences(written.schema.of(&was.shape), schema.of(&is.shape));
        differences.extend(of_argument.into_iter().map(|difference| within(&is.name, difference)));
    }
    for (was, reader) in command.arguments.iter().zip(readers) {
        // Of two that are one today by an alias, the one of the very name is it.
        let is_another = |number: usize| {
            now.arguments[number].name != was.name
                && command.arguments.iter().any(|other| other.name == now.arguments[number].name)
        };
        if reader.is_none_or(is_another) {
            differences.push(Difference {
                class: Class::Compatible,
                path: was.name.clone(),
                was: written.schema.of(&was.shape).to_string(),
                now: String::new(),
                what: "the argument is not there any more".to_owned(),
                remedy: String::new(),
            });
        }
    }
    differences
}

fn added(argument: &crate::schema::Field, schema: &Schema) -> Difference {
    let has_default = argument.default == Some(true);
    let (class, what, remedy) = match has_default {
        true => (Class::Compatible, "the argument is new and has a default", String::new()),
        false => (
            Class::NeedsDefault,
            "the argument is new, and what was written has no value for it",
            format!(
                "give it one: `#[memstate(default = …)] {name}`, or say what it was called: `#[memstate(was = \"…\")] {name}`",
                name = argument.name
            ),
        ),
    };
    Difference {
        class,
        path: argument.name.clone(),
        was: String::new(),
        now: schema.of(&argument.shape).to_string(),
        what: what.to_owned(),
        remedy,
    }
}

/// A difference in the type of an argument, placed under the argument.
fn within(argument: &str, difference: Difference) -> Difference {
    let path = match difference.path.as_str() {
        "" => argument.to_owned(),
        inner if inner.starts_with('[') => format!("{argument}{inner}"),
        inner => format!("{argument}: {inner}"),
    };
    Difference { path, ..difference }
}

/// What the old type of an upcast makes of the arguments as they were written.
fn of_upcast(written: &Preamble, command: &Command, old: &Traced) -> Vec<Difference> {
    let mut schema = written.schema.clone();
    let number = u32::try_from(schema.types.len()).expect("there are fewer types");
    schema.types.push(Named {
        name: command.name.clone(),
        kind: Kind::Struct(Content::Fields(command.arguments.clone())),
    });
    compare::differences(schema.of(&Shape::Named(number)), old.schema.of(&old.shape))
}

/// The fields, then and now, of a model inside that has another name today, if one has a command of this name.
fn moved<'a>(command: &'a Command, today: &'a Today) -> Option<(&'a str, &'a str)> {
    let (was, method) = command.name.rsplit_once('.')?;
    today.preamble.commands.iter().find_map(|now| {
        let (is, name) = now.name.rsplit_once('.')?;
        (name == method).then_some((was, is))
    })
}

fn removed(written: &Preamble, command: &Command, today: &Today) -> Difference {
    if let Some((was, now)) = moved(command, today) {
        return Difference {
            class: Class::Breaking,
            path: String::new(),
            was: signature(&written.schema, command),
            now: String::new(),
            what: format!("there is no model inside called `{was}` any more"),
            remedy: format!(
                "say on the field `{now}` that it was called so: `#[memstate(model, was = \"{}\")]`, or put `{was}` back",
                was.rsplit('.').next().unwrap_or(was)
            ),
        };
    }
    if let Some((field, method)) = command.name.rsplit_once('.') {
        return Difference {
            class: Class::Breaking,
            path: String::new(),
            was: signature(&written.schema, command),
            now: String::new(),
            what: format!("the model inside, in the field `{field}`, has no such command any more"),
            remedy: format!(
                "put it back there with `#[memstate(retired)]`, or say there what it is called now: \
                 `#[memstate(was = \"{method}\")]`, or use the version of the code that has it"
            ),
        };
    }
    Difference {
        class: Class::Breaking,
        path: String::new(),
        was: signature(&written.schema, command),
        now: String::new(),
        what: "the command is not in the code any more".to_owned(),
        remedy: format!(
            "put it back with `#[memstate(retired)]`, or say what it is called now: `#[memstate(was = \"{}\")]`, or use \
             the version of the code that has it",
            command.name
        ),
    }
}

fn other_version(written: &Preamble, command: &Command, today: &Today, now: &Command) -> Difference {
    let (name, version) = (&command.name, command.version);
    let (what, remedy) = match now.version > version {
        true => (
            format!(
                "version {version} of the command is not in the code any more, which has version {}",
                now.version
            ),
            format!(
                "keep it for replay: `#[memstate(replays = \"{name}\", version = {version})] fn {name}_v{version}`, or \
                 convert its arguments with `#[memstate(upcast = …)]`"
            ),
        ),
        false => (
            format!("it is version {version} of the command, and the code has only {}", now.version),
            format!(
                "use the later version of the code that wrote it, or say that this is that version: \
                 `#[memstate(version = {version})]`"
            ),
        ),
    };
    Difference {
        class: Class::Breaking,
        path: String::new(),
        was: signature(&written.schema, command),
        now: signature(&today.preamble.schema, now),
        what,
        remedy,
    }
}

/// A command as a Rust programmer would write it.
pub(crate) fn signature(schema: &Schema, command: &Command) -> String {
    let arguments: Vec<_> = command
        .arguments
        .iter()
        .map(|argument| format!("{}: {}", argument.name, schema.of(&argument.shape)))
        .collect();
    format!("{}({})", command.name, arguments.join(", "))
}

fn state_route(written: &Preamble, today: &Today) -> StateRoute {
    let now = &today.preamble;
    if written.version == now.version {
        let same = compare::same(written.state(), now.state());
        let differences = match same {
            true => Vec::new(),
            false => compare::differences(written.state(), now.state()),
        };
        return StateRoute { same, differences };
    }
    let index = usize::try_from(written.version).ok().and_then(|version| version.checked_sub(1));
    let old = index.and_then(|index| today.migrations.get(index)).filter(|_| written.version < now.version);
    let differences = match old {
        Some(old) => compare::differences(written.state(), old.schema.of(&old.shape)),
        None => vec![Difference {
            class: Class::Breaking,
            path: String::new(),
            was: format!("version {}", written.version),
            now: format!("version {}", now.version),
            what: "there is no migration from the version of the state that was written".to_owned(),
            remedy: "add `#[memstate(migrate = …)]` for it, or use the code that wrote it".to_owned(),
        }],
    };
    StateRoute { same: false, differences }
}

/// The arguments of a record, as today's code writes them. The user's `Deserialize`, conversions and `Serialize` run here.
pub(crate) fn carry<M: Model>(
    written: &Preamble,
    record: &Record<'_>,
    method: u16,
    version: u32,
) -> Result<Vec<u8>, Unreadable> {
    let command = written.command(record.method).ok_or_else(|| {
        Unreadable::new(format!("there is no command number {} in its table", record.method))
    })?;
    whole(record.arguments, |bytes| {
        let arguments = Written::new(&written.schema, &command.arguments, bytes);
        *bytes = &[];
        let command = M::Command::carry(method, version, arguments)?;
        let mut today = Vec::new();
        command
            .put(&mut today)
            .map_err(|error| Unreadable::new(format!("what they became cannot be written: {error}")))?;
        Ok(today)
    })
}

/// Reads a state. The user's `Deserialize` and migrations run here.
pub(crate) fn read_state<M: Model>(
    written: &Preamble,
    route: &StateRoute,
    bytes: &[u8],
) -> Result<M, Unreadable> {
    match route.same {
        true => whole(bytes, crate::codec::get),
        false => whole(bytes, |bytes| M::migrate(written.version, written.state(), bytes)),
    }
}

/// Everything that differs between what was written and today's code: of each command, the state and the events. The first
/// of each pair says of what.
pub(crate) fn all_differences(written: &Preamble, today: &Today) -> Vec<(String, Difference)> {
    let routes = Routes::new(written, today);
    let now = &today.preamble;
    let mut all: Vec<_> =
        routes.state.differences.into_iter().map(|difference| ("the state".to_owned(), difference)).collect();
    for (command, route) in written.commands.iter().zip(routes.commands) {
        let subject = format!("command `{}`", command.name);
        all.extend(route.differences.into_iter().map(|difference| (subject.clone(), difference)));
        if let Some(heir) = today.heir(command).map(|number| &now.commands[number])
            && heir.replays.is_none()
            && heir.name != command.name
        {
            all.push((subject, renamed(command, heir)));
        }
    }
    for command in &now.commands {
        let is_new =
            !written.commands.iter().any(|was| was.name == command.name || command.was.contains(&was.name));
        if is_new {
            all.push((format!("command `{}`", command.name), new(&now.schema, command)));
        }
    }
    let events = compare::differences(written.schema.of(&written.events), now.schema.of(&now.events));
    all.extend(events.into_iter().map(|difference| ("the events".to_owned(), of_events(difference))));
    all
}

fn renamed(was: &Command, is: &Command) -> Difference {
    Difference {
        class: Class::Compatible,
        path: String::new(),
        was: was.name.clone(),
        now: is.name.clone(),
        what: "the command has another name".to_owned(),
        remedy: String::new(),
    }
}

fn new(schema: &Schema, command: &Command) -> Difference {
    Difference {
        class: Class::Compatible,
        path: String::new(),
        was: String::new(),
        now: signature(schema, command),
        what: "the command is new".to_owned(),
        remedy: String::new(),
    }
}

/// Events are made again by the replay, in today's types, so no change of theirs stands in the way of anything.
fn of_events(difference: Difference) -> Difference {
    Difference { class: Class::Compatible, remedy: String::new(), ..difference }
}
