//! UserSig version 2: who a client is, signed with the app's secret key (`docs/rest.md`).

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use hmac::{Hmac, KeyInit as _, Mac as _};
use lethe_protocol::{Code, Error};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// The longest token that is looked at, and the most it may inflate to.
const MAX_BYTES: u64 = 8192;

/// What a valid token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Unix seconds of issue.
    pub issued: u64,
    /// Unix seconds until which it is valid, exclusive.
    pub expires: u64,
}

#[derive(Serialize, Deserialize)]
struct Token {
    #[serde(rename = "TLS.ver")]
    version: String,
    #[serde(rename = "TLS.identifier")]
    user_id: String,
    #[serde(rename = "TLS.sdkappid")]
    sdk_app_id: u64,
    #[serde(rename = "TLS.time")]
    time: u64,
    /// Seconds of validity. Signed: a token made to be invalid is expired, not malformed.
    #[serde(rename = "TLS.expire")]
    expire: i64,
    #[serde(rename = "TLS.userbuf", default, skip_serializing_if = "Option::is_none")]
    userbuf: Option<String>,
    #[serde(rename = "TLS.sig")]
    sig: String,
}

impl Token {
    fn mac(&self, key: &str) -> Option<Hmac<Sha256>> {
        let mut text = format!(
            "TLS.identifier:{}\nTLS.sdkappid:{}\nTLS.time:{}\nTLS.expire:{}\n",
            self.user_id, self.sdk_app_id, self.time, self.expire
        );
        if let Some(userbuf) = &self.userbuf {
            text.push_str(&format!("TLS.userbuf:{userbuf}\n"));
        }
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).ok()?;
        mac.update(text.as_bytes());
        Some(mac)
    }
}

/// Makes a token for a user, valid for `expire` seconds from `now` (Unix seconds).
#[must_use]
pub fn mint(sdk_app_id: u32, key: &str, user_id: &str, now: u64, expire: i64) -> String {
    let mut token = Token {
        version: "2.0".to_owned(),
        user_id: user_id.to_owned(),
        sdk_app_id: u64::from(sdk_app_id),
        time: now,
        expire,
        userbuf: None,
        sig: String::new(),
    };
    token.sig = token.mac(key).map(|mac| STANDARD.encode(mac.finalize().into_bytes())).unwrap_or_default();
    let json = serde_json::to_vec(&token).unwrap_or_default();
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    let packed = zlib.write_all(&json).and_then(|()| zlib.finish()).unwrap_or_default();
    STANDARD.encode(packed).replace('+', "*").replace('/', "-").replace('=', "_")
}

/// Checks that `sig` was made for this user of this app and is valid at `now` (Unix seconds).
///
/// # Errors
/// `70002` empty, `70003` not decodable, `70014` another app's, `70013` another user's, `70009` signed with another key,
/// `70001` expired.
pub fn verify(sdk_app_id: u32, key: &str, user_id: &str, sig: &str, now: u64) -> Result<Claims, Error> {
    if sig.is_empty() {
        return Err(Error::new(Code::SIG_EMPTY, "the UserSig is empty"));
    }
    let token =
        decode(sig).ok_or_else(|| Error::new(Code::SIG_MALFORMED, "the UserSig cannot be decoded"))?;
    if token.sdk_app_id != u64::from(sdk_app_id) {
        let message = format!("the UserSig is for SDKAppID {}, not {sdk_app_id}", token.sdk_app_id);
        return Err(Error::new(Code::SIG_OTHER_APP, message));
    }
    if token.user_id != user_id {
        return Err(Error::new(Code::SIG_OTHER_USER, "the UserSig is for another user"));
    }
    let signed = STANDARD.decode(&token.sig).unwrap_or_default();
    let genuine = token.mac(key).is_some_and(|mac| mac.verify_slice(&signed).is_ok());
    if !genuine {
        return Err(Error::new(Code::SIG_FORGED, "the UserSig was signed with another key"));
    }
    let expires = token.time.saturating_add_signed(token.expire);
    if expires <= now {
        return Err(Error::new(Code::SIG_EXPIRED, "the UserSig has expired"));
    }
    Ok(Claims { issued: token.time, expires })
}

fn decode(sig: &str) -> Option<Token> {
    if sig.len() as u64 > MAX_BYTES {
        return None;
    }
    let packed = STANDARD.decode(sig.replace('*', "+").replace('-', "/").replace('_', "=")).ok()?;
    let mut json = Vec::new();
    ZlibDecoder::new(packed.as_slice()).take(MAX_BYTES).read_to_end(&mut json).ok()?;
    let token: Token = serde_json::from_slice(&json).ok()?;
    (token.version == "2.0").then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: u32 = 1_400_000_000;

    fn key() -> String {
        "0123456789abcdef".repeat(4)
    }

    #[test]
    fn the_vendors_vectors_hold() {
        let mut token = Token {
            version: "2.0".into(),
            user_id: "alice".into(),
            sdk_app_id: u64::from(APP),
            time: 1_700_000_000,
            expire: 86400,
            userbuf: None,
            sig: String::new(),
        };
        let sign = |token: &Token| STANDARD.encode(token.mac(&key()).unwrap().finalize().into_bytes());
        assert_eq!(sign(&token), "C78cR74h3kkb5ZIN2XIXoqDT14tpVlkxMQ2brG+aA0c=");
        token.userbuf = Some(STANDARD.encode("abc"));
        assert_eq!(sign(&token), "IcZKbInl6+2dZ+2Px6ue/3h9ImFpsEl58XaFqL+yDQo=");
    }

    #[test]
    fn each_fault_has_its_code() {
        let sig = mint(APP, &key(), "alice", 1000, 60);
        let check = |app, key: &str, user, sig: &str, now| {
            verify(app, key, user, sig, now).map_err(|error| error.code)
        };
        assert_eq!(check(APP, &key(), "alice", &sig, 1059), Ok(Claims { issued: 1000, expires: 1060 }));
        assert_eq!(check(APP, &key(), "alice", &sig, 1060), Err(Code::SIG_EXPIRED));
        assert_eq!(
            check(APP, &key(), "alice", &mint(APP, &key(), "alice", 1000, -1), 1000),
            Err(Code::SIG_EXPIRED)
        );
        assert_eq!(check(APP, &key(), "bob", &sig, 1000), Err(Code::SIG_OTHER_USER));
        assert_eq!(check(APP + 1, &key(), "alice", &sig, 1000), Err(Code::SIG_OTHER_APP));
        assert_eq!(check(APP, "another key", "alice", &sig, 1000), Err(Code::SIG_FORGED));
        assert_eq!(check(APP, &key(), "alice", "", 1000), Err(Code::SIG_EMPTY));
        for garbage in ["x", "eJw*", &sig[..40], &"A".repeat(9000)] {
            assert_eq!(check(APP, &key(), "alice", garbage, 1000), Err(Code::SIG_MALFORMED), "{garbage}");
        }
    }
}
