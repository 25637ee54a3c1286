//! The GGUF container, version 2 and 3: magic, counts, key/values, tensor table, aligned data.
//!
//! Never knows what a model is. Reading borrows the file's bytes and allocates in proportion to what is really there,
//! whatever the header claims.

use crate::{LmError, Result};
use std::collections::BTreeMap;

pub use clicker_kernels::Kind;

/// A parsed file, its bytes at hand.
#[derive(Debug)]
pub struct GgufFile<'a> {
    /// Everything before the data.
    pub header: Header,
    /// Tensors by name.
    pub tensors: BTreeMap<String, TensorView<'a>>,
}

/// What a file says about itself.
#[derive(Debug)]
pub struct Header {
    /// Key/values.
    pub metadata: BTreeMap<String, Value>,
    /// Where each tensor lies.
    pub places: BTreeMap<String, Place>,
}

/// A tensor's place in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Element format.
    pub kind: Kind,
    /// Dimensions, rows first (the file has them fastest first).
    pub dims: Vec<usize>,
    /// First byte, from the beginning of the file.
    pub start: u64,
    /// Bytes.
    pub size: u64,
}

/// A file that is read piece by piece, wherever it lies.
pub trait ReadAt {
    /// Bytes in all.
    fn size(&self) -> u64;

    /// Fill `into` with the bytes from `offset` on.
    ///
    /// # Errors
    /// A file that ends before, or the reader's own.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<()>;
}

/// So that code need not be made for every kind of reader: a reference to one is `&dyn ReadAt`, whatever its size.
impl<R: ReadAt + ?Sized> ReadAt for &R {
    fn size(&self) -> u64 {
        (**self).size()
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<()> {
        (**self).read_at(offset, into)
    }
}

impl ReadAt for [u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<()> {
        let start = usize::try_from(offset).ok();
        let bytes = start.and_then(|start| self.get(start..start.checked_add(into.len())?));
        let bytes = bytes.ok_or_else(|| {
            bad(format!("it ends at byte {}; {} bytes from {offset} on were asked for", self.len(), into.len()))
        })?;
        into.copy_from_slice(bytes);
        Ok(())
    }
}

/// A metadata value; integers are widened.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Any unsigned integer.
    Unsigned(u64),
    /// Any signed integer.
    Signed(i64),
    /// Any float.
    Float(f64),
    /// A truth value.
    Bool(bool),
    /// A string.
    Text(String),
    /// A list of equals.
    List(Vec<Self>),
}

/// One tensor's place in the file.
#[derive(Clone, Debug)]
pub struct TensorView<'a> {
    /// Element format.
    pub kind: Kind,
    /// Dimensions, rows first (the file has them fastest first).
    pub dims: Vec<usize>,
    /// The bytes.
    pub data: &'a [u8],
}

const MAX_COUNT: u64 = 1 << 20;
const MAX_NAME: usize = 64 * 1024;

/// Parse a file.
///
/// # Errors
/// Names the field and what was wrong with it.
pub fn read(bytes: &[u8]) -> Result<GgufFile<'_>> {
    let header = parse(bytes, bytes.len() as u64)?;
    let view = |place: &Place| {
        // Places have been checked against the size of the file.
        let data = &bytes[place.start as usize..(place.start + place.size) as usize];
        TensorView { kind: place.kind, dims: place.dims.clone(), data }
    };
    let tensors = header.places.iter().map(|(name, place)| (name.clone(), view(place))).collect();
    Ok(GgufFile { header, tensors })
}

/// Read no more of a file than its header.
///
/// # Errors
/// As [`read`].
pub fn read_header(source: &(impl ReadAt + ?Sized)) -> Result<Header> {
    let mut known = source.size().min(FIRST_READ);
    loop {
        let mut bytes = vec![0; known as usize];
        source.read_at(0, &mut bytes)?;
        match parse(&bytes, source.size()) {
            // More of the file may be what it lacks, unless it is no GGUF at all.
            Err(_) if known < source.size().min(MAX_HEADER) && bytes.starts_with(MAGIC) => {
                known = (4 * known).min(source.size()).min(MAX_HEADER);
            }
            result => return result,
        }
    }
}

const MAGIC: &[u8] = b"GGUF";

/// Bytes that hold the header of a vocabulary of some 50,000 tokens: what does not fit is parsed twice.
const FIRST_READ: u64 = 2 << 20;

