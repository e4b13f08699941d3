//! What somebody might send who means it badly.

use crate::{
    random::Random,
    wire::{self, ASKS, Message, ask, frame, varint},
};

/// Bytes that are no part of any good conversation, and what they try.
#[derive(Debug, Clone)]
pub struct Hostile {
    /// What they try, in a few words.
    pub tries: String,
    /// The bytes of a whole connection, or those behind a good greeting.
    pub bytes: Vec<u8>,
}

const MAX: u128 = u64::MAX as u128;
/// The limit of a frame, unless it is set.
const FRAME_BYTES: usize = 16 << 20;

fn of(variant: u8) -> Message {
    Message::new(variant)
}

/// A command without a name and a trace, up to its arguments.
fn command(id: u128, method: u128) -> Message {
    of(ask::COMMAND).number(id).number(method).raw([0]).number(id).raw([0, 0])
}

fn query(id: u128, method: u128, after: u128) -> Message {
    of(ask::QUERY).number(id).number(method).number(after).raw([0, 0])
}

fn atomically(id: u128, commands: u128) -> Message {
    of(ask::ATOMICALLY).number(id).raw([0]).number(id).raw([0, 0]).number(commands)
}

fn events(id: u128, from: u128, filter: impl AsRef<[u8]>) -> Message {
    of(ask::EVENTS).number(id).number(from).raw([1]).bytes(filter).number(64)
}

fn hello(version: u128, model: &[u8], surface: u128) -> Message {
    of(ask::HELLO).number(version).bytes("0.1.0").bytes(model).number(surface).bytes([7; 16]).raw([0])
}

fn repeated(times: usize, each: impl Fn(u128) -> Vec<u8>) -> Vec<u8> {
    (0..times).flat_map(|number| each(number as u128)).collect()
}

