//! The description of the model as OpenAPI 3.1: from its recorded types and its docs, so that it cannot say anything else than
//! what is answered.

mod schemas;

use serde_json::{Value as Json, json};

use self::schemas::Schemas;
use super::{
    problem::{Kind, PROBLEM_JSON},
    routes::ROUTES,
};
use crate::{
    cli::program::methods::{Method, Methods},
    schema::{
        Field, Shape,
        form::{Form, Place},
    },
    service::Described,
};

/// What may be wrong with every call.
const OF_ALL: [Kind; 5] =
    [Kind::Malformed, Kind::NotKnown, Kind::NotAllowed, Kind::Overloaded, Kind::Stopped];
/// What may be wrong with every body.
const OF_BODIES: [Kind; 4] = [Kind::TooSlow, Kind::TooLarge, Kind::WrongMediaType, Kind::WrongArguments];

/// All that is answered of a model.
pub(super) fn describe(described: &Described) -> Json {
    let mut schemas = Schemas::default();
    let mut paths = serde_json::Map::new();
    for route in &ROUTES {
        let method = route.method.to_lowercase();
        let operations: Vec<_> = match route.path {
            "/commands/{name}" => {
                each(&described.commands, |one| command(&described.commands, one, &mut schemas))
            }
            "/queries/{name}" if method == "get" => {
                each(&described.queries, |one| query(&described.queries, one, true, &mut schemas))
            }
            "/queries/{name}" => {
                each(&described.queries, |one| query(&described.queries, one, false, &mut schemas))
            }
            "/watch/{name}" => each(&described.queries, |one| watch(&described.queries, one, &mut schemas)),
            path => vec![(String::new(), fixed(path, described, &mut schemas))],
        };
        for (name, operation) in operations {
            let path = route.path.replace("{name}", &name);
            let item = paths.entry(path).or_insert_with(|| json!({}));
            item[&method] = operation;
        }
    }
    let (problems, problem) = problems();
    let mut components = schemas.into_json();
    components.insert("Problem".to_owned(), problem);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": described.model,
            "version": described.today.preamble.version.to_string(),
            "description": "Commands change the model and are journaled; queries do not. A command and a query answer \
                `{position, value}`: the position of the command's record, or one that the state which answered contains at \
                least. Errors are `application/problem+json`.",
        },
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "servers": [{ "url": "/" }],
        "tags": [
            { "name": "commands", "description": "What changes the model." },
            { "name": "queries", "description": "What asks the model." },
            { "name": "live", "description": "What goes on, as server-sent events." },
            { "name": "past", "description": "The records of the journal." },
            { "name": "server", "description": "How the server is." },
        ],
        "security": [{}, { "token": [] }],
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": problems,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of the server's, or a JWT. Or connect with a certificate.",
                },
            },
        },
    })
}

/// The operation of each method that can be called.
fn each(methods: &Methods, mut of: impl FnMut(&Method) -> Json) -> Vec<(String, Json)> {
    let living = methods.all().filter(|method| !method.retired && has_json(methods, method));
    living.map(|method| (method.command.name.clone(), of(method))).collect()
}

/// Whether all of its types can be told in JSON.
fn has_json(methods: &Methods, method: &Method) -> bool {
    let arguments = method.command.arguments.iter().map(|argument| &argument.shape);
    let of = arguments.chain([&method.command.accepted]).chain(&method.command.rejected);
    of.into_iter().all(|shape| schemas::has_json(&methods.schema, shape))
}

/// What is the same in the description of every method.
fn operation(method: &Method, what: &str, tag: &str) -> Json {
    let name = &method.command.name;
    let docs = method.docs.trim();
    let mut operation = json!({
        "operationId": format!("{what}.{name}"),
        "tags": [tag],
        "summary": method.summary(),
    });
    if docs.lines().count() > 1 {
        operation["description"] = docs.into();
    }
    operation
}

fn command(methods: &Methods, method: &Method, schemas: &mut Schemas) -> Json {
    let mut operation = operation(method, "command", "commands");
    operation["parameters"] = json!([{
        "name": "Idempotency-Key",
        "in": "header",
        "description": "The identity of this command: sent again with the same key it happens once, and is answered the same. It is \
            remembered among those of the last 65,536 commands.",
        "schema": { "type": "string", "pattern": "^[!-~]{1,255}$" },
    }]);
    operation["requestBody"] = body(methods, method, schemas);
    let value = given("command", methods, method, schemas);
    let mut kinds = vec![Kind::KeyReused, Kind::Panicked, Kind::OutcomeUnknown, Kind::Failed];
    kinds.extend(OF_BODIES);
    let accepted =
        answer(&value, "It happened.", &[("Memstate-Request", "The identity that it was sent under.")]);
    operation["responses"] = responses(accepted, &kinds, rejection(methods, method, schemas));
    operation
}