/// No vocabulary needs more.
const MAX_HEADER: u64 = 1 << 28;

/// Parse the header in the first bytes of a file of this size.
fn parse(bytes: &[u8], size: u64) -> Result<Header> {
    let mut cursor = Cursor { bytes, at: 0 };
    if cursor.take(4, "magic")? != MAGIC {
        return Err(bad("it does not begin with GGUF; is it a model file, and did the download finish?"));
    }
    let version = cursor.u32("version")?;
    if !(2..=3).contains(&version) {
        return Err(bad(format!("version {version}; this program reads 2 and 3")));
    }
    let (tensor_count, kv_count) = (cursor.u64("tensor count")?, cursor.u64("key count")?);
    if tensor_count > MAX_COUNT || kv_count > MAX_COUNT {
        return Err(bad(format!(
            "it claims {tensor_count} tensors and {kv_count} keys; at most {MAX_COUNT} of each make sense"
        )));
    }
    let mut metadata = BTreeMap::new();
    for _ in 0..kv_count {
        let key = cursor.text("key", MAX_NAME)?;
        let kind = cursor.u32("value type")?;
        let value = cursor.value(kind, true)?;
        if metadata.insert(key.clone(), value).is_some() {
            return Err(bad(format!("key `{key}` occurs twice")));
        }
    }
    let table = (0..tensor_count).map(|_| cursor.tensor_info()).collect::<Result<Vec<_>>>()?;
    let alignment = match metadata.get("general.alignment") {
        None => 32,
        Some(Value::Unsigned(n)) if n.is_power_of_two() && *n <= 1 << 16 => *n as usize,
        Some(other) => return Err(bad(format!("general.alignment is {other:?}; expected a power of two up to 65536"))),
    };
    let data_start = cursor.at.next_multiple_of(alignment) as u64;
    Ok(Header { metadata, places: place(table, data_start, size, alignment as u64)? })
}

struct Info {
    name: String,
    kind: Kind,
    dims: Vec<usize>,
    offset: u64,
}

