use super::*;

fn parse(text: &str) -> DatabaseUrl {
    DatabaseUrl::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// What was given, the URL without secrets, and the password.
const SPLIT: [(&str, &str, Option<&str>); 27] = [
    // The `@` of a parameter is not that of the credentials.
    ("postgresql://db:5432/chat?user=a@b", "postgresql:///chat?host=db&port=5432&user=a%40b", None),
    ("postgresql://me@db/chat?password=a@b", "postgresql:///chat?host=db&user=me", Some("a@b")),
    ("postgresql://me:one@db/chat?password=two", "postgresql:///chat?host=db&user=me", Some("two")),
    (
        "postgresql://me:one@db/chat?sslmode=require&password=t%26wo",
        "postgresql:///chat?host=db&sslmode=require&user=me",
        Some("t&wo"),
    ),
    ("postgresql://db/chat?p%61ssword=two", "postgresql:///chat?host=db", Some("two")),
    (
        "postgresql://me:p%40ss%20word@db:5432/chat",
        "postgresql:///chat?host=db&port=5432&user=me",
        Some("p@ss word"),
    ),
    ("postgresql://me:pass+word@db/chat", "postgresql:///chat?host=db&user=me", Some("pass+word")),
    ("postgresql://me:a:b?c@db/chat", "postgresql:///chat?host=db&user=me", Some("a:b?c")),
    ("postgresql://:only@db", "postgresql:///?host=db", Some("only")),
    ("postgres://me@db/chat", "postgresql:///chat?host=db&user=me", None),
    ("postgres://me:@db/chat", "postgresql:///chat?host=db&user=me", None),
    ("postgresql://", "postgresql:///", None),
    ("postgresql:///%E9%B8%BF%20x", "postgresql:///%E9%B8%BF%20x", None),
    ("postgresql://db?ssl=true&", "postgresql:///?host=db&sslmode=require", None),
    // Sockets, IPv6, several hosts.
    (
        "postgresql:///chat?host=/run/postgresql&user=me",
        "postgresql:///chat?host=%2Frun%2Fpostgresql&user=me",
        None,
    ),
    (
        "postgresql://me:s@%2Frun%2Fpg:6432/chat",
        "postgresql:///chat?host=%2Frun%2Fpg&port=6432&user=me",
        Some("s"),
    ),
    ("postgresql://me:s@[::1]:5433/chat", "postgresql:///chat?host=%3A%3A1&port=5433&user=me", Some("s")),
    ("postgresql://[fe80::1%25eth0]/chat", "postgresql:///chat?host=fe80%3A%3A1%25eth0", None),
    (
        "postgresql://me:s@one:1,two,[::2]:3/chat?target_session_attrs=any",
        "postgresql:///chat?host=one%2Ctwo%2C%3A%3A2&port=1%2C%2C3&target_session_attrs=any&user=me",
        Some("s"),
    ),
    // Pairs.
    ("host=db password=secret dbname=chat", "postgresql:///chat?host=db", Some("secret")),
    ("host = db  dbname= chat", "postgresql:///chat?host=db", None),
    ("host=db password='it\\'s one' dbname=chat", "postgresql:///chat?host=db", Some("it's one")),
    ("password='a=b host=c' host=''", "postgresql:///?host=", Some("a=b host=c")),
    ("password=a\\ b\\\\ host=/tmp", "postgresql:///?host=%2Ftmp", Some("a b\\")),
    ("password=secret", "postgresql:///", Some("secret")),
    ("host=db passfile=/x/password=y", "postgresql:///?host=db&passfile=%2Fx%2Fpassword%3Dy", None),
    ("", "postgresql:///", None),
];

#[test]
fn secrets_are_split_from_every_notation() {
    for (given, without, password) in SPLIT {
        let url = parse(given);
        assert_eq!(url.without_secrets(), without, "{given}");
        assert_eq!(url.secrets().get("password").map(ExposeSecret::expose_secret), password, "{given}");
        assert!(url.expose().starts_with(given.trim_end_matches('&')), "{given}: {}", url.expose());
    }
}

#[test]
fn the_url_without_secrets_means_the_same() {
    for (given, without, _) in SPLIT {
        let (url, again) = (parse(given), parse(without));
        let kept = url.parameters.iter().filter(|(_, value)| !value.is_empty());
        let read = again.parameters.iter().filter(|(_, value)| !value.is_empty());
        assert!(kept.eq(read), "{given}");
        assert!(again.secrets().is_empty());
    }
}

#[test]
fn no_secret_is_displayed_or_left_in_the_command_line() {
    for given in [
        "postgresql://me:canary@db/chat",
        "postgresql://db/chat?password=canary",
        "postgresql://db/chat?password=x&password=canary",
        "postgresql://db/chat?sslkey=/k&sslpassword=canary",
        "postgresql://db/chat?oauth_client_secret=canary&scram_client_key=canary&scram_server_key=canary",
        "host=db sslpassword='can\\'ary canary'",
        "PASSWORD=x password=canary",
    ] {
        let url = parse(given);
        assert!(!url.secrets().is_empty(), "{given}");
        for shown in [url.without_secrets(), url.to_string(), format!("{url:?}")] {
            assert!(!shown.contains("canary") && !shown.contains("ary"), "{given}: {shown}");
        }
    }
}

#[test]
fn the_place_is_displayed_and_the_credentials_are_masked() {
    for (given, shown) in [
        (
            "postgresql://hongyan:x@db.example:5433/chat?sslmode=require",
            "postgresql://***@db.example:5433/chat",
        ),
        ("postgresql://db:5432/chat?user=a@b", "postgresql://***@db:5432/chat"),
        ("postgres://db/chat?password=canary", "postgresql://***@db/chat"),
        ("postgres://db/chat", "postgresql://db/chat"),
        ("postgresql:///chat?host=%2Ftmp&user=canary", "postgresql://***@/chat?host=/tmp"),
        ("postgresql://a:b@[::1]:5433,two/chat", "postgresql://***@[::1]:5433,two/chat"),
        ("host=one,two port=5433 dbname=chat", "postgresql://one:5433,two:5433/chat"),
        ("host=db password=canary", "postgresql://***@db/"),
        ("", "postgresql:///"),
    ] {
        assert_eq!(parse(given).to_string(), shown, "{given}");
    }
}

#[test]
fn a_password_that_was_not_encoded_is_not_displayed() {
    for given in [
        "postgres://a:can@ary@db/chat",
        "postgres://a:12/ary@db/chat",
        "postgres://a:12/x?ary=1@db/chat",
        "postgres://a:can?ary@db/chat?host=x@y",
    ] {
        assert_eq!(parse(given).to_string(), "***", "{given}");
    }
}

#[test]
fn what_libpq_refuses_is_refused_with_a_reason_that_repeats_nothing() {
    use InvalidDatabaseUrl::{Brackets, Encoding, Notation, Port, Query, Quote};
    for (given, expected) in [
        ("canary", Notation),
        ("host=db canary", Notation),
        ("mysql://canary@db/chat", Notation),
        ("host=db canary password=x", Notation),
        ("=canary", Notation),
        ("host=db password='canary", Quote),
        ("postgres://a:can/ary@db/chat", Port),
        ("postgres://db:0/canary", Port),
        ("postgres://db/canary?port=65536", Port),
        ("postgres://a:canary%4@db", Encoding),
        ("postgres://a:canary%zz@db", Encoding),
        ("postgres://a:canary%00@db", Encoding),
        ("postgres://a:canary%ff@db", Encoding),
        ("postgres://[::1/canary", Brackets),
        ("postgres://[]/canary", Brackets),
        ("postgres://[::1]canary/chat", Brackets),
        ("postgres://db?canary", Query),
        ("postgres://db?a=b=canary", Query),
        ("postgres://db?=canary", Query),
    ] {
        let error = DatabaseUrl::parse(given).unwrap_err();
        assert_eq!(error, expected, "{given}");
        assert!(!error.to_string().contains("ary"), "{error}");
    }
}

#[test]
fn a_url_gets_the_timeouts_that_it_does_not_give() {
    let timeouts =
        "connect_timeout=2&tcp_user_timeout=5000&keepalives_idle=5&keepalives_interval=2&keepalives_count=3";
    for (given, after) in [
        ("postgresql://db/chat", format!("?{timeouts}")),
        ("postgresql://me:a?b@db/chat", format!("?{timeouts}")),
        ("postgresql://db/chat?sslmode=require", format!("&{timeouts}")),
        (
            "postgresql://db/chat?connect_timeout=9",
            format!("&{}", timeouts.replace("connect_timeout=2&", "")),
        ),
        ("postgresql://one,two/chat", format!("?{timeouts}&target_session_attrs=read-write")),
        ("postgresql://one,two/chat?target_session_attrs=any", format!("&{timeouts}")),
        ("host=db dbname=chat", format!(" {}", timeouts.replace('&', " "))),
    ] {
        let url = parse(given);
        assert_eq!(url.expose(), format!("{given}{after}"));
        let read_again = parse(url.expose());
        assert_eq!(read_again.parameter("host"), url.parameter("host"), "{given}");
        assert_eq!(read_again.expose(), url.expose(), "nothing is added twice");
    }
}
