//! Standard Webhooks signatures, version 1: HMAC-SHA256 over id, time and body.
//!
//! The time is that of the try, so that a receiver can refuse old repetitions. While a secret is
//! being replaced, several are in use and each adds its signature to the list. No clock here.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::Hmac;
use hmac::KeyInit;
use hmac::Mac;
use sha2::Sha256;

use crate::delivery::clock::Timestamp;

/// What secrets of this scheme begin with.
const PREFIX: &str = "whsec_";

/// The length of a secret, in bytes, that the scheme allows.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A secret to sign with, shared with the receiver. Never printed.
#[derive(Clone)]
pub struct SigningSecret {
    keyed: Hmac<Sha256>,
}

impl SigningSecret {
    /// Reads a secret in its usual form: `whsec_` and 24 to 64 bytes in base64.
    ///
    /// # Errors
    /// When it is no base64 or too short or long. The message does not repeat the secret.
    pub fn parse(text: &str) -> Result<Self, SigningError> {
        let encoded = text.trim().strip_prefix(PREFIX).unwrap_or(text.trim());
        let bytes = STANDARD.decode(encoded).map_err(|_| SigningError::NotBase64)?;
        if !SECRET_BYTES.contains(&bytes.len()) {
            return Err(SigningError::Length(bytes.len()));
        }
        let keyed = Hmac::new_from_slice(&bytes).map_err(|_| SigningError::Length(bytes.len()))?;
        Ok(Self { keyed })
    }

    fn sign(&self, id: &str, time: Timestamp, body: &[u8]) -> String {
        let mut mac = self.keyed.clone();
        mac.update(id.as_bytes());
        mac.update(b".");
        mac.update(time.as_seconds().to_string().as_bytes());
        mac.update(b".");
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(***)")
    }
}

/// The value of `webhook-signature`: one signature for each secret, separated by blanks.
pub fn signature(secrets: &[SigningSecret], id: &str, time: Timestamp, body: &[u8]) -> String {
    let signatures: Vec<String> =
        secrets.iter().map(|secret| secret.sign(id, time, body)).collect();
    signatures.join(" ")
}

/// Why a text is no signing secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SigningError {
    /// It is no base64.
    NotBase64,
    /// It has this many bytes.
    Length(usize),
}

impl fmt::Display for SigningError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotBase64 => {
                write!(
                    f,
                    "expected a signing secret of {PREFIX} and base64, found other characters"
                )
            }
            Self::Length(found) => write!(
                f,
                "expected a signing secret of {} to {} bytes, found {found}",
                SECRET_BYTES.start(),
                SECRET_BYTES.end()
            ),
        }
    }
}

impl std::error::Error for SigningError {}

#[cfg(test)]
mod tests {
    use crate::delivery::clock::Timestamp;
    use crate::delivery::sign::SigningError;
    use crate::delivery::sign::SigningSecret;
    use crate::delivery::sign::signature;

    /// The example of the Standard Webhooks libraries.
    #[test]
    fn the_published_vector_is_met() {
        let secret = SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signed = secret.map(|secret| {
            let time = Timestamp::from_millis(1_614_265_330_000);
            signature(&[secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", time, br#"{"test": 2432232314}"#)
        });
        assert_eq!(signed.as_deref(), Ok("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    }

    #[test]
    fn each_secret_of_a_rotation_adds_a_signature() {
        let secrets: Vec<SigningSecret> =
            ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]
                .iter()
                .filter_map(|text| SigningSecret::parse(text).ok())
                .collect();
        let signed = signature(&secrets, "msg_1", Timestamp::from_millis(0), b"{}");
        let parts: Vec<&str> = signed.split(' ').collect();
        assert_eq!(parts.len(), 2);
        assert!(parts.iter().all(|part| part.starts_with("v1,")) && parts[0] != parts[1]);
    }

    #[test]
    fn a_bad_secret_is_refused_without_being_repeated() {
        assert_eq!(SigningSecret::parse("whsec_hunter2!").err(), Some(SigningError::NotBase64));
        assert_eq!(SigningSecret::parse("whsec_aGk=").err(), Some(SigningError::Length(2)));
        assert!(!SigningError::NotBase64.to_string().contains("hunter2"));
    }
}
