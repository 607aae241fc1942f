use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::testing::{at, user};

use super::*;

const SECRET: &str = "a secret of more than thirty-two bytes";

fn codec(secret: &str) -> JwtCodec {
    JwtCodec::new(&secret.into(), None).unwrap()
}

fn access() -> AccessClaims {
    let session_id = SessionId::from_uuid(Uuid::from_u128(7));
    AccessClaims { user_id: user(1), session_id, issued_at: at(0), expires_at: at(600) }
}

fn refresh() -> RefreshClaims {
    let session_id = SessionId::from_uuid(Uuid::from_u128(7));
    let generation = Generation::new(3);
    RefreshClaims { user_id: user(1), session_id, generation, issued_at: at(0), expires_at: at(600) }
}

fn signed_access(codec: &JwtCodec) -> String {
    codec.sign_access(&access()).unwrap().expose_secret().to_owned()
}

fn encoded(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// A token with this header and these claims, signed with the right secret by HMAC-SHA-256.
fn forged(header: &str, claims: &str) -> String {
    let head = format!("{}.{}", encoded(header), encoded(claims));
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let signature = jsonwebtoken::crypto::sign(head.as_bytes(), &key, Algorithm::HS256).unwrap();
    format!("{head}.{signature}")
}

const HEADER: &str = r#"{"typ":"JWT","alg":"HS256"}"#;

fn claims(times: &str) -> String {
    let id = "00000000-0000-0000-0000-000000000001";
    format!(r#"{{"iss":"hongyan","use":"access","sub":"{id}","sid":"{id}",{times}}}"#)
}

#[test]
fn a_token_round_trips_its_claims() {
    let codec = codec(SECRET);
    assert_eq!(codec.read_access(&signed_access(&codec), at(0)), Ok(access()));
    let token = codec.sign_refresh(&refresh()).unwrap();
    assert_eq!(codec.read_refresh(token.expose_secret(), at(599)), Ok(refresh()));
    assert_eq!(codec.sign_refresh(&refresh()).unwrap().expose_secret(), token.expose_secret());
}

#[test]
fn access_and_refresh_tokens_are_not_interchangeable() {
    let codec = codec(SECRET);
    let token = codec.sign_refresh(&refresh()).unwrap();
    assert_eq!(codec.read_access(token.expose_secret(), at(0)), Err(TokenRefusal::Invalid));
    assert_eq!(codec.read_refresh(&signed_access(&codec), at(0)), Err(TokenRefusal::Invalid));
}

#[test]
fn a_token_is_valid_from_its_issue_to_its_expiry() {
    let codec = codec(SECRET);
    let token = signed_access(&codec);
    for (now, result) in [
        (-6, Err(TokenRefusal::Invalid)),
        (-5, Ok(access())),
        (599, Ok(access())),
        (600, Err(TokenRefusal::Expired)),
        (100_000, Err(TokenRefusal::Expired)),
    ] {
        assert_eq!(codec.read_access(&token, at(now)), result, "{now}");
    }
}

#[test]
fn the_previous_secret_verifies_but_never_signs() {
    const NEW: &str = "another secret of more than thirty-two bytes";
    let (old, new) = (codec(SECRET), JwtCodec::new(&NEW.into(), Some(&SECRET.into())).unwrap());
    assert!(new.read_access(&signed_access(&old), at(0)).is_ok());
    assert!(new.read_access(&signed_access(&new), at(0)).is_ok());
    assert_eq!(old.read_access(&signed_access(&new), at(0)), Err(TokenRefusal::Invalid));
    assert_eq!(codec(NEW).read_access(&signed_access(&old), at(0)), Err(TokenRefusal::Invalid));
}

#[test]
fn a_short_secret_is_refused() {
    assert!(matches!(JwtCodec::new(&"x".repeat(31).into(), None), Err(SecretError::TooShort)));
    assert!(JwtCodec::new(&"x".repeat(32).into(), None).is_ok());
    let previous = SecretString::from("short");
    assert!(matches!(JwtCodec::new(&SECRET.into(), Some(&previous)), Err(SecretError::TooShort)));
}

#[test]
fn the_test_forger_can_forge_a_valid_token() {
    let times = format!(r#""iat":{},"exp":{}"#, at(0).timestamp(), at(600).timestamp());
    assert!(codec(SECRET).read_access(&forged(HEADER, &claims(&times)), at(0)).is_ok());
}

#[test]
fn forged_headers_are_refused() {
    let times = format!(r#""iat":{},"exp":{}"#, at(0).timestamp(), at(600).timestamp());
    for header in [
        r#"{"typ":"JWT","alg":"none"}"#,
        r#"{"typ":"JWT","alg":"None"}"#,
        r#"{"typ":"JWT","alg":"HS384"}"#,
        r#"{"typ":"JWT","alg":"HS512"}"#,
        r#"{"typ":"JWT","alg":"RS256"}"#,
        r#"{"typ":"JWT","alg":"ES256"}"#,
        r#"{"alg":"HS256"}"#,
        r#"{"alg":"HS256","typ":"JWT"}"#,
        r#"{"typ":"JWT","alg":"HS256","crit":["exp"]}"#,
        r#"{"typ":"JWT","alg":"HS256","jku":"http://127.0.0.1/keys"}"#,
        r#"{"typ":"JWT","alg":"HS256","kid":"../../etc/passwd"}"#,
        r#"{"typ":"JWT","alg":"HS256","jwk":{"kty":"oct","k":"AA"}}"#,
        r#"{"typ":"JWT","alg":"HS256","x5u":"http://127.0.0.1/cert"}"#,
        "{}",
        "",
    ] {
        let token = forged(header, &claims(&times));
        assert_eq!(codec(SECRET).read_access(&token, at(0)), Err(TokenRefusal::Invalid), "{header}");
    }
}

#[test]
fn forged_claims_are_refused() {
    let (now, later) = (at(0).timestamp(), at(600).timestamp());
    for times in [
        format!(r#""iat":{now}"#),
        format!(r#""exp":{later}"#),
        format!(r#""iat":{now},"exp":{later}.5"#),
        format!(r#""iat":{now},"exp":"{later}""#),
        format!(r#""iat":{now},"exp":9223372036854775807"#),
        format!(r#""iat":{now},"exp":9223372036854775808"#),
        format!(r#""iat":{now},"exp":null"#),
        format!(r#""iat":{later},"exp":{later}"#),
    ] {
        let token = forged(HEADER, &claims(&times));
        assert_eq!(codec(SECRET).read_access(&token, at(0)), Err(TokenRefusal::Invalid), "{times}");
    }
    let times = format!(r#""iat":{now},"exp":{later}"#);
    for (right, wrong) in [
        ("\"hongyan\"", "\"another\""),
        ("\"access\"", "\"admin\""),
        ("\"sub\":", "\"bus\":"),
        ("00000000-0000-0000-0000-000000000001", "1"),
    ] {
        let token = forged(HEADER, &claims(&times).replace(right, wrong));
        assert_eq!(codec(SECRET).read_access(&token, at(0)), Err(TokenRefusal::Invalid), "{wrong}");
    }
    let negative = forged(HEADER, &claims(r#""iat":-2,"exp":-1"#));
    assert_eq!(codec(SECRET).read_access(&negative, at(0)), Err(TokenRefusal::Expired));
}

#[test]
fn damaged_tokens_are_refused() {
    let codec = codec(SECRET);
    let token = signed_access(&codec);
    let (head, signature) = token.rsplit_once('.').unwrap();
    let unsigned = format!("{head}.");
    let swapped = format!("{head}.{}", signature.chars().rev().collect::<String>());
    let mut texts =
        vec![String::new(), ".".into(), "..".into(), "a.b.c".into(), head.to_owned(), unsigned, swapped];
    texts.extend([
        format!("{token}x"),
        format!("{token}="),
        format!(" {token}"),
        format!("{token}.{token}"),
        "x".repeat(1_000_000),
    ]);
    for text in texts {
        assert_eq!(codec.read_access(&text, at(0)), Err(TokenRefusal::Invalid));
    }
}
