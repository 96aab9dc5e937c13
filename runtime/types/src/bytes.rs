//! Comparing short byte strings.

/// Whether two keys are the same. For keys that are looked up in memory the cache has not: the C library
/// compares short ones in registers of 32 bytes, and so waits for the next line of the cache, too, where a
/// key ends near the end of its line.
#[inline]
pub fn is_equal(a: &[u8], b: &[u8]) -> bool {
    let ((a_words, a_rest), (b_words, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut words = a_words.iter().zip(b_words);
    a.len() == b.len()
        && words.all(|(a, b)| u64::from_le_bytes(*a) == u64::from_le_bytes(*b))
        && a_rest.iter().zip(b_rest).all(|(a, b)| a == b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_equal_if_each_of_them_is() {
        let bytes: Vec<u8> = (1..40).collect();
        for len in 0..bytes.len() {
            let (a, longer) = (&bytes[..len], &bytes[..=len]);
            let copy = a.to_vec();
            assert!(is_equal(a, &copy));
            assert!(!is_equal(a, longer) && !is_equal(longer, a));
            for at in 0..len {
                let mut other = a.to_vec();
                other[at] ^= 1 << (at % 8);
                assert!(!is_equal(a, &other), "{len} bytes, byte {at}");
            }
        }
    }
}
