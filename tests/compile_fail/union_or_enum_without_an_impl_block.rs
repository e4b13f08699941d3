#[memstate::model]
pub enum Door {
    Open,
    Shut { at: u64 },
}

#[memstate::model]
pub union Bits {
    whole: u64,
    float: f64,
}

fn client(door: DoorClient, bits: BitsClient) {
    drop((door, bits));
}

fn main() {}
