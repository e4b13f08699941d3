//! The keys of `#[memstate(…)]`, as items: where rust-analyzer looks at an attribute, the macros name the keys in it here, so
//! that it completes them and shows what they mean. Nothing else is done with them.

#![allow(non_upper_case_globals)]

/// `#[memstate::model(…)]` above the struct.
pub mod model_struct {
    /// `migrate = path`: a function that makes today's state of that of an earlier version; the first converts version 1.
    pub const migrate: () = ();
}

/// `#[memstate(…)]` on the struct, below `#[memstate::model]`.
pub mod model {
    /// `migrate = path`: a function that makes today's state of that of an earlier version; the first converts version 1.
    pub const migrate: () = ();
}

/// `#[memstate::model(…)]` above the `impl` block.
pub mod model_impl {
    /// `events = BankEvent`: the type of the model's events. Without it there are none.
    pub const events: () = ();
    /// `strict`: a clock, a random number, a file and the like in the body of a command is an error, not a warning.
    pub const strict: () = ();
}

/// `#[memstate(…)]` on the `impl` block, below `#[memstate::model]`.
pub mod block {
    /// `strict`: a clock, a random number, a file and the like in the body of a command is an error, not a warning.
    pub const strict: () = ();
}

/// `#[memstate(…)]` on an `impl` block in a model's module.
pub mod block_in_module {
    /// `skip`: its methods are neither commands nor queries.
    pub const skip: () = ();
    /// `strict`: a clock, a random number, a file and the like in the body of a command is an error, not a warning.
    pub const strict: () = ();
}

/// `#[memstate::model(…)]` above a module.
pub mod model_module {
    /// `events = BankEvent`: the type of the model's events. Without it there are none.
    pub const events: () = ();
    /// `migrate = path`: a function that makes today's state of that of an earlier version; the first converts version 1.
    pub const migrate: () = ();
    /// `strict`: a clock, a random number, a file and the like in the body of a command is an error, not a warning.
    pub const strict: () = ();
}

/// `#[memstate::data(…)]`.
pub mod data {
    /// `error`: also `Debug`, `Display` and `std::error::Error`.
    pub const error: () = ();
}

/// `#[memstate(…)]` on a method.
pub mod method {
    /// `skip`: neither a command nor a query.
    pub const skip: () = ();
    /// `client = "close_account"`: what the client calls the method. The journal and the enums keep the method's own name.
    pub const client: () = ();
    /// `was = "name"`: a name that it had before. Several may be given.
    pub const was: () = ();
    /// `retired`: for the replay of records of the past only. The client does not have it.
    pub const retired: () = ();
    /// `replays = "name", version = 1`: for the replay of that version of that command only.
    pub const replays: () = ();
    /// `version = 2`: the version of the command.
    pub const version: () = ();
    /// `upcast = path`: a function that makes today's arguments of those of an earlier version.
    pub const upcast: () = ();
    /// `deterministic`: what the body names gives the same in every replay, or does not matter; no warning is given.
    pub const deterministic: () = ();
    /// `strict`: a clock, a random number, a file and the like in the body of a command is an error, not a warning.
    pub const strict: () = ();
}

/// `#[memstate(…)]` on an argument of a command.
pub mod argument {
    /// `was = "name"`: a name that it had before. Several may be given.
    pub const was: () = ();
    /// `default`, `default = value`: the value for records that do not have the argument.
    pub const default: () = ();
}

/// `#[memstate(…)]` on a field.
pub mod field {
    /// `clone`: saved as a clone. The type need only be `Clone` and serializable.
    pub const clone: () = ();
}

/// `#[memstate(…)]` on a field of a model.
pub mod model_field {
    /// `clone`: saved as a clone. The type need only be `Clone` and serializable.
    pub const clone: () = ();
    /// `model`: a model inside of this one.
    pub const model: () = ();
    /// `was = "name"`, beside `model`: a name that the field had before. Several may be given.
    pub const was: () = ();
}

/// `#[memstate(…)]` on a variant.
pub mod variant {
    /// `display = "no account {0}"`: its `Display` text, with the fields by name or number.
    pub const display: () = ();
}

/// `#[memstate(…)]` on a struct under `#[memstate::data(error)]`.
pub mod structure {
    /// `display = "no account {0}"`: its `Display` text, with the fields by name or number.
    pub const display: () = ();
}
