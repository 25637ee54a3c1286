//! Names that nobody can guess, from the operating system's randomness.

use rand::TryRngCore;
use rand::rngs::OsRng;

use crate::ServiceError;

/// A secret: 64 hex digits.
///
/// # Errors
/// An operating system without randomness.
pub fn new_token() -> Result<String, ServiceError> {
    random_hex::<32>()
}

/// `N` random bytes as lower-case hex.
pub(crate) fn random_hex<const N: usize>() -> Result<String, ServiceError> {
    let mut bytes = [0; N];
    OsRng.try_fill_bytes(&mut bytes).map_err(|e| ServiceError::Randomness { reason: e.to_string() })?;
    Ok(hex::encode(bytes))
}
