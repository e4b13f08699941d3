//! Logs: where events and spans of `tracing` go in a program that serves.

use std::io::{self, IsTerminal};

use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    fmt::{MakeWriter, layer},
    layer::SubscriberExt,
};

/// What is told of a running program, and how.
#[derive(Debug, Clone)]
pub(crate) struct Logs {
    /// What is logged: a level, such as `info`, or more exactly, such as `info,memstate::calls=debug`.
    pub(crate) filter: String,
    /// Whether a line is an object of JSON, with `timestamp`, `level`, `target`, `fields` (the words are `message` in them) and
    /// `spans`. Otherwise it is text for somebody who reads it: in colours on a terminal, and plain elsewhere.
    pub(crate) json: bool,
    /// The name of what runs here, which traces are sent under.
    #[cfg_attr(not(feature = "otel"), allow(dead_code, reason = "only an export needs it"))]
    pub(crate) service: String,
    /// Where traces are sent, such as `http://localhost:4318`. `None` for what the environment says, if it says anything.
    pub(crate) traces: Option<String>,
}

/// Tells, until it is [finished](Telling::finish).
#[must_use = "what was not sent yet is sent when it is finished"]
pub(crate) struct Telling {
    #[cfg(feature = "otel")]
    exporting: Option<super::otlp::Exporting>,
}

impl Telling {
    /// Sends what was not sent yet, for some seconds at most, on this thread.
    pub(crate) fn finish(self) {
        #[cfg(feature = "otel")]
        if let Some(exporting) = self.exporting {
            exporting.finish();
        }
    }
}

/// Logs to the standard error, and exports traces if that was asked for, from now on and for the whole process.
///
/// # Errors
///
/// If the filter or the address cannot be understood, or something else was installed before; in words for who starts the
/// program.
pub(crate) fn init(logs: &Logs) -> Result<Telling, String> {
    let coloured =
        io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
    let (subscriber, telling) = subscriber(logs, coloured, io::stderr)?;
    tracing::subscriber::set_global_default(subscriber)
        .map_err(|_| "logs cannot be set up: this program has set up its own already".to_owned())?;
    Ok(telling)
}

/// What [`init`] installs.
pub(super) fn subscriber<W>(
    logs: &Logs,
    coloured: bool,
    writer: W,
) -> Result<(impl Subscriber + Send + Sync + use<W>, Telling), String>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder()
        .parse(&logs.filter)
        .map_err(|error| format!("the filter of logs `{}` cannot be understood: {error}", logs.filter))?;
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match logs.json {
        false => layer().with_ansi(coloured).with_writer(writer).with_filter(filter).boxed(),
        true => {
            let json = layer().json().with_current_span(false).with_span_list(true);
            json.with_writer(writer).with_filter(filter).boxed()
        }
    };
    let registry = Registry::default().with(lines);
    #[cfg(feature = "otel")]
    {
        let exporting = super::otlp::Exporting::start(logs.traces.as_deref(), &logs.service)?;
        let layer = exporting.as_ref().map(super::otlp::Exporting::layer);
        Ok((registry.with(layer), Telling { exporting }))
    }
    #[cfg(not(feature = "otel"))]
    match &logs.traces {
        Some(_) => {
            Err("traces cannot be exported: build the program with memstate's feature `otel`".to_owned())
        }
        None => Ok((registry, Telling {})),
    }
}
