use std::io::Write;

use super::*;

fn options() -> Options {
    Options::default()
}

fn refusal(options: Options) -> String {
    format!("{:#}", Settings::from_options(options).unwrap_err())
}

#[test]
fn nothing_needs_to_be_set() {
    let settings = Settings::from_options(options()).unwrap();
    assert_eq!(settings.bind.to_string(), "127.0.0.1:8080");
    assert!(matches!(settings.database, DatabaseSettings::Own));
    assert_eq!(settings.signing.lifetimes.access, Duration::from_secs(600));
    assert_eq!(settings.rules.recall_window, Duration::from_secs(120));
    assert_eq!(settings.bcrypt_cost, 12);
    assert_eq!(settings.rules.uid_change_interval, Duration::ZERO);
    assert_eq!((settings.rules.messages_per_minute, settings.rules.requests.per_day), (None, None));
}

#[test]
fn a_quota_of_nothing_is_none() {
    let quotas = |number| {
        let options = Options {
            quota_messages_per_minute: Some(number),
            quota_requests_per_day: Some(number),
            ..options()
        };
        let rules = Settings::from_options(options).unwrap().rules;
        (rules.messages_per_minute, rules.requests.per_day)
    };
    assert_eq!(quotas(0), (None, None));
    assert_eq!(quotas(7), (NonZeroU32::new(7), NonZeroU32::new(7)));
}

#[test]
fn a_given_database_needs_a_secret_and_a_ready_one_is_offered() {
    let text = refusal(Options { database_url: Some("postgres://db/hongyan".into()), ..options() });
    assert!(text.contains("HONGYAN_JWT_SECRET must be set"), "{text}");
    let offered = text.rsplit_once("HONGYAN_JWT_SECRET=").unwrap().1.trim().to_owned();
    let accepted = Options {
        database_url: Some("postgres://db/hongyan".into()),
        jwt_secret: Some(offered.into()),
        ..options()
    };
    assert!(Settings::from_options(accepted).is_ok());
}

#[test]
fn what_cannot_be_used_is_named() {
    let short = refusal(Options { jwt_secret: Some("x".repeat(31).into()), ..options() });
    assert!(short.contains("HONGYAN_JWT_SECRET needs at least 32 bytes"), "{short}");
    assert!(!short.contains("xxx"), "the secret itself is not told: {short}");
    let short = refusal(Options { jwt_previous_secret: Some("x".into()), ..options() });
    assert!(short.contains("HONGYAN_JWT_PREVIOUS_SECRET"), "{short}");
    for origin in ["*", "chat.example", "https://", "https://chat.example/", "https://*.example"] {
        let text = refusal(Options { cors_origins: Some(vec![origin.to_owned()]), ..options() });
        assert!(text.contains("HONGYAN_CORS_ORIGINS") && text.contains(origin), "{text}");
    }
    for wrong in ["proxy.example", "10.0.0.0/33", ""] {
        let proxies = vec!["::1".to_owned(), wrong.to_owned()];
        let text = refusal(Options { trusted_proxies: Some(proxies), ..options() });
        assert!(text.contains("HONGYAN_TRUSTED_PROXIES") && text.contains(&format!("{wrong:?}")), "{text}");
    }
    assert!(refusal(Options { bcrypt_cost: Some(3), ..options() }).contains("HONGYAN_BCRYPT_COST"));
}

#[test]
fn flags_come_before_the_file_and_the_file_before_defaults() {
    let path = std::env::temp_dir().join(format!("hongyan-config-{}.toml", std::process::id()));
    let mut file = std::fs::File::create(&path).unwrap();
    writeln!(file, "bind = '127.0.0.1:1'\nbcrypt_cost = 5\ncors_origins = ['https://a.example']").unwrap();
    let path_text = path.to_str().unwrap();
    let cli = Cli::try_parse_from(["hongyan", "--config", path_text, "--bcrypt-cost", "6"]).unwrap();
    let settings = Settings::resolve(cli).unwrap();
    assert_eq!((settings.bind.port(), settings.bcrypt_cost), (1, 6));
    assert_eq!(settings.cors_origins, ["https://a.example"]);
    std::fs::write(&path, "bnid = 'x'").unwrap();
    let cli = Cli::try_parse_from(["hongyan", "--config", path_text]).unwrap();
    let text = format!("{:#}", Settings::resolve(cli).unwrap_err());
    assert!(text.contains("bnid"), "{text}");
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn proxies_are_named_by_addresses_and_networks() {
    let cli = ["hongyan", "--trusted-proxies", "10.0.0.0/8, 192.0.2.7,2001:db8::/32"];
    let settings = Settings::resolve(Cli::try_parse_from(cli).unwrap()).unwrap();
    let mut expected = TrustedProxies::default();
    expected.extend(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"].map(|text| text.parse().unwrap()));
    assert_eq!(settings.trusted_proxies, expected);
    assert_eq!(Settings::from_options(options()).unwrap().trusted_proxies, TrustedProxies::default());
}

#[test]
fn a_flag_that_does_not_parse_is_named_with_what_it_may_be() {
    let error = Cli::try_parse_from(["hongyan", "--bcrypt-cost", "32"]).unwrap_err().to_string();
    assert!(error.contains("--bcrypt-cost") && error.contains("4..=31"), "{error}");
    let error = Cli::try_parse_from(["hongyan", "--log-format", "xml"]).unwrap_err().to_string();
    assert!(error.contains("text, json"), "{error}");
}
