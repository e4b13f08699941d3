#[memstate::model]
#[path = "module_in_another_file/bank.rs"]
mod bank;

fn main() {
    let _ = bank::Bank;
}
