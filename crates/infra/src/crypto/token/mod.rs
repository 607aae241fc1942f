//! Access and refresh tokens: JWTs signed with HMAC-SHA-256.

use chrono::{DateTime, TimeDelta, Utc};
use domain::auth::{AccessClaims, Generation, RefreshClaims, TokenCodec, TokenRefusal};
use domain::error::PortError;
use domain::id::{SessionId, UserId};
use jsonwebtoken::dangerous::insecure_decode_claims;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Signs tokens with the current secret and verifies those of the previous one too, which allows key rotation.
pub struct JwtCodec {
    header: String,
    signing: EncodingKey,
    /// The key of the current secret first.
    verifying: Vec<DecodingKey>,
}

/// Why a secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The secret is shorter than the hash and therefore easier to guess.
    #[error("a signing secret needs at least {} bytes", JwtCodec::MIN_SECRET_BYTES)]
    TooShort,
    /// Signing or verifying a trial token failed.
    #[error("tokens cannot be signed: {0}")]
    Trial(String),
}

const ISSUER: &str = "hongyan";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum TokenUse {
    Access,
    Refresh,
}

/// The JWT claims of both kinds of token. Times are seconds since 1970.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    r#use: TokenUse,
    sub: Uuid,
    sid: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    r#gen: Option<i32>,
    iat: i64,
    exp: i64,
}

impl JwtCodec {
    /// RFC 7518, section 3.2: the key must be at least as long as the hash.
    pub const MIN_SECRET_BYTES: usize = 32;
    /// Tolerated clock difference between two instances.
    const LEEWAY: TimeDelta = TimeDelta::seconds(5);

    /// Creates the keys, and signs and verifies a trial token.
    ///
    /// # Errors
    /// See [`SecretError`].
    pub fn new(secret: &SecretString, previous: Option<&SecretString>) -> Result<Self, SecretError> {
        let secrets = std::iter::once(secret).chain(previous);
        let mut verifying = Vec::new();
        for secret in secrets {
            if secret.expose_secret().len() < Self::MIN_SECRET_BYTES {
                return Err(SecretError::TooShort);
            }
            verifying.push(DecodingKey::from_secret(secret.expose_secret().as_bytes()));
        }
        let signing = EncodingKey::from_secret(secret.expose_secret().as_bytes());
        let trial =
            sign(&signing, &Claims::trial()).map_err(|error| SecretError::Trial(error.to_string()))?;
        let header = trial.split_once('.').map(|(header, _)| header.to_owned()).unwrap_or_default();
        let codec = Self { header, signing, verifying };
        match codec.read(&trial) {
            Some(_) => Ok(codec),
            None => Err(SecretError::Trial("the trial token does not verify".to_owned())),
        }
    }

    /// Verifies the signature. Only the exact header that this codec writes is accepted: no other algorithm, no `crit`,
    /// no embedded or remote key. So the header need not be parsed, as `jsonwebtoken::decode` does with each call.
    fn read(&self, token: &str) -> Option<Claims> {
        let (signed, signature) = token.rsplit_once('.')?;
        if signed.split_once('.')?.0 != self.header {
            return None;
        }
        let verifies = |key| {
            jsonwebtoken::crypto::verify(signature, signed.as_bytes(), key, Algorithm::HS256).unwrap_or(false)
        };
        if !self.verifying.iter().any(verifies) {
            return None;
        }
        // "Insecure", because it does not verify the signature, which is done.
        insecure_decode_claims(token).ok()
    }

    fn read_claims(
        &self,
        token: &str,
        wanted: TokenUse,
        now: DateTime<Utc>,
    ) -> Result<VerifiedClaims, TokenRefusal> {
        let claims: Claims =
            self.read(token).filter(|claims: &Claims| claims.r#use == wanted).ok_or(TokenRefusal::Invalid)?;
        let time = |seconds| DateTime::from_timestamp(seconds, 0).ok_or(TokenRefusal::Invalid);
        let (issued_at, expires_at) = (time(claims.iat)?, time(claims.exp)?);
        if issued_at.signed_duration_since(now) > Self::LEEWAY || claims.iss != ISSUER {
            return Err(TokenRefusal::Invalid);
        }
        if expires_at <= now {
            return Err(TokenRefusal::Expired);
        }
        Ok(VerifiedClaims { claims, issued_at, expires_at })
    }

    fn sign(&self, claims: &Claims) -> Result<SecretString, PortError> {
        sign(&self.signing, claims).map(SecretString::from).map_err(PortError::internal)
    }
}

struct VerifiedClaims {
    claims: Claims,
    issued_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

fn sign(key: &EncodingKey, claims: &Claims) -> Result<String, jsonwebtoken::errors::Error> {
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, key)
}

impl Claims {
    fn trial() -> Self {
        Self {
            iss: ISSUER.to_owned(),
            r#use: TokenUse::Access,
            sub: Uuid::nil(),
            sid: Uuid::nil(),
            r#gen: None,
            iat: 0,
            exp: 0,
        }
    }
}

impl TokenCodec for JwtCodec {
    fn sign_access(&self, claims: &AccessClaims) -> Result<SecretString, PortError> {
        self.sign(&Claims {
            iss: ISSUER.to_owned(),
            r#use: TokenUse::Access,
            sub: claims.user_id.as_uuid(),
            sid: claims.session_id.as_uuid(),
            r#gen: None,
            iat: claims.issued_at.timestamp(),
            exp: claims.expires_at.timestamp(),
        })
    }

    fn sign_refresh(&self, claims: &RefreshClaims) -> Result<SecretString, PortError> {
        self.sign(&Claims {
            iss: ISSUER.to_owned(),
            r#use: TokenUse::Refresh,
            sub: claims.user_id.as_uuid(),
            sid: claims.session_id.as_uuid(),
            r#gen: Some(claims.generation.get()),
            iat: claims.issued_at.timestamp(),
            exp: claims.expires_at.timestamp(),
        })
    }

    fn read_access(&self, token: &str, now: DateTime<Utc>) -> Result<AccessClaims, TokenRefusal> {
        let verified = self.read_claims(token, TokenUse::Access, now)?;
        Ok(AccessClaims {
            user_id: UserId::from_uuid(verified.claims.sub),
            session_id: SessionId::from_uuid(verified.claims.sid),
            issued_at: verified.issued_at,
            expires_at: verified.expires_at,
        })
    }

    fn read_refresh(&self, token: &str, now: DateTime<Utc>) -> Result<RefreshClaims, TokenRefusal> {
        let verified = self.read_claims(token, TokenUse::Refresh, now)?;
        let generation = verified.claims.r#gen.filter(|number| *number >= 0).ok_or(TokenRefusal::Invalid)?;
        Ok(RefreshClaims {
            user_id: UserId::from_uuid(verified.claims.sub),
            session_id: SessionId::from_uuid(verified.claims.sid),
            generation: Generation::new(generation),
            issued_at: verified.issued_at,
            expires_at: verified.expires_at,
        })
    }
}

#[cfg(test)]
mod tests;
