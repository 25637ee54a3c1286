//! A reward in an address: by the name it is kept under, as it is while it is short, packed when it is long. Knows no browser:
//! packing is done there.

/// The parts of an address that bring a reward: the hash of a kept one, the name of one to start from, its JSON, its JSON packed.
pub(crate) const KEYS: [&str; 4] = ["version", "preset", "reward", "z"];

/// Longest text that stands in an address as it is, bytes.
pub(crate) const PLAIN: usize = 900;

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Longest text that is unpacked: that of the largest reward that can be kept, and its layout.
#[cfg(feature = "ssr")]
const UNPACKED: u64 = 256 << 10;

/// Bytes in the URL-safe alphabet of RFC 4648, without padding.
pub(crate) fn to_text(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 4 / 3 + 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0_u32, |word, byte| (word << 8) | u32::from(*byte)) << (8 * (3 - chunk.len()));
        (0..=chunk.len()).for_each(|i| out.push(char::from(DIGITS[(word >> (18 - 6 * i) & 63) as usize])));
    }
    out
}

/// The reward that an address brings: which part of it, and what that says.
pub(crate) fn brought(get: impl Fn(&str) -> Option<String>) -> Option<(&'static str, String)> {
    KEYS.into_iter().find_map(|key| Some((key, get(key)?)))
}

/// A packed text again, if that is what it is. A small text can claim to be an endless one, so there is a limit.
#[cfg(feature = "ssr")]
pub(crate) fn unpack(packed: &str) -> Option<String> {
    use std::io::Read;
    let (mut text, bytes) = (String::new(), to_bytes(packed)?);
    let read = flate2::read::DeflateDecoder::new(bytes.as_slice()).take(UNPACKED + 1).read_to_string(&mut text).ok()?;
    (read as u64 <= UNPACKED && read > 0).then_some(text)
}

/// A value as part of an address (RFC 3986: only the unreserved characters stay).
#[cfg(feature = "ssr")]
pub(crate) fn encode(value: &str) -> String {
    let mut out = String::with_capacity(value.len() * 2);
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// The way back; none if a character is not of the alphabet.
#[cfg(any(test, feature = "ssr"))]
pub(crate) fn to_bytes(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    for chunk in text.as_bytes().chunks(4) {
        let mut word = 0_u32;
        for byte in chunk {
            word = (word << 6) | DIGITS.iter().position(|digit| digit == byte)? as u32;
        }
        word <<= 6 * (4 - chunk.len());
        (1..chunk.len()).for_each(|i| out.push((word >> (24 - 8 * i)) as u8));
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "ssr")]
    #[test]
    fn packed_texts_come_back_and_nothing_else_does() {
        use std::io::Write;
        let pack = |text: &[u8]| {
            let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(text).expect("writes");
            to_text(&encoder.finish().expect("packs"))
        };
        let text = "{\"graders\": []} \u{e9}".repeat(40);
        assert_eq!(unpack(&pack(text.as_bytes())).as_deref(), Some(text.as_str()));
        let endless = pack(&vec![b' '; 4 << 20]);
        assert!(endless.len() < 8192, "{}", endless.len());
        for broken in [endless.as_str(), "", "AAAA", "***", &pack(b"\xff"), &pack(text.as_bytes())[..20]] {
            assert_eq!(unpack(broken), None, "{}", broken.len());
        }
    }

    #[test]
    fn the_first_part_that_is_there_counts() {
        let query = |key: &str| (key == "reward" || key == "z").then(|| key.to_uppercase());
        assert_eq!(brought(query), Some(("reward", "REWARD".into())));
        assert_eq!(brought(|_| None), None);
    }

    #[test]
    fn rfc_4648_and_back() {
        // RFC 4648, section 10, without the padding.
        for (bytes, text) in [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(to_text(bytes.as_bytes()), text);
            assert_eq!(to_bytes(text).as_deref(), Some(bytes.as_bytes()));
        }
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(to_bytes(&to_text(&all)), Some(all));
        assert_eq!(to_bytes("a+b/"), None);
    }
}
