use bytes::Bytes;
use minicbor::{Decode, Encode};

use crate::StoreError;

/// Encodes a stored value.
#[expect(clippy::expect_used, reason = "writing to a vector cannot fail")]
pub(crate) fn encode<T: Encode<()>>(value: &T) -> Bytes {
    Bytes::from(minicbor::to_vec(value).expect("values encode"))
}

/// Decodes a stored value; one that does not decode was damaged.
pub(crate) fn decode<T: for<'b> Decode<'b, ()>>(bytes: &[u8]) -> Result<T, StoreError> {
    minicbor::decode(bytes)
        .map_err(|error| StoreError::Damaged(format!("a stored value cannot be read: {error}")))
}
