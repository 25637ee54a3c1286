//! A TensorBoard event file: records with masked CRC-32C around serialised `Event` messages, one scalar summary per figure. The
//! few fields that are needed are written by hand; a library for protocol buffers would be the larger part of this program.
//!
//! | message | field | number, wire type |
//! |---|---|---|
//! | Event | wall_time, step, file_version, summary | 1 fixed64, 2 varint, 3 bytes, 5 bytes |
//! | Summary | value | 1 bytes |
//! | Summary.Value | tag, simple_value | 1 bytes, 2 fixed32 |

use super::RunLog;

/// The file, and how many steps are in it.
pub(super) fn event_file(log: &RunLog) -> (Vec<u8>, usize) {
    let mut first = Vec::new();
    fixed64(&mut first, 1, log.started_ms as f64 / 1000.0);
    bytes(&mut first, 3, b"brain.Event:2");
    let mut out = Vec::new();
    record(&mut out, &first);
    let steps = log.steps();
    for (number, step) in &steps {
        let mut summary = Vec::new();
        for (tag, value) in &step.values {
            let mut scalar = Vec::new();
            bytes(&mut scalar, 1, tag.as_bytes());
            fixed32(&mut scalar, 2, *value as f32);
            bytes(&mut summary, 1, &scalar);
        }
        let mut event = Vec::new();
        fixed64(&mut event, 1, step.at_s);
        key(&mut event, 2, 0);
        varint(&mut event, u64::from(*number));
        bytes(&mut event, 5, &summary);
        record(&mut out, &event);
    }
    (out, steps.len())
}

/// Length, its checksum, the data, its checksum; little endian.
pub(super) fn record(out: &mut Vec<u8>, data: &[u8]) {
    let length = (data.len() as u64).to_le_bytes();
    out.extend(length);
    out.extend(masked(crc32c(&length)).to_le_bytes());
    out.extend(data);
    out.extend(masked(crc32c(data)).to_le_bytes());
}

/// A checksum of data that holds checksums is weak; records rotate it and add a constant.
fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C (Castagnoli), bit by bit: the files are small.
pub(super) fn crc32c(data: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in data {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

fn key(out: &mut Vec<u8>, field: u64, wire_type: u64) {
    varint(out, (field << 3) | wire_type);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn fixed64(out: &mut Vec<u8>, field: u64, value: f64) {
    key(out, field, 1);
    out.extend(value.to_le_bytes());
}

fn fixed32(out: &mut Vec<u8>, field: u64, value: f32) {
    key(out, field, 5);
    out.extend(value.to_le_bytes());
}

fn bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    key(out, field, 2);
    varint(out, value.len() as u64);
    out.extend(value);
}
