//! [`Choices`]: decisions that are taken from a tape of bytes, so that what was decided can be made simpler.

pub(super) struct Choices<'t> {
    tape: &'t [u8],
}

impl<'t> Choices<'t> {
    pub(super) fn new(tape: &'t [u8]) -> Self {
        Choices { tape }
    }

    /// A byte; zero when the tape is at its end.
    pub(super) fn byte(&mut self) -> u8 {
        let Some((&byte, rest)) = self.tape.split_first() else { return 0 };
        self.tape = rest;
        byte
    }

    /// One of `count` alternatives, of which the first is the simplest.
    pub(super) fn below(&mut self, count: usize) -> usize {
        match count {
            0 | 1 => 0,
            _ => usize::from(self.byte()) % count,
        }
    }

    /// Whether what happens once in `often` times happens.
    pub(super) fn once_in(&mut self, often: usize) -> bool {
        self.below(often) + 1 == often
    }

    pub(super) fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// A number of so many bits: small, large or at an edge.
    pub(super) fn number(&mut self, bits: u32) -> u128 {
        let all = u128::MAX >> (128 - bits);
        match self.below(6) {
            0..=2 => u128::from(self.byte()) & all,
            3 => all,
            4 => (all >> 1) + u128::from(self.byte() & 1),
            _ => {
                let mut bytes = [0; 16];
                bytes.fill_with(|| self.byte());
                (u128::from_le_bytes(bytes) >> (self.byte() & 0x7f)) & all
            }
        }
    }
}