/// Check that every tensor lies inside the file, aligned, and overlaps no other.
fn place(table: Vec<Info>, data_start: u64, size: u64, alignment: u64) -> Result<BTreeMap<String, Place>> {
    let mut spans = Vec::new();
    let mut places = BTreeMap::new();
    let available = size.saturating_sub(data_start);
    for info in table {
        let name = &info.name;
        let size = info.kind.bytes(&info.dims).ok_or_else(|| {
            bad(format!("tensor `{name}`: dimensions {:?} are no whole number of {:?} blocks", info.dims, info.kind))
        })? as u64;
        let start = info.offset;
        if !start.is_multiple_of(alignment) {
            return Err(bad(format!("tensor `{name}`: offset {start} is not a multiple of {alignment}")));
        }
        if start.checked_add(size).is_none_or(|end| end > available) {
            return Err(bad(format!(
                "tensor `{name}` needs bytes {start} to {} of the data, which has {available}; the file is cut off",
                start.saturating_add(size),
            )));
        }
        spans.push((start, start + size, info.name.clone()));
        let place = Place { kind: info.kind, dims: info.dims, start: data_start + start, size };
        if places.insert(info.name.clone(), place).is_some() {
            return Err(bad(format!("tensor `{}` occurs twice", info.name)));
        }
    }
    spans.sort();
    for pair in spans.windows(2) {
        if pair[1].0 < pair[0].1 {
            return Err(bad(format!("tensors `{}` and `{}` overlap", pair[0].2, pair[1].2)));
        }
    }
    Ok(places)
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, n: usize, what: &str) -> Result<&'a [u8]> {
        let end = self.at.checked_add(n);
        let slice = end.and_then(|end| self.bytes.get(self.at..end));
        let slice = slice
            .ok_or_else(|| bad(format!("it ends at byte {} inside {what}; the file is cut off", self.bytes.len())))?;
        self.at += n;
        Ok(slice)
    }

    fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N, what)?);
        Ok(out)
    }

    fn u32(&mut self, what: &str) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array(what)?))
    }

    fn u64(&mut self, what: &str) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array(what)?))
    }

    fn text(&mut self, what: &str, max: usize) -> Result<String> {
        let len = self.u64(what)?;
        let len = usize::try_from(len).ok().filter(|&n| n <= max);
        let len = len.ok_or_else(|| bad(format!("a {what} claims to be longer than {max} bytes")))?;
        String::from_utf8(self.take(len, what)?.to_vec()).map_err(|_| bad(format!("a {what} is not UTF-8")))
    }

    fn value(&mut self, kind: u32, lists: bool) -> Result<Value> {
        let what = "a value";
        Ok(match kind {
            0 => Value::Unsigned(self.array::<1>(what)?[0].into()),
            1 => Value::Signed(i8::from_le_bytes(self.array(what)?).into()),
            2 => Value::Unsigned(u16::from_le_bytes(self.array(what)?).into()),
            3 => Value::Signed(i16::from_le_bytes(self.array(what)?).into()),
            4 => Value::Unsigned(self.u32(what)?.into()),
            5 => Value::Signed(i32::from_le_bytes(self.array(what)?).into()),
            6 => Value::Float(f32::from_le_bytes(self.array(what)?).into()),
            7 => Value::Bool(self.array::<1>(what)?[0] != 0),
            8 => Value::Text(self.text(what, self.bytes.len())?),
            9 if lists => {
                let (item, count) = (self.u32(what)?, self.u64(what)?);
                // Texts take eight bytes or more.
                let likely = count.min((self.bytes.len() - self.at) as u64 / 8);
                let mut list = Vec::with_capacity(likely as usize);
                for _ in 0..count {
                    list.push(self.value(item, false)?);
                }
                Value::List(list)
            }
            10 => Value::Unsigned(self.u64(what)?),
            11 => Value::Signed(i64::from_le_bytes(self.array(what)?)),
            12 => Value::Float(f64::from_le_bytes(self.array(what)?)),
            other => return Err(bad(format!("value type {other} is unknown (or a list inside a list)"))),
        })
    }

    fn tensor_info(&mut self) -> Result<Info> {
        let name = self.text("tensor name", 256)?;
        let n_dims = self.u32("dimensions")?;
        if !(1..=4).contains(&n_dims) {
            return Err(bad(format!("tensor `{name}` has {n_dims} dimensions; expected 1 to 4")));
        }
        let mut dims = Vec::new();
        for _ in 0..n_dims {
            let dim = self.u64("dimensions")?;
            let dim = usize::try_from(dim).ok().filter(|&d| d > 0);
            dims.push(dim.ok_or_else(|| bad(format!("tensor `{name}` has an impossible dimension")))?);
        }
        dims.reverse();
        let id = self.u32("tensor type")?;
        let kind = Kind::from_id(id).ok_or_else(|| {
            bad(format!("tensor `{name}` is of type {id}; this version reads F32 (0), F16 (1), BF16 (30), Q4_0 (2), Q5_0 (6), Q8_0 (8), Q4_K (12) and Q6_K (14): convert it to one of these"))
        })?;
        Ok(Info { name, kind, dims, offset: self.u64("tensor offset")? })
    }
}

fn bad(problem: impl Into<String>) -> LmError {
    LmError::file("GGUF file", problem)
}

/// Write a file. Tensors are laid out in the given order; their bytes must be what kind and dimensions ask for.
///
/// # Errors
/// A tensor whose bytes do not fit its dimensions.
pub fn write(metadata: &[(String, Value)], tensors: &[(String, Kind, Vec<usize>, Vec<u8>)]) -> Result<Vec<u8>> {
    let mut out = b"GGUF".to_vec();
    out.extend(3u32.to_le_bytes());
    out.extend((tensors.len() as u64).to_le_bytes());
    out.extend((metadata.len() as u64).to_le_bytes());
    for (key, value) in metadata {
        put_text(&mut out, key);
        put_value(&mut out, value, true);
    }
    let mut offset = 0u64;
    for (name, kind, dims, data) in tensors {
        if kind.bytes(dims) != Some(data.len()) {
            return Err(bad(format!("tensor `{name}`: {} bytes do not hold {dims:?} as {kind:?}", data.len())));
        }
        put_text(&mut out, name);
        out.extend((dims.len() as u32).to_le_bytes());
        for &dim in dims.iter().rev() {
            out.extend((dim as u64).to_le_bytes());
        }
        out.extend(kind.id().to_le_bytes());
        out.extend(offset.to_le_bytes());
        offset = (offset + data.len() as u64).next_multiple_of(32);
    }
    for (_, _, _, data) in tensors {
        out.resize(out.len().next_multiple_of(32), 0);
        out.extend_from_slice(data);
    }
    Ok(out)
}

