//! The layers that settings are made of, each of which knows what it is called.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use figment::{
    Error, Figment, Metadata, Profile, Provider, Source,
    error::{Actual, Kind},
    providers::{Format, Json, Toml},
    value::{Dict, Map, Value},
};

use super::{Role, ServeError, Settings};
use crate::near::near;

/// The file that is read where none is named.
const FILE: &str = "memstate.toml";
const PREFIX: &str = "MEMSTATE_";
/// The variable that names the file.
const CONFIG: &str = "MEMSTATE_CONFIG";
/// Variables that begin like settings, and are of other parts of memstate.
const OTHERS: [&str; 11] = [
    "MEMSTATE_DATA",
    "MEMSTATE_SERVER",
    "MEMSTATE_TOKEN",
    "MEMSTATE_TOKEN_FILE",
    "MEMSTATE_CA",
    "MEMSTATE_SCHEMA",
    "MEMSTATE_DEPENDENCIES",
    "MEMSTATE_BUG",
    "MEMSTATE_SEED",
    "MEMSTATE_MEASURE_DIR",
    "MEMSTATE_GOLDEN",
];
/// Settings of files.
const PATHS: [&str; 5] = ["tls.certificate", "tls.key", "tls.client_ca", "auth.tokens", "auth.jwt.key"];
/// What a value is said to be from that nothing sets.
const DEFAULT: &str = "default";

/// Where settings come from, besides the defaults.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sources {
    /// The file; without one, the one that the environment names, or the one that is there.
    pub(crate) file: Option<PathBuf>,
    /// Where a file is looked for that nobody names.
    pub(crate) folder: PathBuf,
    /// All variables of the environment.
    pub(crate) environment: Vec<(String, String)>,
    /// What was typed, the key, and the value.
    pub(crate) options: Vec<(String, String, String)>,
}

/// Settings, with where each came from.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) settings: Settings,
    layers: Figment,
}

/// Values of one origin.
struct Layer {
    from: Metadata,
    values: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        self.from.clone()
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

impl Sources {
    pub(crate) fn of_this_process() -> Self {
        // What is no text is none of ours.
        let environment = env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Sources { environment: environment.collect(), ..Sources::default() }
    }

    /// # Errors
    ///
    /// With the file, the variable or the option, the key, and what is wanted.
    pub(crate) fn load(&self) -> Result<Loaded, ServeError> {
        let mut layers = Vec::new();
        layers.extend(self.file_layer().map_err(ServeError::Settings)?);
        layers.extend(self.environment_layers());
        layers.extend(self.options.iter().map(|(typed, key, value)| {
            layer(Metadata::named(format!("option `{typed}`")), &key.split('.').collect::<Vec<_>>(), value)
        }));
        let known = known();
        let unknown: Vec<_> = layers.iter().flat_map(|layer| unknown_keys(layer, &known)).collect();
        if !unknown.is_empty() {
            return Err(ServeError::Settings(unknown.join("\n")));
        }
        let layers = layers.into_iter().fold(Figment::new(), Figment::merge);
        let mut settings: Settings =
            layers.extract().map_err(|error| ServeError::Settings(in_words(&error)))?;
        settings.resolve_paths(&layers);
        Ok(Loaded { settings, layers })
    }

    fn file_layer(&self) -> Result<Option<Layer>, String> {
        let named = self.environment.iter().find(|(name, _)| name == CONFIG);
        let (path, asked_by) = match (&self.file, named) {
            (Some(path), _) => (path.clone(), Some("--config")),
            (None, Some((_, path))) => (path.into(), Some(CONFIG)),
            (None, None) => (self.folder.join(FILE), None),
        };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound && asked_by.is_none() => return Ok(None),
            Err(error) => {
                let of = asked_by.map(|asked| format!(" of {asked}")).unwrap_or_default();
                return Err(format!("the settings{of} cannot be read: {}: {error}", path.display()));
            }
        };
        let is_json = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
        let read = if is_json { Json::string(&text).data() } else { Toml::string(&text).data() };
        let mut read = read.map_err(|error| {
            let form = if is_json { "JSON" } else { "TOML" };
            format!("{} is no {form}: {}", path.display(), error.kind)
        })?;
        let from = Metadata::from(path.display().to_string(), Source::File(path));
        Ok(Some(Layer { from, values: read.remove(&Profile::Default).unwrap_or_default() }))
    }

