//! What the macros write, used without an engine.

#[path = "macros/attributes.rs"]
mod attributes;
#[path = "macros/bank.rs"]
mod bank;
#[path = "macros/carried.rs"]
mod carried;
#[path = "macros/conditions.rs"]
mod conditions;
#[path = "macros/data.rs"]
mod data;
#[path = "macros/deterministic.rs"]
mod deterministic;
#[path = "macros/emitted.rs"]
mod emitted;
#[path = "macros/evolution.rs"]
mod evolution;
#[path = "macros/forms.rs"]
mod forms;
#[path = "macros/generic.rs"]
mod generic;
#[path = "macros/hostile.rs"]
mod hostile;
#[path = "macros/hygiene.rs"]
mod hygiene;
#[path = "macros/module.rs"]
mod module;
#[path = "macros/parts.rs"]
mod parts;
#[path = "macros/primitives.rs"]
mod primitives;
#[path = "macros/receivers.rs"]
mod receivers;
#[path = "macros/shapes.rs"]
mod shapes;
