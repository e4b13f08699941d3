use memstate::Ctx;

#[memstate::model]
#[derive(Default)]
pub struct Clock {
    last: memstate::Timestamp,
}

#[memstate::model]
impl Clock {
    pub fn tick(&mut self, ctx: Ctx) {
        self.last = ctx.now();
    }
}

async fn client(clock: ClockClient) {
    clock.tick().await.unwrap();
}

fn main() {}
