//! The model of the small golden journal that docs/format.md takes apart. It must never be changed.
#![allow(missing_docs, reason = "the model of a test")]

use memstate::{Ctx, collections::Vec};

#[memstate::data]
#[derive(Debug, PartialEq)]
pub struct Sold(pub u32);

#[memstate::model]
#[derive(Debug, Default)]
pub struct Till {
    pub cents: u32,
    pub sellers: Vec<String>,
}

#[memstate::model(events = Sold)]
impl Till {
    pub fn sell(&mut self, ctx: &mut Ctx<Sold>, cents: u32) -> Result<u32, String> {
        self.cents += cents;
        self.sellers.extend(ctx.caller().map(str::to_owned));
        ctx.emit(Sold(cents));
        match cents {
            0 => Err("nothing is not sold".to_owned()),
            _ => Ok(self.cents),
        }
    }

    pub fn close_day(&mut self) {
        self.sellers.clear();
    }
}
