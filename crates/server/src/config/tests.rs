use super::*;

fn options() -> Options {
    Options::default()
}

fn error_of(options: Options) -> String {
    format!("{:#}", Settings::from_options(options).unwrap_err())
}

#[test]
fn nothing_needs_to_be_set() {
    let settings = Settings::from_options(options()).unwrap();
    assert_eq!(settings.bind.to_string(), "127.0.0.1:8080");
    assert!(matches!(settings.database, DatabaseSettings::Embedded));
    assert_eq!(settings.signing.lifetimes.access, Duration::from_secs(600));
    assert_eq!(settings.rules.recall_window, Duration::from_secs(120));
    assert_eq!(settings.bcrypt_cost, 12);
    assert_eq!(settings.rules.uid_changes.interval, Duration::ZERO);
}

#[test]
fn every_quota_is_on_by_default() {
    const MINUTE: Duration = Duration::from_secs(60);
    let rules = Settings::from_options(options()).unwrap().rules;
    assert_eq!(rules.sending.messages, QuotaRate::new(300, MINUTE));
    assert_eq!(rules.sending.bytes, QuotaRate::new(2048 * 1024, MINUTE));
    assert_eq!(rules.requests.per_day, NonZeroU32::new(50));
    assert_eq!(rules.lookups, QuotaRate::new(60, MINUTE));
    assert_eq!(rules.uid_changes.quota, QuotaRate::new(5, 1440 * MINUTE));
    let registrations = rules.registrations.unwrap();
    assert_eq!(Some(registrations.per_address), QuotaRate::new(20, 60 * MINUTE));
    assert_eq!(Some(registrations.overall), QuotaRate::new(60, MINUTE));
    assert_eq!(rules.exports_per_hour, NonZeroU32::new(1));
    assert_eq!(rules.refusals, RefusalRates::per_minute(60));
}

#[test]
fn a_quota_of_zero_is_no_limit() {
    let zero = Some(0);
    let options = Options {
        quota_messages_per_minute: zero,
        quota_message_kilobytes_per_minute: zero,
        quota_requests_per_day: zero,
        quota_lookups_per_minute: zero,
        quota_uid_changes_per_day: zero,
        quota_registrations_per_hour: zero,
        quota_exports_per_hour: zero,
        quota_refusals_per_minute: zero,
        ..options()
    };
    let rules = Settings::from_options(options).unwrap().rules;
    assert_eq!((rules.sending.messages, rules.sending.bytes), (None, None));
    assert_eq!((rules.requests.per_day, rules.lookups, rules.uid_changes.quota), (None, None, None));
    assert_eq!((rules.registrations, rules.exports_per_hour, rules.refusals), (None, None, None));
}

#[test]
fn a_configured_database_requires_a_secret_and_the_error_suggests_one() {
    let text = error_of(Options { database_url: Some("postgres://db/hongyan".into()), ..options() });
    assert!(text.contains("HONGYAN_JWT_SECRET must be set"), "{text}");
    let suggested = text.rsplit_once("HONGYAN_JWT_SECRET=").unwrap().1.trim().to_owned();
    let accepted = Options {
        database_url: Some("postgres://db/hongyan".into()),
        jwt_secret: Some(suggested.into()),
        ..options()
    };
    assert!(Settings::from_options(accepted).is_ok());
}

#[test]
fn an_invalid_setting_is_named() {
    let short = error_of(Options { jwt_secret: Some("x".repeat(31).into()), ..options() });
    assert!(short.contains("HONGYAN_JWT_SECRET needs at least 32 bytes"), "{short}");
    assert!(!short.contains("xxx"), "the error repeats the secret: {short}");
    let short = error_of(Options { jwt_previous_secret: Some("x".into()), ..options() });
    assert!(short.contains("HONGYAN_JWT_PREVIOUS_SECRET"), "{short}");
    for origin in ["**", "chat.example", "https://", "https://chat.example/", "https://*.example"] {
        let text = error_of(Options { cors_origins: Some(vec![origin.to_owned()]), ..options() });
        assert!(text.contains("HONGYAN_CORS_ORIGINS") && text.contains(origin), "{text}");
        assert!(text.contains("no path and no trailing slash"), "{text}");
    }
    let all = Options { cors_origins: Some(vec!["*".to_owned()]), ..options() };
    assert_eq!(Settings::from_options(all).unwrap().cors_origins, ["*"]);
    for wrong in ["proxy.example", "10.0.0.0/33", ""] {
        let proxies = vec!["::1".to_owned(), wrong.to_owned()];
        let text = error_of(Options { trusted_proxies: Some(proxies), ..options() });
        assert!(text.contains("HONGYAN_TRUSTED_PROXIES") && text.contains(&format!("{wrong:?}")), "{text}");
    }
    assert!(error_of(Options { bcrypt_cost: Some(3), ..options() }).contains("HONGYAN_BCRYPT_COST"));
}

/// A temporary file, removed on drop.
struct TextFile(PathBuf);

