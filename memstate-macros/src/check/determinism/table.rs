//! What gives another answer in every replay: how it is written, what is said of it, and what to use instead.

/// A kind of thing that differs from run to run.
pub struct Source {
    /// Its name in the compiler's words: `not_deterministic::the_time`.
    pub name: &'static str,
    /// How the sentence "`SystemTime::now`, which in a replay …" goes on.
    pub why: &'static str,
    /// What to use instead.
    pub instead: Instead,
    pub paths: &'static [Named],
}

/// What is there instead.
pub enum Instead {
    /// A method of the `Ctx`, with its parentheses.
    Ctx(&'static str),
    /// Something else, as a sentence.
    Other(&'static str),
}

/// How it is recognised in the tokens of a body. Paths through `crate`, `self`, `super` and `Self` are the user's own and
/// never meant.
pub enum Named {
    /// A path that ends so: `SystemTime::now`, `std::time::SystemTime::now`. A segment `*` is any name of a function.
    Ends(&'static [&'static str]),
    /// A function out of a module of `std` or of `tokio`: `fs::read`, `std::fs::read`, but not `my::fs::read`.
    InStd(&'static [&'static str]),
    /// Any function out of this crate, but those of the given names, which only do what they are told.
    OfCrate(&'static str, &'static [&'static str]),
    /// A function that is imported by its own name and takes nothing: `thread_rng()`.
    Called(&'static str),
    /// A value by its own name: `OsRng`.
    Value(&'static str),
}

use Instead::{Ctx, Other};
use Named::{Called, Ends, InStd, OfCrate, Value};

/// What there is only once: it belongs outside.
const OUTSIDE: &str = "do it before the call and pass what comes of it as an argument, or emit an event and do it where the \
                       events are read";

pub const SOURCES: &[Source] = &[
    Source {
        name: "the_time",
        why: "tells another time",
        instead: Ctx("now()"),
        paths: &[
            Ends(&["SystemTime", "now"]),
            Ends(&["Instant", "now"]),
            Ends(&["Utc", "now"]),
            Ends(&["Utc", "today"]),
            Ends(&["Local", "now"]),
            Ends(&["Local", "today"]),
            Ends(&["OffsetDateTime", "now_utc"]),
            Ends(&["OffsetDateTime", "now_local"]),
            Ends(&["UtcDateTime", "now"]),
            Ends(&["Timestamp", "now"]),
            Ends(&["Zoned", "now"]),
        ],
    },
    Source {
        name: "a_random_number",
        why: "gives another number",
        instead: Ctx("rng()"),
        paths: &[
            Called("thread_rng"),
            Called("random"),
            Called("rng"),
            Value("OsRng"),
            Ends(&["rand", "random"]),
            Ends(&["rand", "rng"]),
            Ends(&["rand", "thread_rng"]),
            Ends(&["rand", "random_range"]),
            Ends(&["rand", "random_bool"]),
            Ends(&["rand", "random_ratio"]),
            Ends(&["rand", "random_iter"]),
            Ends(&["rand", "fill"]),
            Ends(&["rand", "make_rng"]),
            Ends(&["rngs", "OsRng"]),
            Ends(&["rngs", "SysRng"]),
            Ends(&["rngs", "ThreadRng"]),
            Ends(&["rngs", "ThreadRng", "default"]),
            Ends(&["ThreadRng", "default"]),
            Ends(&["OsRng", "default"]),
            Ends(&["*", "from_entropy"]),
            Ends(&["*", "from_os_rng"]),
            OfCrate("fastrand", &["with_seed"]),
            OfCrate("getrandom", &[]),
        ],
    },
    Source {
        name: "a_random_id",
        why: "makes another one",
        instead: Ctx("uuid()"),
        paths: &[
            Ends(&["Uuid", "new_v4"]),
            Ends(&["Uuid", "new_v7"]),
            Ends(&["Uuid", "now_v7"]),
            Ends(&["Uuid", "now_v6"]),
            Ends(&["Uuid", "now_v1"]),
            Ends(&["Ulid", "new"]),
            Ends(&["Ulid", "generate"]),
            Ends(&["Ulid", "from_datetime"]),
            Ends(&["ObjectId", "new"]),
        ],
    },
    Source {
        name: "the_order_of_a_hasher",
        why: "hashes otherwise",
        instead: Other("use the `HashMap` of `memstate::collections`, which has one order"),
        paths: &[Ends(&["RandomState", "new"]), Ends(&["RandomState", "default"])],
    },
    Source {
        name: "the_environment",
        why: "may say something else",
        instead: Other("read it before the call and pass it as an argument"),
        paths: &[
            InStd(&["env", "var"]),
            InStd(&["env", "var_os"]),
            InStd(&["env", "vars"]),
            InStd(&["env", "vars_os"]),
            InStd(&["env", "args"]),
            InStd(&["env", "args_os"]),
            InStd(&["env", "current_dir"]),
            InStd(&["env", "current_exe"]),
            InStd(&["env", "home_dir"]),
            InStd(&["env", "temp_dir"]),
            InStd(&["env", "set_var"]),
            InStd(&["env", "remove_var"]),
            InStd(&["process", "id"]),
            InStd(&["io", "stdin"]),
        ],
    },
    Source {
        name: "files",
        why: "is done once more, and may find something else",
        instead: Other(OUTSIDE),
        paths: &[
            InStd(&["fs", "*"]),
            InStd(&["fs", "File", "*"]),
            InStd(&["fs", "OpenOptions", "*"]),
            InStd(&["fs", "DirBuilder", "*"]),
            InStd(&["File", "open"]),
            InStd(&["File", "create"]),
            InStd(&["File", "create_new"]),
            InStd(&["File", "options"]),
            InStd(&["OpenOptions", "new"]),
        ],
    },
    Source {
        name: "threads",
        why: "is done once more, and ends at another moment",
        instead: Other(OUTSIDE),
        paths: &[
            InStd(&["thread", "spawn"]),
            InStd(&["thread", "scope"]),
            InStd(&["thread", "sleep"]),
            InStd(&["thread", "park"]),
            InStd(&["thread", "yield_now"]),
            InStd(&["thread", "current"]),
            InStd(&["thread", "available_parallelism"]),
            InStd(&["thread", "Builder", "new"]),
            InStd(&["task", "spawn"]),
            InStd(&["task", "spawn_blocking"]),
            InStd(&["task", "spawn_local"]),
            OfCrate("tokio", &[]),
            OfCrate("async_std", &[]),
        ],
    },
    Source {
        name: "the_network",
        why: "is done once more, and may get another answer",
        instead: Other(OUTSIDE),
        paths: &[
            Ends(&["TcpStream", "connect"]),
            Ends(&["TcpStream", "connect_timeout"]),
            Ends(&["TcpListener", "bind"]),
            Ends(&["UdpSocket", "bind"]),
            Ends(&["UnixStream", "connect"]),
            Ends(&["UnixListener", "bind"]),
            Ends(&["UnixDatagram", "bind"]),
            OfCrate("reqwest", &[]),
            OfCrate("ureq", &[]),
        ],
    },
    Source {
        name: "another_process",
        why: "is started once more",
        instead: Other(OUTSIDE),
        paths: &[InStd(&["process", "Command", "new"])],
    },
];
