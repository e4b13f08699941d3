//! in progress
use crate::{Model, Position, engine::Engine};
use std::sync::Arc;
/// in progress
pub struct Events<M: Model>(#[allow(dead_code)] Arc<Engine<M>>);
impl<M: Model> Events<M> {
    pub(crate) fn new(engine: Arc<Engine<M>>, _: Position) -> Self {
        Events(engine)
    }
}
