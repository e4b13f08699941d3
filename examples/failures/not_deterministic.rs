//! A command that asks something else than its record.

use std::{
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::{
    Shown,
    page::{Page, refused},
};

/// Stands for a clock, a file, a random number: it gives something else each time.
static NUMBERS: AtomicU64 = AtomicU64::new(1000);

mod broken {
    use super::{NUMBERS, Ordering};

    /// Tickets that were drawn.
    #[memstate::model]
    #[derive(Default)]
    pub struct Lottery {
        tickets: memstate::collections::Vec<(String, u64)>,
    }

    #[memstate::model]
    impl Lottery {
        /// Draws a ticket.
        pub fn draw(&mut self, player: String) -> u64 {
            let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
            self.tickets.push((player, number));
            number
        }
    }
}

mod mended {
    use memstate::Ctx;

    /// Tickets that were drawn.
    #[memstate::model]
    #[derive(Default)]
    pub struct Lottery {
        tickets: memstate::collections::Vec<(String, u64)>,
    }

    #[memstate::model]
    impl Lottery {
        /// Draws a ticket: the record says which.
        pub fn draw(&mut self, ctx: &mut Ctx, player: String) -> u64 {
            let number = ctx.rng().below(9000);
            self.tickets.push((player, number));
            number
        }

        /// What the player has drawn.
        pub fn drawn(&self, player: String) -> Option<u64> {
            self.tickets.iter().find(|(who, _)| *who == player).map(|(_, number)| *number)
        }
    }
}

pub async fn run(dir: &Path, page: &mut Page) -> Shown {
    page.heading("A command that is not deterministic");
    let lottery = memstate::open::<broken::Lottery>(dir).no_snapshot_on_close().await?;
    lottery.draw("Ann").await?;
    lottery.close().await?;
    drop(lottery);

    page.say("`draw` takes a number from outside of the model. When it is replayed, it gets another one:");
    page.show(&refused(memstate::open::<broken::Lottery>(dir).await)?);

    page.say(
        "With `ctx.rng()` instead, every replay draws the same. What was drawn until then is accepted once:",
    );
    let opened = memstate::open::<mended::Lottery>(dir).no_snapshot_on_close().accept_divergence();
    let lottery = opened.await?;
    let drawn = (lottery.drawn("Ann").await?, lottery.draw("Bob").await?);
    lottery.close().await?;
    drop(lottery);
    let lottery = memstate::open::<mended::Lottery>(dir).no_snapshot_on_close().await?;
    let again = (lottery.drawn("Ann").await?, lottery.drawn("Bob").await?);
    let same = again == (drawn.0, Some(drawn.1));
    page.say(&format!(
        "After a restart Ann and Bob have the same tickets: {}.",
        if same { "yes" } else { "no" }
    ));
    Ok(())
}