    fn environment_layers(&self) -> impl Iterator<Item = Layer> {
        let ours = self.environment.iter().filter(|(name, _)| {
            name.starts_with(PREFIX) && name != CONFIG && !OTHERS.contains(&name.as_str())
        });
        ours.map(|(name, value)| {
            let key = name[PREFIX.len()..].to_lowercase();
            layer(Metadata::named(name.clone()), &key.split("__").collect::<Vec<_>>(), value)
        })
    }
}

/// A layer with one value, which is written as in TOML, or is a text as it is.
fn layer(from: Metadata, key: &[&str], value: &str) -> Layer {
    let Ok(value) = value.parse::<Value>();
    let (last, models) = key.split_last().expect("a split gives at least one");
    let mut values = Dict::from([((*last).to_owned(), value)]);
    for name in models.iter().rev() {
        values = Dict::from([((*name).to_owned(), Value::from(values))]);
    }
    Layer { from, values }
}

/// All keys, with their defaults.
fn known() -> Dict {
    let value = Value::serialize(Settings::default()).expect("settings can be written");
    value.into_dict().expect("they are a table")
}

/// What users give names to: for each of them there is the same, or anything.
fn of_any_name(path: &[String]) -> Option<Option<Dict>> {
    match path.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["roles"] => {
            let role = Value::serialize(Role::default()).expect("a role can be written");
            Some(role.into_dict())
        }
        ["auth", "certificates"] => Some(None),
        _ => None,
    }
}

/// A sentence for each key of a layer that there is not.
fn unknown_keys(layer: &Layer, known: &Dict) -> Vec<String> {
    let mut unknown = Vec::new();
    find_unknown(&layer.values, known, &mut Vec::new(), &mut unknown);
    let sentence = |key: String| {
        let origin = &layer.from.name;
        let all = all_keys();
        let names: Vec<_> = all.iter().map(String::as_str).collect();
        // A variable is told how the variable is called.
        let spelled = |key: &str| match origin.starts_with(PREFIX) {
            true => format!("{PREFIX}{}", key.to_uppercase().replace('.', "__")),
            false => key.to_owned(),
        };
        let (start, of_what) = match origin.starts_with(PREFIX) {
            true => (
                format!("the environment has {origin}, and there is no such setting"),
                "that it begins with MEMSTATE_ makes it one",
            ),
            false => (format!("{origin}: there is no setting `{key}`"), "`serve --print-config` shows all"),
        };
        match near(&key, &names).first() {
            Some(name) => format!("{start}; did you mean `{}`?", spelled(name)),
            None => format!("{start}; {of_what}"),
        }
    };
    unknown.into_iter().map(sentence).collect()
}

fn find_unknown(values: &Dict, known: &Dict, path: &mut Vec<String>, unknown: &mut Vec<String>) {
    for (name, value) in values {
        path.push(name.clone());
        match known.get(name) {
            None => unknown.push(path.join(".")),
            Some(below) => {
                if let (Some(values), Some(known)) = (value.as_dict(), below.as_dict()) {
                    match of_any_name(path) {
                        None => find_unknown(values, known, path, unknown),
                        Some(None) => {}
                        Some(Some(known)) => {
                            for (name, value) in values {
                                path.push(name.clone());
                                if let Some(values) = value.as_dict() {
                                    find_unknown(values, &known, path, unknown);
                                }
                                path.pop();
                            }
                        }
                    }
                }
            }
        }
        path.pop();
    }
}

/// The keys of all settings, with `NAME` where users give names.
pub(super) fn all_keys() -> Vec<String> {
    let mut keys = Vec::new();
    collect_keys(&known(), &mut Vec::new(), &mut |path, _| keys.push(path.join(".")));
    keys
}

/// Gives every value to `each`, with its path, and the keys that there would be for a name, if there is none.
pub(super) fn collect_keys(
    values: &Dict,
    path: &mut Vec<String>,
    each: &mut dyn FnMut(&[String], Option<&Value>),
) {
    for (name, value) in values {
        path.push(name.clone());
        match (value.as_dict(), of_any_name(path)) {
            (Some(values), Some(of_each)) if values.is_empty() => {
                path.push("NAME".to_owned());
                match of_each {
                    Some(values) => collect_keys(&values, path, &mut |path, _| each(path, None)),
                    None => each(path, None),
                }
                path.pop();
            }
            (Some(values), _) => collect_keys(values, path, each),
            (None, _) => each(path, Some(value)),
        }
        path.pop();
    }
}

