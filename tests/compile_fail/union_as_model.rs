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

async fn client(bits: BitsClient) {
    let _: Result<(), _> = bits.set(3).await;
}

fn main() {}
