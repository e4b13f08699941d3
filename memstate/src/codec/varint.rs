//! Numbers in variable length, seven bits a byte, the lowest first: taken from the front of bytes at once.
//!
//! How long a large number is can hardly be foretold, so a loop over its bytes ends in a wrong guess of the processor's. Here
//! eight bytes are looked at together where it is longer than three. What is wrong with what cannot be taken is for others to say.

/// The bits of a byte that are a part of the number.
const SEVEN_OF_EACH: u64 = 0x7f7f_7f7f_7f7f_7f7f;

/// Takes a number of at most so many bits; `None`, with nothing taken, if there is none.
#[inline]
pub(super) fn take(bytes: &mut &[u8], bits: u32) -> Option<u64> {
    match bytes.split_first() {
        Some((&byte, rest)) if byte < 0x80 => {
            *bytes = rest;
            Some(byte.into())
        }
        _ => take_several(bytes, bits),
    }
}

/// The same of a number that has several bytes.
fn take_several(bytes: &mut &[u8], bits: u32) -> Option<u64> {
    let (number, length) = match **bytes {
        [first, second @ 0..0x80, ..] => (u64::from(first & 0x7f) | u64::from(second) << 7, 2),
        [first, second, third @ 0..0x80, ..] => {
            (u64::from(first & 0x7f) | u64::from(second & 0x7f) << 7 | u64::from(third) << 14, 3)
        }
        _ => match bytes.first_chunk() {
            Some(word) => {
                let word = u64::from_le_bytes(*word);
                let last_bytes = !word & !SEVEN_OF_EACH;
                if last_bytes == 0 {
                    return take_longer(bytes, word, bits);
                }
                // Up to and with the highest bit of the number's last byte.
                let length = last_bytes.trailing_zeros() + 1;
                (joined(word & (u64::MAX >> (64 - length))), length / 8)
            }
            None => of_few(bytes)?,
        },
    };
    let fits = length <= bits.div_ceil(7) && (bits >= 56 || number >> bits == 0);
    if !fits {
        return None;
    }
    *bytes = &bytes[length as usize..];
    Some(number)
}

/// A number in fewer than eight bytes, and how many of them are its own.
fn of_few(bytes: &[u8]) -> Option<(u64, u32)> {
    let mut number = 0;
    for (index, byte) in (0..).zip(bytes) {
        number |= u64::from(byte & 0x7f) << (7 * index);
        if *byte < 0x80 {
            return Some((number, index + 1));
        }
    }
    None
}

/// The same of a number that goes on after eight bytes, which are `word`.
#[inline]
fn take_longer(bytes: &mut &[u8], word: u64, bits: u32) -> Option<u64> {
    let (&ninth, rest) = bytes.get(8..)?.split_first().filter(|_| bits == u64::BITS)?;
    let number = joined(word) | u64::from(ninth & 0x7f) << 56;
    if ninth < 0x80 {
        *bytes = rest;
        return Some(number);
    }
    let (&tenth, rest) = rest.split_first().filter(|(tenth, _)| **tenth <= 1)?;
    *bytes = rest;
    Some(number | u64::from(tenth) << 63)
}

/// Seven bits of each byte, side by side: pairs of sevens, then of fourteens, then of twenty-eights.
#[inline]
fn joined(word: u64) -> u64 {
    let word = (word & 0x007f_007f_007f_007f) | (word & 0x7f00_7f00_7f00_7f00) >> 1;
    let word = (word & 0x0000_3fff_0000_3fff) | (word & 0x3fff_0000_3fff_0000) >> 2;
    (word & 0x0000_0000_0fff_ffff) | (word & 0x0fff_ffff_0000_0000) >> 4
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the definition says, byte by byte.
    fn slowly(bytes: &[u8], bits: u32) -> Option<(u64, usize)> {
        let mut number = 0_u128;
        for (index, byte) in bytes.iter().enumerate().take(bits.div_ceil(7) as usize) {
            number |= u128::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                return (number >> bits == 0).then_some((number as u64, index + 1));
            }
        }
        None
    }

    fn is_taken_as_it_should_be(bytes: &[u8]) {
        for bits in [16, 32, 64] {
            for length in 0..=bytes.len() {
                let mut rest = &bytes[..length];
                let taken = take(&mut rest, bits).map(|number| (number, length - rest.len()));
                let expected = slowly(&bytes[..length], bits);
                assert_eq!(taken, expected, "{bits} bits of {:x?}", &bytes[..length]);
                assert!(taken.is_some() || rest.len() == length, "what is not taken is left");
            }
        }
    }

    #[test]
    fn numbers_of_every_length_are_those_that_a_loop_over_the_bytes_finds() {
        for continued in 0..12 {
            for high in [0x00, 0x01, 0x02, 0x03, 0x04, 0x0f, 0x10, 0x3f, 0x40, 0x7f] {
                for low in [0x80, 0x81, 0xd5, 0xff] {
                    let mut bytes = vec![low; continued];
                    bytes.push(high);
                    is_taken_as_it_should_be(&bytes);
                    bytes.extend([0xff; 12]);
                    is_taken_as_it_should_be(&bytes);
                }
            }
        }
        let mut random = 1_u64;
        for _ in 0..10_000 {
            let mut bytes = [0_u8; 20];
            for byte in &mut bytes {
                random =
                    random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                *byte = (random >> 56) as u8;
            }
            is_taken_as_it_should_be(&bytes);
        }
    }
}
