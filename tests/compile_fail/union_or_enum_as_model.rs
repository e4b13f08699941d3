#[memstate::model]
pub union Bits {
    whole: u64,
    float: f64,
}

#[memstate::model]
impl Bits {
    pub fn set(&mut self, whole: u64) {
        self.whole = whole;
    }
}

#[memstate::model]
pub enum Door {
    Open,
    Shut { at: u64 },
}

#[memstate::model]
impl Door {
    pub fn shut(&mut self, at: u64) {
        *self = Door::Shut { at };
    }

    pub fn is_open(&self) -> bool {
        matches!(self, Door::Open)
    }
}

async fn client(bits: BitsClient, door: DoorClient) {
    let _: Result<(), _> = bits.set(3).await;
    let _: Result<bool, _> = door.is_open().await;
    let _ = (BitsCommand::Set { whole: 3 }, DoorCommand::Shut { at: 3 });
}

fn main() {}
