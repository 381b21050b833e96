//! What a text carries, so that whoever gets it knows when it was sent and by whom, without parsing anything around it.

use std::sync::LazyLock;
use std::time::Instant;

use memchr::memmem::Finder;

/// Bytes of a stamp in a text: `~T`, 16 digits, `F`, 6 digits.
pub const STAMP_BYTES: usize = 25;
/// The times of stamps start here, so that each has 16 digits and stands in JSON as a number of constant width.
pub const TIME_BASE: u64 = 1_000_000_000_000_000;

const MARK: &str = "~T";
static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
static FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(MARK));

/// Nanoseconds on the clock of this process, above [`TIME_BASE`].
#[must_use]
pub fn now() -> u64 {
    TIME_BASE + u64::try_from(ORIGIN.elapsed().as_nanos()).unwrap_or(u64::MAX / 2)
}

/// When and by whom a text was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// See [`now`]. Unique per sender, so it can serve as the ID of a request or of a message.
    pub time: u64,
    /// The number of the client, below 10^6.
    pub sender: u32,
}

impl Stamp {
    /// Writes it over the first [`STAMP_BYTES`] of a text.
    pub fn write(self, text: &mut [u8]) {
        let Some(text) = text.get_mut(..STAMP_BYTES) else { return };
        text[..2].copy_from_slice(MARK.as_bytes());
        digits(self.time, &mut text[2..18]);
        text[18] = b'F';
        digits(u64::from(self.sender), &mut text[19..25]);
    }

    /// The first stamp in what came, and the place behind it.
    #[must_use]
    pub fn find(input: &[u8]) -> Option<(Self, usize)> {
        let at = FINDER.find(input)?;
        let stamp = input.get(at..at + STAMP_BYTES)?;
        let (time, sender) = (number(&stamp[2..18])?, number(&stamp[19..25])?);
        Some((Self { time, sender: u32::try_from(sender).ok()? }, at + STAMP_BYTES))
    }
}

/// A text of `bytes`, with room for a stamp at its start. The letters behind it differ from text to text, so that
/// compression has nothing special to find.
#[must_use]
pub fn text(bytes: usize, seed: u64) -> Vec<u8> {
    let mut text = vec![b'.'; bytes.max(STAMP_BYTES)];
    letters(&mut text[STAMP_BYTES..], seed);
    text
}

/// Overwrites with letters that depend on the seed.
pub fn letters(text: &mut [u8], seed: u64) {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyzabcde ";
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    for chunk in text.chunks_mut(12) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        for (place, letter) in chunk.iter_mut().enumerate() {
            *letter = ALPHABET[usize::try_from((state >> (place * 5)) & 31).unwrap_or(0)];
        }
    }
}

/// Writes a number in decimal digits over the whole slice.
pub fn digits(mut number: u64, into: &mut [u8]) {
    for digit in into.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
}

/// Reads a number that fills the whole slice.
#[must_use]
pub fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + u64::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_found_where_it_was_written() {
        let stamp = Stamp { time: now(), sender: 123 };
        let mut text = text(100, 7);
        stamp.write(&mut text);
        let frame = [b"{\"Text\":\"", text.as_slice(), b"\"}"].concat();
        assert_eq!(Stamp::find(&frame), Some((stamp, 9 + STAMP_BYTES)));
        assert_eq!(Stamp::find(b"nothing ~T12"), None);
    }
}
