//! A chat in the terminal: who is there, what they say, and what was said before.
//!
//! cargo run --release --example chat --features server -- serve
//! cargo run --release --example chat --features server -- join Ann
//!
//! The second in as many terminals as there are people; `join Ann memstate://HOST:PORT` goes to a server elsewhere. Ctrl-D leaves. Without a
//! terminal it takes lines from its input and writes plain ones: `echo Hello | chat join Bob`.

use std::{
    collections::{HashSet, VecDeque},
    io::{IsTerminal, Write},
    process::ExitCode,
    sync::{Arc, Mutex},
    time::Duration,
};

use memstate::{
    Ctx, Error, Events, Position, Timestamp,
    collections::{BTreeMap, BTreeSet},
};
use rustyline::{DefaultEditor, ExternalPrinter, config::Configurer, error::ReadlineError};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{sleep, timeout},
};

/// Why the chat refuses.
#[memstate::data(error)]
pub enum ChatError {
    /// A name has 1 to 20 visible characters.
    Name,
    /// A message has 1 to 1000 visible characters.
    Text,
    /// Only who has joined may say something.
    NotHere,
}

/// What the chat announces.
#[memstate::data]
pub enum ChatEvent {
    /// Somebody has come.
    Joined { name: String },
    /// Somebody has said something.
    Said { name: String, text: String },
    /// Somebody has gone.
    Left { name: String },
}

/// Something that was said.
#[memstate::data]
#[derive(Clone)]
pub struct Message {
    at: Timestamp,
    name: String,
    text: String,
}

/// Who is there, and what was said lately.
#[memstate::model]
#[derive(Default)]
pub struct Chat {
    here: BTreeSet<String>,
    /// By their positions.
    messages: BTreeMap<u64, Message>,
}

/// How many messages can be asked for. The journal has them all.
const KEPT: usize = 200;
/// How long one who leaves waits for a server that is away.
const PATIENCE: Duration = Duration::from_secs(3);

#[memstate::model(events = ChatEvent)]
impl Chat {
    /// Comes in. Who is here already, perhaps because they went without a word, is let in again.
    pub fn join(&mut self, ctx: &mut Ctx<ChatEvent>, name: String) -> Result<(), ChatError> {
        if !is_shown(&name, 20) || name.contains(char::is_whitespace) {
            return Err(ChatError::Name);
        }
        if self.here.insert(name.clone()) {
            ctx.emit(ChatEvent::Joined { name });
        }
        Ok(())
    }

    /// Says something to all.
    pub fn say(&mut self, ctx: &mut Ctx<ChatEvent>, name: String, text: String) -> Result<(), ChatError> {
        if !self.here.contains(&name) {
            return Err(ChatError::NotHere);
        }
        if !is_shown(&text, 1000) {
            return Err(ChatError::Text);
        }
        let message = Message { at: ctx.now(), name: name.clone(), text: text.clone() };
        self.messages.insert(ctx.position().get(), message);
        if self.messages.len() > KEPT {
            self.messages.pop_first();
        }
        ctx.emit(ChatEvent::Said { name, text });
        Ok(())
    }

    /// Goes.
    pub fn leave(&mut self, ctx: &mut Ctx<ChatEvent>, name: String) {
        if self.here.remove(&name) {
            ctx.emit(ChatEvent::Left { name });
        }
    }

    /// Who is here.
    pub fn here(&self) -> Vec<String> {
        self.here.iter().cloned().collect()
    }

    /// The last so many messages before a position, the oldest first.
    pub fn lately(&self, count: u64, before: u64) -> Vec<Message> {
        let mut last: Vec<_> = self
            .messages
            .range(..before)
            .rev()
            .take(count as usize)
            .map(|(_, message)| message.clone())
            .collect();
        last.reverse();
        last
    }
}

