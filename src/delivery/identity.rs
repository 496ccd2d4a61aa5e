//! The `webhook-id` and the lane: the same on every try, in every process, on every run.

use sha2::Digest as _;
use sha2::Sha256;

/// Bytes of the hash that are kept: two events in a trillion meet with a chance below 10^-14.
const BYTES: usize = 16;

/// The lane of all events that have this value in the field they are ordered by: the same in every
/// process and on every run.
pub fn lane_of(value: &str) -> u64 {
    let hash = Sha256::digest(value.as_bytes());
    hash.iter().take(8).fold(0, |lane, byte| lane << 8 | u64::from(*byte))
}

/// `msg_` and a hash of sync and event key.
///
/// ```
/// use webhook_stream::delivery::webhook_id;
///
/// assert_eq!(webhook_id("braze", "42"), webhook_id("braze", "42"));
/// assert_ne!(webhook_id("braze", "42"), webhook_id("other", "42"));
/// ```
pub fn webhook_id(sync: &str, key: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hash = Sha256::new();
    // The length keeps `ab` + `c` and `a` + `bc` apart.
    hash.update((sync.len() as u64).to_le_bytes());
    hash.update(sync.as_bytes());
    hash.update(key.as_bytes());
    let mut id = String::with_capacity(4 + 2 * BYTES);
    id.push_str("msg_");
    for byte in &hash.finalize()[..BYTES] {
        id.push(char::from(DIGITS[usize::from(byte >> 4)]));
        id.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    id
}