fn query(methods: &Methods, method: &Method, by_get: bool, schemas: &mut Schemas) -> Json {
    let what = if by_get { "query" } else { "query.post" };
    let mut operation = operation(method, what, "queries");
    let mut parameters = if by_get { parameters(methods, method, schemas) } else { Vec::new() };
    let is_free = |name: &str| !by_get || !super::arguments::has(method, name);
    for (name, header, description, schema) in [
        ("at", "Memstate-At", "As of this position or time; a date alone is the end of its day.", when()),
        (
            "after",
            "Memstate-After",
            "A position that the state has to contain, such as that of a command; it is waited for at most 2 seconds.",
            json!({ "type": "integer", "minimum": 0, "maximum": u64::MAX }),
        ),
    ] {
        let (name, place) = if is_free(name) { (name, "query") } else { (header, "header") };
        parameters.push(json!({ "name": name, "in": place, "description": description, "schema": schema }));
    }
    operation["parameters"] = parameters.into();
    let mut kinds = vec![
        Kind::NoSuchPosition,
        Kind::NotYet,
        Kind::AnswerTooLarge,
        Kind::WrongArguments,
        Kind::Panicked,
        Kind::Failed,
    ];
    if !by_get {
        operation["requestBody"] = body(methods, method, schemas);
        kinds.extend(OF_BODIES);
    }
    let value = given("query", methods, method, schemas);
    let mut accepted = answer(&value, "The answer.", &[]);
    if let (true, Shape::List(element)) = (method.stream, &method.command.accepted) {
        // One line of it.
        accepted["content"]["application/x-ndjson"] = json!({ "schema": { "type": "string", "description": "A line for each." },
                    "x-line": schemas.of(&methods.schema, element) });
    }
    operation["responses"] = responses(accepted, &kinds, rejection(methods, method, schemas));
    operation
}

fn watch(methods: &Methods, method: &Method, schemas: &mut Schemas) -> Json {
    let mut operation = operation(method, "watch", "live");
    operation["description"] = format!(
        "The answer now, and again whenever it has changed: `event: answer` with `{{position, value}}`, `event: rejected` or \
         `event: failed` with a problem.\n\n{}",
        method.docs.trim()
    )
    .into();
    operation["parameters"] = parameters(methods, method, schemas).into();
    let accepted = sse("The answers.");
    let kinds = [Kind::WrongArguments, Kind::AnswerTooLarge, Kind::Panicked, Kind::Failed];
    operation["responses"] = responses(accepted, &kinds, None);
    operation
}

/// The arguments of a method in a body.
fn body(methods: &Methods, method: &Method, schemas: &mut Schemas) -> Json {
    let arguments = &method.command.arguments;
    let schema = schemas.fields(&methods.schema, arguments);
    let is_required = arguments.iter().any(|argument| !is_option(methods, argument));
    json!({ "required": is_required, "content": { "application/json": { "schema": schema } } })
}

fn is_option(methods: &Methods, argument: &Field) -> bool {
    matches!(Place::Shape(&argument.shape).form(&methods.schema), Ok(Form::Option(_)))
}

/// The arguments of a method in a query string: what has parts is JSON there.
fn parameters(methods: &Methods, method: &Method, schemas: &mut Schemas) -> Vec<Json> {
    let arguments = method.command.arguments.iter();
    let parameter = |argument: &Field| {
        let mut parameter = json!({
            "name": argument.name,
            "in": "query",
            "required": !is_option(methods, argument),
        });
        match schemas.plain(&methods.schema, &argument.shape) {
            Some(schema) => parameter["schema"] = schema,
            None => {
                let mut shape = &argument.shape;
                while let Ok(Form::Option(inner)) = Place::Shape(shape).form(&methods.schema) {
                    shape = inner;
                }
                let schema = schemas.of(&methods.schema, shape);
                parameter["content"] = json!({ "application/json": { "schema": schema } });
            }
        }
        parameter
    };
    arguments.map(parameter).collect()
}

/// A position, a time or a date.
fn when() -> Json {
    json!({
        "anyOf": [
            { "type": "integer", "minimum": 0, "maximum": u64::MAX },
            { "type": "string", "format": "date-time" },
            { "type": "string", "format": "date" },
        ],
    })
}

/// What a method gives. A tuple has a name of its own, because many tools know none but in a schema by itself.
fn given(what: &str, methods: &Methods, method: &Method, schemas: &mut Schemas) -> Json {
    let value = schemas.of(&methods.schema, &method.command.accepted);
    match value.get("prefixItems") {
        Some(_) => schemas.put(&format!("{what}.{}.value", method.command.name), value),
        None => value,
    }
}

