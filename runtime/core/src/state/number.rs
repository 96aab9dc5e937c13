//! A whole number as a column of a state's value, encoded as Arrow's row format does it.

/// Bytes of a number.
pub const BYTES: usize = 9;

/// The number as bytes, in whose order numbers are.
pub fn encode(number: i64) -> [u8; BYTES] {
    let mut bytes = [1; BYTES];
    bytes[1..].copy_from_slice(&(number ^ i64::MIN).to_be_bytes());
    bytes
}

/// The number that `bytes` are; 0 where they are none.
pub fn decode(bytes: &[u8]) -> i64 {
    match bytes.split_last_chunk() {
        Some(([1], digits)) => i64::from_be_bytes(*digits) ^ i64::MIN,
        _ => 0,
    }
}