/// All of them.
pub fn handmade() -> Vec<Hostile> {
    let mut all = Vec::new();
    let mut add = |tries: &str, bytes: Vec<u8>| all.push(Hostile { tries: tries.to_owned(), bytes });

    // Frames whose length is a lie.
    add("says nothing", vec![]);
    add("one byte of a length", vec![0]);
    add("three bytes of a length", vec![9, 0, 0]);
    add("an empty frame", frame(&[]));
    add("a thousand empty frames", frame(&[]).repeat(1000));
    add("a length without a message", 5u32.to_le_bytes().into());
    add("a length of 4 GiB", u32::MAX.to_le_bytes().into());
    add("a length of 2 GiB", (i32::MAX as u32).to_le_bytes().into());
    add("a length with the highest bit alone", 0x8000_0000u32.to_le_bytes().into());
    add("the length of the limit without a message", (FRAME_BYTES as u32).to_le_bytes().into());
    add("a length one above the limit", (FRAME_BYTES as u32 + 1).to_le_bytes().into());
    add("a length one above what a greeting may have", 4097u32.to_le_bytes().into());
    add("the length of a greeting without its bytes", 4096u32.to_le_bytes().into());
    add("a length with its bytes in the other order", [&7u32.to_be_bytes()[..], &[0; 7]].concat());
    add("a frame one byte short", of(ask::PING).frame()[..4].into());
    add("a frame one byte long", [of(ask::PING).frame(), vec![0]].concat());
    add("zeros, a page of them", vec![0; 4096]);
    add("zeros, a mebibyte of them", vec![0; 1 << 20]);
    add("ones, a page of them", vec![0xff; 4096]);
    add("a full frame of zeros", frame(&vec![0; FRAME_BYTES - 4]));
    add("a full frame of ones", frame(&vec![0xff; FRAME_BYTES - 4]));
    add("a full frame but for its last byte", frame(&vec![0; FRAME_BYTES])[..FRAME_BYTES + 3].into());

    // Other protocols.
    add("HTTP/1.1", b"GET / HTTP/1.1\r\nHost: bank\r\n\r\n".into());
    add("HTTP/1.1 with a body", b"POST /commands/deposit HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}".into());
    add("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into());
    add("the begin of TLS", [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &[0x5a; 512]].concat());
    add("an alert of TLS", vec![0x15, 3, 3, 0, 2, 2, 40]);
    add("SSH", b"SSH-2.0-OpenSSH_9.9\r\n".into());
    add("Redis", b"*1\r\n$4\r\nPING\r\n".into());
    add("PostgreSQL", [&8u32.to_be_bytes()[..], &80_877_103u32.to_be_bytes()].concat());
    add("memcached", b"\x80\x0b\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0".into());
    add("SMTP", b"EHLO bank\r\n".into());
    add("JSON", b"{\"jsonrpc\":\"2.0\",\"method\":\"deposit\"}\n".into());
    add("SOCKS", vec![5, 1, 0]);
    add("the PROXY protocol", b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n".into());
    add("DNS over TCP", vec![0, 12, 0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    add("a line without an end", vec![b'A'; 100_000]);

    // Each message, with what is not in it.
    for variant in 0..ASKS {
        let named = |what: &str| format!("message {variant} {what}");
        add(&named("without its fields"), of(variant).frame());
        add(&named("whose fields are zeros"), of(variant).raw([0; 64]).frame());
        add(&named("whose fields are ones"), of(variant).raw([0xff; 64]).frame());
        add(&named("whose fields are small"), of(variant).raw([1; 9]).frame());
        add(&named("whose fields say that they are as long as can be"), {
            let most = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
            of(variant).raw(most.repeat(8)).frame()
        });
        add(&named("by a number that is longer than it need be"), {
            frame(&[&[variant | 0x80, 0x80, 0][..], &[0; 32]].concat())
        });
    }
    for unknown in [u128::from(ASKS), 17, 127, 128, 255, u128::from(u32::MAX), u128::from(u32::MAX) + 1, MAX]
    {
        let mut message = Vec::new();
        varint(unknown, &mut message);
        add(&format!("message {unknown}, which there is not"), frame(&message));
    }
    add("a number of a message that does not end", frame(&[0xff; 40]));

    // Greetings.
    add("greets with version 0", hello(0, b"Bank", 1).frame());
    add("greets with the next version", hello(2, b"Bank", 1).frame());
    add("greets with the last version", hello(0xffff, b"Bank", 1).frame());
    add("greets with a version that has no place", hello(0x10000, b"Bank", 1).frame());
    add("greets a model without a name", hello(1, b"", 1).frame());
    add("greets another model", hello(1, b"Shop", 1).frame());
    add("greets a model whose name ends early", hello(1, b"Bank\0", 1).frame());
    add("greets a model whose name is no text", hello(1, &[0xc3, 0x28], 1).frame());
    add("greets a model whose name fills the greeting", hello(1, &[b'B'; 4000], 1).frame());
    add("greets a model whose name is too long", hello(1, &[b'B'; 5000], 1).frame());
    add("greets with a description that nobody has, and leaves", hello(1, b"Bank", 77).frame());
    add("greets with the largest digest", hello(1, b"Bank", u128::MAX).frame());
    add("greets with a digest that has no place", {
        of(ask::HELLO).raw([1]).bytes("0.1.0").bytes("Bank").raw([0xff; 19]).raw([0; 18]).frame()
    });
    for (bytes, what) in [(0, "none"), (15, "15 bytes"), (17, "17 bytes"), (4000, "4000 bytes")] {
        let hello = of(ask::HELLO).raw([1]).bytes("0.1.0").bytes("Bank").number(1);
        add(&format!("greets with an identity of {what}"), hello.bytes(vec![7; bytes]).raw([0]).frame());
    }
    let named = || of(ask::HELLO).raw([1]).bytes("0.1.0").bytes("Bank").number(1).bytes([7; 16]);
    add("greets with a token of nothing", named().raw([1]).bytes("").frame());
    add("greets with a token that fills the greeting", named().raw([1]).bytes([b't'; 4000]).frame());
    add("greets with a token that is no text", named().raw([1]).bytes([0xff; 30]).frame());
    add("greets with a token that says it is longer", named().raw([1]).number(MAX).frame());
    add("greets with what is neither a token nor none", named().raw([2]).frame());
    add("greets with more behind it", named().raw([0, 0]).frame());
    add("greets twice at once", hello(1, b"Bank", 1).frame().repeat(2));
    add(
        "greets, and calls before it was answered",
        [hello(1, b"Bank", 1).frame(), wire::deposit(1, 1, 1)].concat(),
    );
    let described =
        |surface: &[u8]| [hello(1, b"Bank", 77).frame(), of(ask::SURFACE).bytes(surface).frame()].concat();
    add("describes itself as nothing", described(&[]));
    add("describes itself with noise", described(&[0x5a; 1000]));
    add("describes itself with ones", described(&[0xff; 100_000]));
    add("describes itself with a mebibyte of zeros", described(&vec![0; (1 << 20) - 64]));
    add("describes itself with more than may be", described(&vec![0; 2 << 20]));
    add(
        "describes itself with parts whose lengths lie",
        described(&Message::new(0xff).number(MAX).frame()[4..]),
    );
    add("describes itself with types inside of types", {
        let mut part = vec![1, 1, 1, 1, 1, 1];
        part.extend([20; 100_000]);
        let part = Message::new(0).bytes(part).frame();
        described(&part[5..])
    });
    add("describes itself before it greets", of(ask::SURFACE).bytes([1; 100]).frame());

    // Commands and queries.
    add("a command that there is not", command(1, 999).bytes([1, 1]).frame());
    add("a command of the last number", command(1, 0xffff).bytes([1, 1]).frame());
    add("a command of a number that has no place", command(1, 0x10000).bytes([1, 1]).frame());
    add("a command without arguments", command(1, 1).bytes([]).frame());
    add("a command with too many arguments", command(1, 1).bytes([1; 100]).frame());
    add("a command whose arguments are cut", command(1, 1).bytes([0x80]).frame());
    add("a command whose arguments are longer than its frame", command(1, 1).number(MAX).raw([1, 1]).frame());
    add(
        "a command with a text whose length lies",
        command(1, 0).bytes([1, 0xff, 0xff, 0xff, 0x7f, b'A']).frame(),
    );
    add("a command with a text that is no text", command(1, 0).bytes([1, 2, 0xc3, 0x28]).frame());
    // A good command of this size is no attack: it is what its limit says that may be.
    add("a query with arguments of 15 MiB", query(1, 0, 0).bytes(vec![0xff; 15 << 20]).frame());
    add("a command of the last id", command(MAX, 1).bytes([1, 1]).frame());
    add("an id that has no place", command(MAX + 1, 1).bytes([1, 1]).frame());
    add("a hundred commands of one id", command(1, 1).bytes([1, 0]).frame().repeat(100));
    add("a command that panics, a hundred times", repeated(100, |id| command(id, 3).bytes([13]).frame()));
    let requested =
        |request: &[u8]| of(ask::COMMAND).number(1).number(1).raw(request).raw([0, 0]).bytes([1, 0]).frame();
    add("a request of a kind that there is not", requested(&[3, 1]));
    add("a request that says it is of the future", {
        requested(&Message::new(1).number(9).number(MAX).frame()[4..])
    });
    add("a request that says it is from the beginning", requested(&[1, 9, 0]));
    add("a request with an identity of three bytes", requested(&[2, 3, 1, 2, 3, 1, 1]));
    add("a request of the last number", requested(&Message::new(0).number(MAX).frame()[4..]));
    let called = |caller: &[u8]| {
        of(ask::COMMAND).number(1).number(1).raw([0, 1, 1]).bytes(caller).raw([0]).bytes([1, 0]).frame()
    };
    add("a caller without a name", called(b""));
    add("a caller whose name is no text", called(&[0xff, 0xfe]));
    add("a caller whose name is a mebibyte", called(&vec![b'c'; 1 << 20]));
    add("a caller whose name clears the screen", called(b"\x1b[2J\r\n"));
    add("a trace of a mebibyte", {
        of(ask::COMMAND).raw([1, 1, 0, 1, 0, 1]).bytes(vec![b't'; 1 << 20]).bytes([1, 0]).frame()
    });
    add("a batch of nothing", atomically(1, 0).frame());
    add(
        "a batch of more commands than may be",
        atomically(1, 70_000).raw([1, 2, 1, 0].repeat(70_000)).frame(),
    );
    add("a batch of millions of empty commands", atomically(1, 8_000_000).raw(vec![0; 16_000_000]).frame());
    add("a batch that says it is as large as can be", atomically(1, MAX).raw([1, 2, 1, 0]).frame());
    add("a batch with a command that there is not", atomically(1, 1).number(999).bytes([1]).frame());
    add("a batch whose second command is cut", atomically(1, 2).raw([1, 2, 1, 0, 1, 2, 1]).frame());
    add("a batch of commands that panic", atomically(1, 100).raw([3, 1, 13].repeat(100)).frame());
    add("a query that there is not", query(1, 999, 0).bytes([]).frame());
    add("a query with too many arguments", query(1, 3, 0).bytes([0; 100]).frame());
    add("a query of what will be", query(1, 3, MAX).bytes([]).frame());
    add("five thousand queries of what will be", repeated(5000, |id| query(id, 3, MAX).bytes([]).frame()));
    add("a query of a past that will be", {
        of(ask::QUERY).raw([1, 3, 0, 1]).number(MAX).raw([0]).bytes([]).frame()
    });
    add("a stream, asked as a query", query(1, 2, 0).bytes([0]).frame());

    // Streams.
    let stream = |id: u128, method: u128, credit: u128| {
        of(ask::STREAM).number(id).number(method).raw([0, 0]).number(credit).bytes([0]).frame()
    };
    add("a query, asked as a stream", stream(1, 0, 64));
    add("a stream of a query that there is not", stream(1, 999, 64));
    add("a stream without credit", stream(1, 2, 0));
    add("a stream with all the credit that there is", stream(1, 2, u128::from(u32::MAX)));
    add("a stream with credit that has no place", stream(1, 2, u128::from(u32::MAX) + 1));
    add("a thousand streams without credit", repeated(1000, |id| stream(id, 2, 0)));
    add("a thousand streams of one id", repeated(1000, |_| stream(1, 2, 0)));
    let watch = |id: u128, method: u128| of(ask::WATCH).number(id).number(method).number(1).bytes([]).frame();
    add("a thousand watches", repeated(1000, |id| watch(id, 3)));
    add("a watch of a query that there is not", watch(1, 999));
    add("a watch without arguments", watch(1, 0));
    add(
        "events from the end of all positions",
        of(ask::EVENTS).number(1).number(MAX).raw([0]).number(9).frame(),
    );
    add("a thousand subscriptions", repeated(1000, |id| events(id, 1, "Deposited").frame()));
    add("a filter of nothing", events(1, 1, "").frame());
    add("a filter that is no filter", events(1, 1, "DROP TABLE accounts; --").frame());
    add("a filter that is no text", events(1, 1, [0xff, 0xc0]).frame());
    add("a filter of 15 MiB", events(1, 1, vec![b'a'; 15 << 20]).frame());
    add("a filter that opens a million brackets", {
        events(1, 1, format!("Deposited where {}", "(".repeat(1_000_000))).frame()
    });
    add("a filter that says `not` a hundred thousand times", {
        events(1, 1, format!("where {}a", "not ".repeat(100_000))).frame()
    });
    let history = |from: &[u8], to: &[u8]| of(ask::HISTORY).raw([1]).raw(from).raw(to).raw([1, 9]).frame();
    add("a history with a bound of a kind that there is not", history(&[3], &[2]));
    add("a history that ends before it begins", history(&[0, 0, 9], &[0, 0, 1]));
    add("a history of the future", history(&[1, 0, 0xff, 0xff, 0xff, 0xff, 0x0f], &[0]));
    add("a history from the earliest time to the latest", {
        let most = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        history(&[&[1, 1][..], &most].concat(), &[&[1, 1][..], &[0xfe], &most[1..]].concat())
    });
    add("a thousand histories", repeated(1000, |id| of(ask::HISTORY).number(id).raw([0, 0, 1, 9]).frame()));
    let diff = |id: u128, from: u128, to: u128| {
        of(ask::DIFF).number(id).raw([0]).number(from).raw([0]).number(to).frame()
    };
    add("a difference to the future", diff(1, 1, MAX));
    add("a difference of nothing", diff(1, 0, 0));
    add("a hundred differences", repeated(100, |id| diff(id, 0, 3)));
    let at = |id: u128, position: u128| of(ask::AT).number(id).raw([0]).number(position).frame();
    add("a past that will be", at(1, MAX));
    add("three hundred pasts", repeated(300, |id| at(id, id % 3)));
    add("a past of a kind that there is not", of(ask::AT).raw([1, 3, 1]).frame());
    add("a past at the end of time", of(ask::AT).raw([1, 1]).number(MAX).frame());
    add("a past on the last day", of(ask::AT).raw([1, 2]).number(MAX - 1).frame());
    add(
        "ten thousand waits for what will be",
        repeated(10_000, |id| of(ask::REACHED).number(id).number(MAX).frame()),
    );
    add("fifty snapshots", repeated(50, |id| of(ask::SNAPSHOT).number(id).frame()));
    add("credit for what there is not", of(ask::CREDIT).number(9).number(9).frame());
    add("all credit, ten thousand times", {
        let credit = |_| of(ask::CREDIT).number(1).number(u128::from(u32::MAX)).frame();
        [events(1, 1, "Deposited").frame(), repeated(10_000, credit)].concat()
    });
    add("an end of what there is not", of(ask::CANCEL).number(9).frame());
    add(
        "an end of a command",
        [command(1, 1).bytes([1, 0]).frame(), of(ask::CANCEL).number(1).frame()].concat(),
    );
    add("streams that are begun and ended", {
        repeated(2000, |id| [stream(id, 2, 1), of(ask::CANCEL).number(id).frame()].concat())
    });
    add("a hundred thousand pings", of(ask::PING).frame().repeat(100_000));
    add(
        "a hundred thousand deposits on no account",
        repeated(100_000, |id| command(id, 1).bytes([0xff, 0x7f, 1]).frame()),
    );
    all
}

/// One of these messages, changed by chance. It is a whole frame as a rule.
pub fn mutated(random: &mut Random, messages: &[Vec<u8>], which: usize) -> Vec<u8> {
    let mut message = messages[which].clone();
    for _ in 0..1 + random.below(3) {
        let place = random.below(message.len().max(1) as u64) as usize;
        match random.below(8) {
            // A bit.
            0 | 1 if !message.is_empty() => message[place] ^= 1 << random.below(8),
            // A byte that matters more often than others.
            2 if !message.is_empty() => {
                message[place] = [0, 1, 0x7f, 0x80, 0xff, 2, 16, 13][random.below(8) as usize];
            }
            3 => message.truncate(place),
            4 => {
                let byte = random.below(256) as u8;
                message.insert(place, byte);
            }
            // A large number.
            5 => {
                let large = [0xff; 9].into_iter().take(1 + random.below(9) as usize).chain([1]);
                message.splice(place..place, large);
            }
            // A piece of another.
            6 => {
                let other = &messages[random.below(messages.len() as u64) as usize];
                let from = random.below(other.len().max(1) as u64) as usize;
                message.truncate(place);
                message.extend_from_slice(&other[from.min(other.len())..]);
            }
            // A piece twice.
            _ => {
                let piece = message[place.min(message.len())..].to_vec();
                message.extend(piece);
            }
        }
    }
    let mut frame = frame(&message);
    if random.below(8) == 0 {
        // The length is another one.
        let place = random.below(4) as usize;
        frame[place] ^= 1 << random.below(8);
    }
    frame
}