/// What is given when all went well.
fn answer(value: &Json, description: &str, headers: &[(&str, &str)]) -> Json {
    let mut told = json!({
        "Memstate-Position": { "description": "`position` of the body.", "schema": { "type": "integer", "minimum": 0 } },
    });
    for (name, description) in headers {
        told[*name] = json!({ "description": description, "schema": { "type": "string" } });
    }
    json!({
        "description": description,
        "headers": told,
        "content": { "application/json": { "schema": {
            "type": "object",
            "properties": { "position": { "type": "integer", "minimum": 0 }, "value": value },
            "required": ["position", "value"],
            "additionalProperties": false,
        } } },
    })
}

fn sse(description: &str) -> Json {
    json!({
        "description": description,
        "content": { "text/event-stream": { "schema": { "type": "string" } } },
    })
}

/// The model's own error, where a method has one.
fn rejection(methods: &Methods, method: &Method, schemas: &mut Schemas) -> Option<Json> {
    let error = schemas.of(&methods.schema, method.command.rejected.as_ref()?);
    Some(json!({
        "description": Kind::Rejected.described().2,
        "content": { PROBLEM_JSON: { "schema": {
            "allOf": [
                { "$ref": "#/components/schemas/Problem" },
                { "type": "object", "properties": { "error": error }, "required": ["error"] },
            ],
        } } },
    }))
}

/// All answers of an operation, with those that are errors. Several errors of one status are one answer.
fn responses(accepted: Json, kinds: &[Kind], rejection: Option<Json>) -> Json {
    let mut responses = json!({ "200": accepted });
    for kind in OF_ALL.iter().chain(kinds) {
        let status = kind.described().1;
        responses[status.to_string()] = json!({ "$ref": format!("#/components/responses/{status}") });
    }
    if let Some(rejection) = rejection {
        responses["409"] = rejection;
    }
    responses
}

/// The answers that are errors, by their status, and what they look like.
fn problems() -> (Json, Json) {
    let mut responses = json!({});
    for kind in Kind::ALL {
        let (name, status, title, remedy) = kind.described();
        let told = format!("`{name}`: {title}. {remedy}");
        let response = &mut responses[status.to_string()];
        match response["description"].as_str() {
            Some(before) => response["description"] = format!("{before}\n\n{told}").into(),
            None => {
                *response = json!({
                    "description": told,
                    "content": { PROBLEM_JSON: { "schema": { "$ref": "#/components/schemas/Problem" } } },
                });
            }
        }
    }
    responses["401"]["headers"] = json!({ "WWW-Authenticate": { "schema": { "type": "string" } } });
    responses["429"]["headers"] = json!({ "Retry-After": { "schema": { "type": "integer" } } });
    let references: Vec<_> = Kind::ALL.into_iter().map(Kind::reference).collect();
    let problem = json!({
        "type": "object",
        "description": "An error, as RFC 9457 has them.",
        "properties": {
            "type": { "type": "string", "format": "uri-reference", "enum": references },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string" },
            "error": { "description": "The model's own error, of what was rejected." },
            "position": { "type": "integer", "description": "That of the command's record." },
            "pointer": { "type": "string", "description": "A JSON pointer into the body." },
            "parameter": { "type": "string", "description": "The name of a parameter." },
            "request": { "type": "string", "description": "The identity under which to send it again." },
            "near": { "type": "array", "items": { "type": "string" }, "description": "What may have been meant." },
            "hint": { "type": "string" },
        },
        "required": ["type", "title", "status", "detail"],
    });
    (responses, problem)
}

