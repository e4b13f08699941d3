//! Tests that have to fail.

use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Once,
};

thread_local! {
    static LINE: RefCell<Option<(String, u32)>> = const { RefCell::new(None) };
}

/// What `test` panics with, and the file and the line that it blames.
pub fn failure(test: impl FnOnce()) -> (String, String, u32) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            LINE.set(panic.location().map(|place| (place.file().to_owned(), place.line())));
            usual(panic);
        }));
    });
    let panic = catch_unwind(AssertUnwindSafe(test)).expect_err("this has to fail");
    let text = match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => (*panic.downcast::<&'static str>().expect("a panic has a message")).to_owned(),
    };
    let (file, line) = LINE.take().expect("a panic has a place");
    (text, file, line)
}

/// What `test` panics with.
pub fn message(test: impl FnOnce()) -> String {
    failure(test).0
}
