//! Answers HTTP for `memstate_server_tests::shapes::Shapes` on the address that is given, until its input ends.
//!
//! `tests/server/schemathesis.sh` runs it.

use std::io::Read;

use memstate_server_tests::shapes::Shapes;

#[tokio::main]
async fn main() {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let shapes = memstate::open::<Shapes>("memory:").await.expect("it opens");
    let mut settings = memstate::server::Settings::default();
    settings.listen = None;
    // The numbers below any end are many.
    settings.limits.answer_bytes = 1 << 20;
    settings.http = Some(address.parse().expect("an address, such as 127.0.0.1:7118"));
    let serving = memstate::serve(&shapes, settings).await.expect("it is served");
    println!("{}", serving.http_address().expect("HTTP is answered"));
    let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    let _ = ended.await;
    serving.stop().await;
}