/// What is answered whatever the model is.
fn fixed(path: &str, described: &Described, schemas: &mut Schemas) -> Json {
    let any = json!({});
    let ok = |description: &str, media_type: &str, schema: Json| json!({ "description": description, "content": { media_type: { "schema": schema } } });
    let parameter = |name: &str, description: &str, schema: Json| json!({ "name": name, "in": "query", "description": description, "schema": schema });
    let position = || json!({ "type": "integer", "minimum": 0, "maximum": u64::MAX });
    let (id, tag, summary, parameters, accepted, kinds): (_, _, _, Vec<Json>, _, Vec<Kind>) = match path {
        "/events" => (
            "events",
            "live",
            "Events of commands, from now on or from a position on.",
            vec![
                parameter("from", "The position to begin at; from now on if it is left out.", position()),
                parameter(
                    "type",
                    "Names of events, with commas between; all if it is left out.",
                    json!({ "type": "string" }),
                ),
                parameter(
                    "where",
                    "What has to hold of an event: `amount >= 100 and (from == 7 or to == 7)`.",
                    json!({ "type": "string" }),
                ),
                json!({
                    "name": "Last-Event-ID",
                    "in": "header",
                    "description": "The id of the last event that is known: those after it come.",
                    "schema": { "type": "string", "pattern": "^[0-9]{1,18}(\\.[0-9]{1,18})?$" },
                }),
            ],
            {
                let event = described.events();
                let mut accepted = sse(
                    "`id` is the position and the place among the command's events, `event` the name of the variant, `data` the \
                     event as JSON. `event: missed` says of which commands, after `after` and through `through`, events are left \
                     out because they were not taken in time; `event: failed`, with a problem, is the last.",
                );
                if schemas::has_json(event.schema, event.shape) {
                    accepted["content"]["text/event-stream"]["x-data"] =
                        schemas.of(event.schema, event.shape);
                }
                accepted
            },
            vec![Kind::WrongArguments],
        ),
        "/history" => (
            "history",
            "past",
            "The records of the journal.",
            vec![
                parameter("from", "From this position or time on.", when()),
                parameter("to", "Through this position or time.", when()),
                parameter(
                    "events",
                    "Whether with what they announced; it is made again, which takes longer.",
                    json!({ "type": "boolean", "default": true }),
                ),
                parameter(
                    "limit",
                    "How many a page has.",
                    json!({ "type": "integer", "minimum": 1, "maximum": 1000, "default": 100 }),
                ),
            ],
            {
                let mut page = ok(
                    "A page of records.",
                    "application/json",
                    json!({
                        "type": "object",
                        "properties": {
                            "records": { "type": "array", "items": schemas.record() },
                            "next": { "type": ["string", "null"], "format": "uri-reference", "description": "Where the next page is." },
                        },
                        "required": ["records", "next"],
                    }),
                );
                page["content"]["application/x-ndjson"] = json!({ "schema": { "type": "string", "description": "A record on each line, to the end." } });
                page
            },
            vec![Kind::NoSuchPosition, Kind::AnswerTooLarge, Kind::WrongArguments, Kind::Failed],
        ),
        "/diff" => (
            "diff",
            "past",
            "What is different between two moments.",
            ["from", "to"]
                .map(|name| {
                    let mut one = parameter(name, "A position or a time.", when());
                    one["required"] = true.into();
                    one
                })
                .into(),
            ok(
                "The differences.",
                "application/json",
                json!({
                    "type": "object",
                    "properties": { "changes": { "type": "array", "items": {
                        "type": "object",
                        "properties": { "path": { "type": "string" }, "before": any, "after": any },
                        "required": ["path"],
                    } } },
                    "required": ["changes"],
                }),
            ),
            vec![Kind::NoSuchPosition, Kind::AnswerTooLarge, Kind::WrongArguments, Kind::Failed],
        ),
        "/openapi.json" => (
            "openapi",
            "server",
            "This description.",
            vec![],
            ok("It.", "application/json", json!({ "type": "object" })),
            vec![],
        ),
        "/metrics" => (
            "metrics",
            "server",
            "What is counted and measured, for Prometheus.",
            vec![],
            ok("Metrics as text.", "application/openmetrics-text", json!({ "type": "string" })),
            vec![],
        ),
        "/" => {
            let mut root = ok("Where to go.", "application/json", json!({ "type": "object" }));
            root["content"]["text/html"] = json!({ "schema": { "type": "string" } });
            ("root", "server", "Leads browsers to the docs page.", vec![], root, vec![])
        }
        "/docs" => (
            "docs",
            "server",
            "The docs page.",
            vec![],
            ok("A page.", "text/html", json!({ "type": "string" })),
            vec![Kind::Failed],
        ),
        "/healthz" => (
            "healthz",
            "server",
            "Whether the process lives.",
            vec![],
            ok("It does.", "application/json", status()),
            vec![],
        ),
        "/readyz" => (
            "readyz",
            "server",
            "Whether calls are answered.",
            vec![],
            ok("They are.", "application/json", status()),
            vec![],
        ),
        path => unreachable!("the route {path} has no description"),
    };
    let mut responses = responses(accepted, &kinds, None);
    if path == "/" {
        responses["307"] = json!({ "description": "To the docs page, for browsers." });
    }
    json!({
        "operationId": id,
        "tags": [tag],
        "summary": summary,
        "parameters": parameters,
        "responses": responses,
    })
}

fn status() -> Json {
    json!({ "type": "object", "properties": { "status": { "const": "ok" } }, "required": ["status"] })
}
