//! What a receiver and a store know an event by stays the same in every process and every release.

use webhook_stream::delivery::lane_of;
use webhook_stream::delivery::webhook_id;

/// Made by another program: SHA-256 over the length of the sync's name as eight bytes, the lowest
/// first, the name and the key; the first sixteen bytes.
#[test]
fn the_webhook_id_of_an_event_never_changes() {
    assert_eq!(webhook_id("braze", "42"), "msg_1c1b3c3036842cd5b97b4a3d95bf9db0");
    assert_eq!(webhook_id("braze", "ü/🦀"), "msg_455fb6c8533d74af1c02ece578fe1dff");
    assert_eq!(webhook_id("b", "raze42"), "msg_88a7aef479f8c506551f870ec48aabac");
}

/// Made by another program: the first eight bytes of SHA-256, the highest first.
#[test]
fn the_lane_of_a_value_never_changes() {
    assert_eq!(lane_of("ada"), 18_297_636_060_252_690_398);
}
