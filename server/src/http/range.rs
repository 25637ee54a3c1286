//! The `Range` header (RFC 9110, section 14), as far as one range goes.

use std::ops::Range;

/// What a `Range` header asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Everything: the header is not understood (the RFC lets a server ignore it) or asks for several ranges.
    Whole,
    /// These bytes, not empty, within the object.
    Part(Range<u64>),
    /// Nothing that exists.
    Impossible,
}

/// What a header asks for, of an object of `size` bytes.
pub(super) fn wish(header: &str, size: u64) -> Wish {
    let Some((first, last)) = header.trim().strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Wish::Whole;
    };
    let range = match (number(first), number(last)) {
        (Ok(Some(first)), Ok(Some(last))) if last < first => return Wish::Whole,
        (Ok(Some(first)), Ok(Some(last))) => first..last.saturating_add(1).min(size),
        (Ok(Some(first)), Ok(None)) => first..size,
        (Ok(None), Ok(Some(suffix))) => size.saturating_sub(suffix)..size,
        _ => return Wish::Whole,
    };
    if range.start < range.end { Wish::Part(range) } else { Wish::Impossible }
}

fn number(text: &str) -> Result<Option<u64>, ()> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(());
    }
    // A number too large to hold lies beyond every object.
    Ok(Some(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::{Wish, wish};

    #[test]
    fn ranges_are_read_as_the_rfc_says() {
        for (header, wanted) in [
            ("bytes=0-0", Wish::Part(0..1)),
            ("bytes=2-5", Wish::Part(2..6)),
            ("bytes=7-", Wish::Part(7..10)),
            ("bytes=-3", Wish::Part(7..10)),
            ("bytes=-30", Wish::Part(0..10)),
            ("bytes=5-99", Wish::Part(5..10)),
            ("bytes=5-99999999999999999999", Wish::Part(5..10)),
            ("bytes=10-", Wish::Impossible),
            ("bytes=-0", Wish::Impossible),
            ("bytes=99999999999999999999-", Wish::Impossible),
            ("bytes=5-2", Wish::Whole),
            ("bytes=0-1,4-5", Wish::Whole),
            ("bytes=-", Wish::Whole),
            ("bytes=+1-2", Wish::Whole),
            ("lines=0-1", Wish::Whole),
        ] {
            assert_eq!(wish(header, 10), wanted, "{header}");
        }
    }
}