/// An error of a value: where it is from, which it is, and what is wanted.
fn in_words(error: &Error) -> String {
    let origin = error.metadata.as_ref().map_or(DEFAULT, |metadata| &metadata.name);
    let key = error.path.join(".");
    let wanted = |expected: &str| match expected {
        "usize" | "u64" => "a whole number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a string" | "path string" => "a text; in quotes, if it looks like a number".to_owned(),
        "a sequence" => "a list, such as [\"one\", \"another\"]".to_owned(),
        "a map" => "a table".to_owned(),
        other if other.starts_with("struct ") => "a table".to_owned(),
        other => other.to_owned(),
    };
    let what = match &error.kind {
        Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
            format!("is {}; wanted is {}", shown(found), wanted(expected))
        }
        Kind::UnknownVariant(found, known) => {
            let known: Vec<_> = known.iter().map(|name| format!("\"{name}\"")).collect();
            format!("is \"{found}\"; wanted is {}", known.join(" or "))
        }
        Kind::ISizeOutOfRange(found) => format!("is {found}; wanted is a whole number that is not negative"),
        Kind::Message(message) => return format!("{origin}: `{key}`: {message}"),
        other => other.to_string(),
    };
    format!("{origin}: `{key}` {what}")
}

fn shown(found: &Actual) -> String {
    match found {
        Actual::Str(text) => format!("{text:?}"),
        Actual::Unsigned(number) => number.to_string(),
        Actual::Signed(number) => number.to_string(),
        Actual::Float(number) => number.to_string(),
        Actual::Bool(value) => value.to_string(),
        Actual::Seq => "a list".to_owned(),
        Actual::Map => "a table".to_owned(),
        other => other.to_string(),
    }
}

impl Settings {
    /// Files that a file names are beside it.
    fn resolve_paths(&mut self, layers: &Figment) {
        let Settings { tls, auth, .. } = self;
        let paths =
            [&mut tls.certificate, &mut tls.key, &mut tls.client_ca, &mut auth.tokens, &mut auth.jwt.key];
        for (key, path) in PATHS.iter().zip(paths) {
            let Some(path) = path else { continue };
            let origin = layers.find_metadata(key).and_then(|metadata| metadata.source.as_ref());
            if let Some(folder) = origin.and_then(Source::file_path).and_then(Path::parent) {
                *path = folder.join(&*path);
            }
        }
    }
}

impl Loaded {
    /// Every value as a line of TOML, with where it came from behind it.
    pub(crate) fn shown(&self) -> String {
        let value = Value::serialize(&self.settings).expect("settings can be written");
        let values = value.into_dict().expect("they are a table");
        let mut lines = Vec::new();
        collect_keys(&values, &mut Vec::new(), &mut |path, value| {
            let Some(value) = value else { return };
            let quoted: Vec<_> = path.iter().map(|name| key(name)).collect();
            let line = match value {
                Value::Empty(..) => format!("# {} is not set", quoted.join(".")),
                value => format!("{} = {}", quoted.join("."), toml(value)),
            };
            lines.push((line, self.origin(path)));
        });
        let width = lines.iter().map(|(line, _)| line.chars().count()).filter(|width| *width <= 70).max();
        let width = width.unwrap_or(0);
        lines.iter().map(|(line, origin)| format!("{line:<width$}  # {origin}\n")).collect()
    }

    fn origin(&self, path: &[String]) -> String {
        let has_dot = path.iter().any(|name| name.contains('.'));
        // What has a dot in its name cannot be asked for, so it is what the table around it is from.
        let path = if has_dot { &path[..path.len() - 1] } else { path };
        self.layers.find_metadata(&path.join(".")).map_or(DEFAULT.to_owned(), |from| from.name.to_string())
    }
}

/// A part of a key as it is written in TOML.
fn key(name: &str) -> String {
    let is_bare =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if is_bare { name.to_owned() } else { text(name) }
}

fn text(text: &str) -> String {
    // JSON escapes nothing that TOML does not know.
    serde_json::to_string(text).expect("text can be written")
}

fn toml(value: &Value) -> String {
    match value {
        Value::String(_, value) => text(value),
        Value::Char(_, value) => text(&value.to_string()),
        Value::Bool(_, value) => value.to_string(),
        Value::Array(_, values) => {
            let values: Vec<_> = values.iter().map(toml).collect();
            format!("[{}]", values.join(", "))
        }
        number => number
            .to_i128()
            .map(|number| number.to_string())
            .or_else(|| number.to_u128().map(|number| number.to_string()))
            .unwrap_or_else(|| "?".to_owned()),
    }
}