/// The file with a text under a key, in place of what stood there before. All other keys and the data keep their bytes, so it goes
/// with files of types that this crate does not write.
///
/// # Errors
/// No file that [`read`] takes.
pub fn with_text(bytes: &[u8], key: &str, text: &str) -> Result<Vec<u8>> {
    let alignment = match read(bytes)?.header.metadata.get("general.alignment") {
        Some(Value::Unsigned(n)) => *n as usize,
        _ => 32,
    };
    let mut cursor = Cursor { bytes, at: 8 };
    let (tensors, pairs) = (cursor.u64("tensor count")?, cursor.u64("key count")?);
    let (mut kept, mut count) = (Vec::new(), 1u64);
    for _ in 0..pairs {
        let start = cursor.at;
        let name = cursor.text("key", MAX_NAME)?;
        let kind = cursor.u32("value type")?;
        cursor.value(kind, true)?;
        if name != key {
            kept.extend_from_slice(&bytes[start..cursor.at]);
            count += 1;
        }
    }
    let table = cursor.at;
    for _ in 0..tensors {
        cursor.tensor_info()?;
    }
    let mut out = bytes[..8].to_vec();
    out.extend(tensors.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(kept);
    put_text(&mut out, key);
    put_value(&mut out, &Value::Text(text.to_owned()), true);
    out.extend_from_slice(&bytes[table..cursor.at]);
    // Places in the table are counted from the beginning of the data.
    out.resize(out.len().next_multiple_of(alignment), 0);
    out.extend_from_slice(bytes.get(cursor.at.next_multiple_of(alignment)..).unwrap_or_default());
    Ok(out)
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// Unsigned numbers are written as u32 where they fit, as other readers expect; lists take the type of their first item.
fn put_value(out: &mut Vec<u8>, value: &Value, tagged: bool) {
    let tag = |out: &mut Vec<u8>, id: u32| {
        if tagged {
            out.extend(id.to_le_bytes());
        }
    };
    match value {
        Value::Unsigned(n) => match u32::try_from(*n) {
            Ok(small) => {
                tag(out, 4);
                out.extend(small.to_le_bytes());
            }
            Err(_) => {
                tag(out, 10);
                out.extend(n.to_le_bytes());
            }
        },
        Value::Signed(n) => {
            // i32: the type of token types, the only signed values that are written.
            tag(out, 5);
            out.extend((*n as i32).to_le_bytes());
        }
        Value::Float(x) => {
            tag(out, 6);
            out.extend((*x as f32).to_le_bytes());
        }
        Value::Bool(b) => {
            tag(out, 7);
            out.push(u8::from(*b));
        }
        Value::Text(text) => {
            tag(out, 8);
            put_text(out, text);
        }
        Value::List(items) => {
            tag(out, 9);
            let id: u32 = match items.first() {
                Some(Value::Signed(_)) => 5,
                Some(Value::Float(_)) => 6,
                Some(Value::Unsigned(_)) => 4,
                _ => 8,
            };
            out.extend(id.to_le_bytes());
            out.extend((items.len() as u64).to_le_bytes());
            for item in items {
                put_value(out, item, false);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_put_in_and_replaced_and_nothing_else_changes() {
        let data: Vec<u8> = (0..32).collect();
        let keys = [("general.name".to_owned(), Value::Text("x".into())), ("n".to_owned(), Value::Unsigned(3))];
        let file = write(&keys, &[("t".into(), Kind::F32, vec![2, 4], data.clone())]).unwrap();
        let once = with_text(&file, "clicker.note", "a note that is longer than an alignment of 32 bytes").unwrap();
        let twice = with_text(&once, "clicker.note", "short").unwrap();
        for (bytes, note) in [(&once, "a note that is longer than an alignment of 32 bytes"), (&twice, "short")] {
            let back = read(bytes).unwrap();
            assert_eq!(back.header.metadata["clicker.note"], Value::Text(note.into()));
            assert_eq!(back.header.metadata["n"], Value::Unsigned(3));
            assert_eq!((back.header.metadata.len(), back.tensors["t"].data), (3, data.as_slice()));
        }
        assert!(with_text(b"no model", "k", "v").is_err());
    }
}
