//! The methods of a model, with the types of their arguments and answers.

use crate::{
    cli::failure::{Code, Failure},
    engine::preamble::Command,
    model::Operation,
    schema::{Schema, Shape, Tracer, Type},
};

/// How long a signature may be for what is behind it to stand in one column with the others.
const SIGNATURE_CHARS_MAX: usize = 60;

/// All commands, or all queries.
pub(crate) struct Methods {
    pub(crate) schema: Schema,
    methods: Vec<Method>,
}

/// One of them.
pub(crate) struct Method {
    /// Its number.
    pub(crate) number: u16,
    pub(crate) command: Command,
    pub(crate) retired: bool,
    /// Whether it gives one value after another.
    #[cfg_attr(not(feature = "server"), allow(dead_code, reason = "only a server streams"))]
    pub(crate) stream: bool,
    pub(crate) docs: &'static str,
}

impl Method {
    /// What it does, in its first sentence.
    pub(crate) fn summary(&self) -> &str {
        self.docs.trim().lines().next().unwrap_or_default()
    }
}

impl Methods {
    pub(crate) fn of<O: Operation>() -> Self {
        let mut tracer = Tracer::default();
        let listed = O::list();
        let described = listed.iter().enumerate().map(|(number, listed)| Method {
            number: u16::try_from(number).expect("a method's number has 16 bits"),
            command: Command::of(listed, &mut tracer),
            retired: listed.method.retired,
            stream: listed.method.stream,
            docs: listed.method.docs,
        });
        let methods = described.collect();
        Methods { schema: tracer.into_schema(), methods }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Method> {
        self.methods.iter()
    }

    /// The one for examples: the first that takes something, because that shows how it is given, or the first of all. What
    /// `is_fit` gives nothing for is passed over.
    pub(crate) fn for_example<T>(&self, is_fit: impl Fn(&Method) -> Option<T>) -> Option<T> {
        let living = || self.methods.iter().filter(|method| !method.retired);
        let with_arguments = living().filter(|method| !method.command.arguments.is_empty());
        with_arguments.chain(living()).find_map(is_fit)
    }

    /// The failure where the name of one is missing: `what` is wanted, and these are there.
    pub(crate) fn asked_for(&self, what: &str) -> Failure {
        let failure = Failure::new(Code::Usage, format!("the name of a {what} is missing"));
        match self.listed() {
            none if none.is_empty() => failure.help(format!("the model has no {what} that can be called")),
            listed => failure.help(format!("give one of these, and then its arguments:{listed}")),
        }
    }

    /// All that may be called, with their signatures and what they do, each on a line of its own.
    fn listed(&self) -> String {
        let living: Vec<_> = self.methods.iter().filter(|method| !method.retired).collect();
        let signatures: Vec<_> = living.iter().map(|method| self.signature(method)).collect();
        let width =
            signatures.iter().map(|it| it.chars().count()).filter(|it| *it <= SIGNATURE_CHARS_MAX).max();
        let width = width.unwrap_or(0);
        let lines = living.iter().zip(&signatures).map(|(method, signature)| {
            let line = format!("\n  {signature:<width$}  {}", method.summary());
            line.trim_end().to_owned()
        });
        lines.collect()
    }

    /// The method of this name.
    pub(crate) fn named(&self, name: &str) -> Option<&Method> {
        self.methods.iter().find(|method| method.command.name == name)
    }

    /// A type that one of them speaks of.
    pub(crate) fn of_shape<'a>(&'a self, shape: &'a Shape) -> Type<'a> {
        self.schema.of(shape)
    }

    /// A method as a Rust programmer would write it: `deposit(account: u64, amount: u64)`.
    pub(crate) fn signature(&self, method: &Method) -> String {
        let of = |argument: &crate::schema::Field| {
            format!("{}: {}", argument.name, self.of_shape(&argument.shape))
        };
        let arguments: Vec<_> = method.command.arguments.iter().map(of).collect();
        format!("{}({})", method.command.name, arguments.join(", "))
    }
}
