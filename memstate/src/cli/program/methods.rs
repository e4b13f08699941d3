//! The methods of a model, with the types of their arguments and answers.

use crate::{
    engine::preamble::Command,
    model::Operation,
    schema::{Schema, Shape, Tracer, Type},
};

/// All commands, or all queries.
pub(super) struct Methods {
    pub(super) schema: Schema,
    methods: Vec<Method>,
}

/// One of them.
pub(super) struct Method {
    /// Its number.
    pub(super) number: u16,
    pub(super) command: Command,
    pub(super) retired: bool,
    docs: &'static str,
}

impl Method {
    /// What it does, in its first sentence.
    pub(super) fn summary(&self) -> &str {
        self.docs.trim().lines().next().unwrap_or_default()
    }
}

impl Methods {
    pub(super) fn of<O: Operation>() -> Self {
        let mut tracer = Tracer::default();
        let listed = O::list();
        let described = listed.iter().enumerate().map(|(number, listed)| Method {
            number: u16::try_from(number).expect("a method's number has 16 bits"),
            command: Command::of(listed, &mut tracer),
            retired: listed.method.retired,
            docs: listed.method.docs,
        });
        let methods = described.collect();
        Methods { schema: tracer.into_schema(), methods }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Method> {
        self.methods.iter()
    }

    /// The method of this name.
    pub(super) fn named(&self, name: &str) -> Option<&Method> {
        self.methods.iter().find(|method| method.command.name == name)
    }

    /// A type that one of them speaks of.
    pub(super) fn of_shape<'a>(&'a self, shape: &'a Shape) -> Type<'a> {
        self.schema.of(shape)
    }

    /// A method as a Rust programmer would write it: `deposit(account: u64, amount: u64)`.
    pub(super) fn signature(&self, method: &Method) -> String {
        let of = |argument: &crate::schema::Field| {
            format!("{}: {}", argument.name, self.of_shape(&argument.shape))
        };
        let arguments: Vec<_> = method.command.arguments.iter().map(of).collect();
        format!("{}({})", method.command.name, arguments.join(", "))
    }
}