impl TextFile {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("hongyan-config-{}-{name}.toml", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for TextFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn invoke(typed: &[&str]) -> Result<Invocation, String> {
    let typed = std::iter::once("hongyan").chain(typed.iter().copied());
    Invocation::parse(typed.map(Into::into)).map_err(|invalid| match invalid {
        InvalidInvocation::Grammar(error) => error.to_string(),
        InvalidInvocation::Setting(error) => format!("{error:#}"),
    })
}

#[test]
fn flags_come_before_the_file_and_the_file_before_defaults() {
    let file =
        TextFile::new("order", "bind = '127.0.0.1:1'\nbcrypt_cost = 5\ncors_origins = ['https://a.example']");
    let path = file.0.to_str().unwrap();
    let invocation = invoke(&["--config", path, "--bcrypt-cost", "6"]).unwrap();
    let settings = invocation.settings().unwrap();
    assert_eq!((settings.bind.port(), settings.bcrypt_cost), (1, 6));
    assert_eq!(settings.cors_origins, ["https://a.example"]);
    let listing = invocation.listing();
    let line = |name: &str| {
        let line = listing.lines().find(|line| line.split(' ').next() == Some(name)).unwrap();
        line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("HONGYAN_BCRYPT_COST"), "6 flag --bcrypt-cost");
    assert_eq!(line("HONGYAN_BIND"), format!("127.0.0.1:1 {path}:1"));
    assert_eq!(line("HONGYAN_SHUTDOWN_SECONDS"), "30 default");
}

#[test]
fn an_invalid_value_is_reported_with_its_origin() {
    let file = TextFile::new("wrong", "\ncors_origins = ['https://*']\njwt_secret = 'canary'");
    let path = file.0.to_str().unwrap();
    let error = invoke(&["--config", path]).unwrap().settings().unwrap_err().to_string();
    assert!(error.starts_with(&format!("HONGYAN_JWT_SECRET ({path}:3) needs at least 32 bytes")), "{error}");
    assert!(!error.contains("canary"));
    let flags = ["--config", path, "--jwt-secret", &"x".repeat(32)];
    let error = invoke(&flags).unwrap().settings().unwrap_err().to_string();
    assert!(error.starts_with(&format!("HONGYAN_CORS_ORIGINS ({path}:2)")), "{error}");
}

#[test]
fn proxies_are_addresses_and_networks() {
    let typed = ["--trusted-proxies", "10.0.0.0/8, 192.0.2.7,2001:db8::/32"];
    let settings = invoke(&typed).unwrap().settings().unwrap();
    let mut expected = TrustedProxies::default();
    expected.extend(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"].map(|text| text.parse().unwrap()));
    assert_eq!(settings.trusted_proxies, expected);
    assert_eq!(Settings::from_options(options()).unwrap().trusted_proxies, TrustedProxies::default());
}

#[test]
fn an_invalid_flag_is_reported_with_the_valid_values() {
    let error = invoke(&["--bcrypt-cost", "32"]).unwrap_err();
    assert!(error.contains("--bcrypt-cost") && error.contains("4..=31"), "{error}");
    let error = invoke(&["--log-format", "xml"]).unwrap_err();
    assert!(error.contains("text, json"), "{error}");
}

#[test]
fn settings_can_precede_and_follow_a_command() {
    for typed in [["--bcrypt-cost", "7", "doctor"], ["doctor", "--bcrypt-cost", "7"]] {
        let invocation = invoke(&typed).unwrap();
        assert!(matches!(invocation.command, Command::Doctor { json: false }));
        assert_eq!(invocation.settings().unwrap().bcrypt_cost, 7);
        assert!(invocation.listing().contains("flag --bcrypt-cost"));
    }
    assert!(matches!(invoke(&[]).unwrap().command, Command::Serve));
}

#[test]
fn only_a_server_requires_a_secret() {
    let invocation = invoke(&["doctor", "--database-url", "postgres://db/hongyan"]).unwrap();
    assert!(invocation.settings().is_err());
    assert!(invocation.settings_for_tools().is_ok());
}

#[test]
fn documented_defaults_are_the_real_ones() {
    let grammar = <Cli as clap::CommandFactory>::command();
    let is_setting = |argument: &&clap::Arg| argument.get_id() != "config" && argument.get_env().is_some();
    let mut typed = Vec::new();
    for argument in grammar.get_arguments().filter(is_setting) {
        let (flag, default) = (argument.get_long().unwrap(), reader::default_of(argument));
        let example = Options::documented(argument.get_id().as_str()).unwrap().example;
        if default == example {
            typed.push(format!("--{flag}={default}"));
        }
    }
    assert!(typed.len() > 10, "{typed:?}");
    let typed: Vec<&str> = typed.iter().map(String::as_str).collect();
    let documented = invoke(&typed).unwrap().settings().unwrap();
    let real = Settings::from_options(options()).unwrap();
    assert_eq!(format!("{documented:#?}"), format!("{real:#?}"));
}

#[test]
fn an_invalid_database_url_is_refused_without_repeating_it() {
    let text = error_of(Options { database_url: Some("postgres://me:canary%@db/chat".into()), ..options() });
    assert!(text.starts_with("DATABASE_URL a '%' must") && !text.contains("canary"), "{text}");
}
