//! The owner's token on disk.

use clicker_server::OwnerKey;
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

#[test]
fn the_token_is_made_once_and_readable_by_its_owner_only() {
    let dir = TempDir::new().expect("a folder");
    let first = OwnerKey::load(dir.path()).expect("makes a token");
    assert_eq!(first.token().len(), 64);
    assert_eq!(OwnerKey::load(dir.path()).expect("reads it").token(), first.token());
    let file = dir.path().join("owner.token");
    assert_eq!(std::fs::metadata(&file).expect("is there").permissions().mode() & 0o777, 0o600);
    assert_eq!(format!("{first:?}"), "OwnerKey", "logs must not show it");
    std::fs::write(&file, "").expect("emptied");
    assert!(OwnerKey::load(dir.path()).expect_err("is refused").to_string().contains("owner.token"));
}