/// Whether it is something to look at, without anything that would do something to a terminal.
fn is_shown(text: &str, most: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= most && !text.contains(char::is_control)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["join", name] => join(name, "memstate://127.0.0.1:7117"),
        ["join", name, address] => join(name, address),
        [] | ["join", ..] => {
            eprintln!(
                "usage: chat serve                  lets others join, at memstate://127.0.0.1:7117\n       \
                        chat join NAME [ADDRESS]    joins\n       \
                        chat --help                 what else there is"
            );
            ExitCode::from(2)
        }
        // `serve`, and everything else that a program with a model can do.
        _ => memstate::main::<Chat>(),
    }
}

fn join(name: &str, address: &str) -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().expect("there are threads");
    match runtime.block_on(talk(name, address)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Where lines come from and go to.
#[derive(Clone)]
struct Screen {
    /// It keeps the line that is being typed whole; `None` where nobody types.
    printer: Option<Arc<Mutex<dyn ExternalPrinter + Send>>>,
    is_colored: bool,
}

impl Screen {
    /// With the lines that are typed; the channel ends with them.
    fn new(name: &str) -> Result<(Self, mpsc::UnboundedReceiver<String>), ReadlineError> {
        let mut editor = DefaultEditor::new()?;
        editor.set_auto_add_history(true);
        let is_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        // A terminal that cannot move its cursor is written to as a file is.
        let printer = if is_terminal { editor.create_external_printer().ok() } else { None };
        let screen = Screen {
            is_colored: printer.is_some() && std::env::var_os("NO_COLOR").is_none(),
            printer: printer.map(|printer| Arc::new(Mutex::new(printer)) as _),
        };
        // As messages are shown, so that what was typed needs no showing again.
        let prompt = if screen.printer.is_some() { format!("{name}: ") } else { String::new() };
        let (send, lines) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            // An error is the end of the input, or Ctrl-C.
            while let Ok(line) = editor.readline(&prompt) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        Ok((screen, lines))
    }

    fn print(&self, line: &str) {
        match &self.printer {
            Some(printer) => {
                let _ = printer.lock().expect("nobody panics with it").print(format!("{line}\n"));
            }
            None => {
                let mut out = std::io::stdout().lock();
                // Who has closed it does not want to know.
                let _ = writeln!(out, "{line}").and_then(|()| out.flush());
            }
        }
    }

    fn styled(&self, style: &str, text: &str) -> String {
        if self.is_colored { format!("\x1b[{style}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn said(&self, name: &str, text: &str) -> String {
        // The same colour for a name on every screen; those that can be read on black and on white.
        let sum = name.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        let color = [32, 33, 34, 35, 36][sum as usize % 5];
        format!("{} {text}", self.styled(&format!("1;{color}"), &format!("{name}:")))
    }

    fn note(&self, text: &str) {
        self.print(&self.styled("2", &format!("* {text}")));
    }

    fn trouble(&self, text: &str) {
        match self.printer {
            Some(_) => self.print(&self.styled("31", &format!("! {text}"))),
            None => eprintln!("! {text}"),
        }
    }

    fn show(&self, event: &ChatEvent) {
        match event {
            ChatEvent::Joined { name } => self.note(&format!("{name} joined")),
            ChatEvent::Said { name, text } => self.print(&self.said(name, text)),
            ChatEvent::Left { name } => self.note(&format!("{name} left")),
        }
    }
}

async fn talk(name: &str, address: &str) -> Result<(), Box<dyn std::error::Error>> {
    let chat = memstate::connect::<Chat>(address).await?;
    let (joined, ()) = chat.join(name).with_position().await?;
    let (before, here) = (chat.lately(20_u64, joined.get()).await?, chat.here().await?);

    let (screen, mut lines) = Screen::new(name)?;
    for Message { at, name, text } in before {
        let at = at.to_string();
        let time = at.get(11..16).unwrap_or_default();
        screen.print(&format!("{} {}", screen.styled("2", time), screen.said(&name, &text)));
    }
    screen.note(&format!("here: {}", here.join(", ")));

    let watching = tokio::spawn(watch_the_link(chat.clone(), screen.clone()));
    let talked = Talk::new(&chat, &screen, name, joined).run(&mut lines).await;
    watching.abort();
    if let (Err(error), Some(_)) = (&talked, &screen.printer) {
        // Whoever types has the terminal until the line ends.
        screen.trouble(&format!("{error}; Ctrl-D ends"));
        while lines.recv().await.is_some() {}
    }
    chat.close().await?;
    talked
}

/// Says when the server is away and when it is back. The client connects again by itself, and this is how one sees it.
async fn watch_the_link(chat: ChatClient, screen: Screen) {
    loop {
        sleep(Duration::from_secs(1)).await;
        let mut asked = chat.here();
        if timeout(Duration::from_secs(1), &mut asked).await.is_ok() {
            continue;
        }
        screen.note("the server is away; what you say waits for it");
        while asked.await.is_err() {
            sleep(Duration::from_secs(1)).await;
            asked = chat.here();
        }
        screen.note("the server is back");
    }
}

/// Somebody who listens and speaks.
struct Talk<'a> {
    chat: &'a ChatClient,
    screen: &'a Screen,
    name: &'a str,
    events: Events<Chat>,
    /// The position that was not heard of yet.
    next: Position,
    /// What was said here and is not answered.
    sent: VecDeque<JoinHandle<Option<Position>>>,
    /// Where that is which was said here and has not come back.
    said: HashSet<Position>,
}

impl<'a> Talk<'a> {
    fn new(chat: &'a ChatClient, screen: &'a Screen, name: &'a str, from: Position) -> Self {
        let (sent, said) = (VecDeque::new(), HashSet::new());
        Talk { chat, screen, name, events: chat.events(from), next: from, sent, said }
    }

    async fn run(
        mut self,
        lines: &mut mpsc::UnboundedReceiver<String>,
    ) -> Result<(), Box<dyn std::error::Error>> {
        loop {
            tokio::select! {
                line = lines.recv() => match line {
                    Some(line) => self.say(line.trim()),
                    None => break,
                },
                event = self.events.next() => self.heard(event).await?,
                _ = tokio::signal::ctrl_c() => break,
            }
        }
        self.replied().await;
        let leaving = self.chat.leave(self.name).with_position();
        let Ok(left) = timeout(PATIENCE, leaving).await else {
            return Err("the server is away, so the others do not see that you left".into());
        };
        let (left, ()) = left?;
        // Until one has seen oneself go.
        while self.next <= left
            && let Ok(event) = timeout(PATIENCE, self.events.next()).await
        {
            self.heard(event).await?;
        }
        Ok(())
    }

    /// Sends a line. That is done when this returns, so lines stay in order; what comes of it is awaited elsewhere.
    fn say(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let call = self.chat.say(self.name, text).with_position();
        let screen = self.screen.clone();
        self.sent.push_back(tokio::spawn(async move {
            match call.await {
                Ok((position, ())) => Some(position),
                Err(error) => {
                    screen.trouble(&format!("not said: {error}"));
                    None
                }
            }
        }));
    }

    /// Waits for the replies to all that was said.
    async fn replied(&mut self) {
        for sent in self.sent.drain(..) {
            self.said.extend(sent.await.ok().flatten());
        }
    }

    async fn heard(&mut self, event: Option<Result<(Position, ChatEvent), Error>>) -> Result<(), Error> {
        match event {
            Some(Ok((position, event))) => {
                self.next = position.next();
                let is_own = matches!(&event, ChatEvent::Said { name, .. } if name == self.name);
                if is_own {
                    self.replied().await;
                }
                // In a terminal it stands there already, as it was typed.
                if !(self.said.remove(&position) && self.screen.printer.is_some()) {
                    self.screen.show(&event);
                }
            }
            Some(Err(Error::Missed { through, .. })) => {
                self.screen.note("some messages were left out, because they came too fast");
                self.next = through.next();
            }
            // It was away for longer than a call waits, and may come back.
            Some(Err(Error::Unreachable(_))) => {
                sleep(Duration::from_secs(1)).await;
                self.events = self.chat.events(self.next);
            }
            Some(Err(error)) => return Err(error),
            None => return Err(Error::Stopped("the chat has ended".into())),
        }
        Ok(())
    }
}
