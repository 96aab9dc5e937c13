//! The portable hash that routes keys to key groups.
//!
//! Its results are part of the state's format: a value hashes alike on every machine and in
//! every version, or restored state would be on the wrong worker. [`VERSION`] is written to
//! every manifest; goldens below fix the values. Integers of all widths hash by value, floats
//! with one zero and one NaN, texts by their bytes (XXH3, seed 0). Dates, times and timestamps
//! hash as their integers. A column's hash is folded into a row's by [`combine`].

/// Which hash this is; a manifest of another version is refused.
pub const VERSION: u32 = 1;

/// The hash of SQL NULL.
pub const NULL: u64 = 0x9e37_79b9_7f4a_7c15;

/// The hash of an integer of any width, widened to 64 bits.
#[inline]
pub const fn of_i64(value: i64) -> u64 {
    mix(value as u64)
}

/// The hash of a float: -0.0 hashes as 0.0, every NaN alike.
#[inline]
pub fn of_f64(value: f64) -> u64 {
    let bits = if value == 0.0 {
        0
    } else if value.is_nan() {
        f64::NAN.to_bits() & 0x7fff_ffff_ffff_ffff
    } else {
        value.to_bits()
    };
    mix(bits ^ 0x5bd1_e995_0000_0001)
}

/// The hash of a boolean.
#[inline]
pub const fn of_bool(value: bool) -> u64 {
    of_i64(value as i64)
}

/// The hash of a text or a binary value.
#[inline]
pub fn of_bytes(value: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(value)
}

/// A part of a hash as one for a table of this process, which takes a place from the lowest bits and
/// what tells neighbours apart from the highest. Not part of any format.
#[inline]
pub const fn spread(part: u32) -> u64 {
    (part as u64) << 32 | part as u64
}

/// Folds the hash of the next key column into that of the columns before it.
#[inline]
pub const fn combine(before: u64, next: u64) -> u64 {
    mix(before.rotate_left(23) ^ next)
}

#[inline]
const fn mix(x: u64) -> u64 {
    mixed(x.wrapping_add(NULL))
}

/// A number whose bits all depend on all of those of `x`; of no two numbers the same. The 64-bit finaliser
/// of `MurmurHash3` in the stronger variant 13 of David Stafford, as `SplitMix64` has it.
#[inline]
pub const fn mixed(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goldens_fix_the_hash_of_version_1() {
        assert_eq!(VERSION, 1);
        assert_eq!(of_i64(0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(of_i64(1), 0x910a_2dec_8902_5cc1);
        assert_eq!(of_bytes(b""), 0x2d06_8005_38d3_94c2);
        assert_eq!(of_bytes(b"sabot"), xxhash_rust::xxh3::xxh3_64(b"sabot"));
        assert_eq!(of_f64(-0.0), of_f64(0.0));
        assert_eq!(of_f64(f64::NAN), of_f64(-f64::NAN));
        assert_ne!(of_f64(1.0), of_i64(1));
        assert_ne!(combine(of_i64(1), of_i64(2)), combine(of_i64(2), of_i64(1)));
    }
}
