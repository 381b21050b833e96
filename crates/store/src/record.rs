use bytes::Bytes;
use minicbor::{Decode, Encode};

use crate::StoreError;

/// Most encoded values are shorter, in bytes.
const COMMON: usize = 128;

/// Encodes a stored value.
#[expect(clippy::expect_used, reason = "writing to a vector cannot fail")]
pub(crate) fn encode<T: Encode<()>>(value: &T) -> Bytes {
    let mut encoded = Vec::with_capacity(COMMON);
    minicbor::encode(value, &mut encoded).expect("values encode");
    // A copy has no room to spare: it is kept in memory for as long as the engine and the cache of rows have it.
    Bytes::copy_from_slice(&encoded)
}

/// Decodes a stored value; one that does not decode was damaged.
pub(crate) fn decode<T: for<'b> Decode<'b, ()>>(bytes: &[u8]) -> Result<T, StoreError> {
    minicbor::decode(bytes)
        .map_err(|error| StoreError::Damaged(format!("a stored value cannot be read: {error}")))
}
