use infra::replication::Replication;

use super::*;
use crate::config::Options;

fn facts() -> DatabaseFacts {
    DatabaseFacts {
        version: "15.4".to_owned(),
        major: 15,
        not_durable: vec![],
        max_connections: 97,
        connections: 10,
        messages: "C".to_owned(),
        overridden: vec![],
        has_schema: true,
        replication: Replication { is_standby: false, is_synchronous: false, standbys: vec![] },
        clock: DateTime::UNIX_EPOCH,
    }
}

fn severity(finding: &Finding) -> Severity {
    finding.severity
}

#[test]
fn settings_that_lose_messages_fail_and_overridden_ones_warn() {
    let durable = |not_durable| severity(&durability(&DatabaseFacts { not_durable, ..facts() }));
    assert_eq!(durable(vec![]), Severity::Ok);
    assert_eq!(durable(vec!["synchronous_commit"]), Severity::Warn);
    assert_eq!(durable(vec!["fsync"]), Severity::Fail);
    assert_eq!(durable(vec!["full_page_writes", "synchronous_commit"]), Severity::Fail);
}

#[test]
fn clock_skew_excludes_the_time_of_the_query() {
    let at = |milliseconds| DateTime::UNIX_EPOCH + TimeDelta::milliseconds(milliseconds);
    let checked = |database| severity(&clock(at(database), at(0), at(300)));
    for (database, expected) in [
        (0, Severity::Ok),
        (300, Severity::Ok),
        (1300, Severity::Ok),
        (1301, Severity::Warn),
        (-1001, Severity::Warn),
        (5301, Severity::Warn),
        (-86_400_000, Severity::Warn),
    ] {
        assert_eq!(checked(database), expected, "{database}");
    }
}

#[test]
fn the_database_must_have_room_for_the_pool() {
    let settings =
        |size| Settings::from_options(Options { db_pool_size: Some(size), ..Options::default() }).unwrap();
    // The number of connections besides the pool depends on the machine.
    let others = u16::try_from(Application::connection_budget(&settings(1)).total() - 1).unwrap();
    let needing = |number| severity(&connections(&settings(number - others), &facts()));
    for (number, expected) in
        [(87, Severity::Ok), (88, Severity::Warn), (97, Severity::Warn), (98, Severity::Fail)]
    {
        assert_eq!(needing(number), expected, "{number}");
    }
}

#[test]
fn little_free_disk_space_warns_before_it_fails() {
    let free = |free| severity(&disk(Path::new("data"), Some(Space { free, total: 100 * GIB })));
    assert_eq!(free(50 * GIB), Severity::Ok);
    assert_eq!(free(4 * GIB), Severity::Warn);
    assert_eq!(free(GIB / 5), Severity::Fail);
    assert_eq!(severity(&disk(Path::new("data"), None)), Severity::Warn);
    assert!(free_space(Path::new("/no/such/folder/yet")).is_some_and(|space| space.total > 0));
}

#[test]
fn schema_version_and_language_are_checked() {
    let state = |pending: &[&str], unknown: &[&str]| {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        severity(&schema(Ok(SchemaState { pending: names(pending), unknown: names(unknown) })))
    };
    assert_eq!(state(&[], &[]), Severity::Ok);
    assert_eq!(state(&["x"], &[]), Severity::Warn);
    assert_eq!(state(&[], &["9"]), Severity::Warn);
    assert_eq!(severity(&version(&DatabaseFacts { major: 14, ..facts() })), Severity::Fail);
    assert_eq!(
        severity(&language(&DatabaseFacts { messages: "zh_CN.UTF-8".to_owned(), ..facts() })),
        Severity::Warn
    );
    assert_eq!(severity(&language(&facts())), Severity::Ok);
}

#[test]
fn overridden_settings_warn_and_a_search_path_without_schema_fails() {
    let found = |overridden: &[&str], has_schema| {
        let overridden = overridden.iter().map(|setting| (*setting).to_owned()).collect();
        other_settings(&DatabaseFacts { overridden, has_schema, ..facts() })
            .iter()
            .map(severity)
            .collect::<Vec<_>>()
    };
    assert_eq!(found(&[], true), []);
    assert_eq!(found(&["lock_timeout = 1", "statement_timeout = 1"], true), [Severity::Warn; 2]);
    assert_eq!(found(&[], false), [Severity::Fail]);
}

#[test]
fn an_unreachable_database_is_one_finding() {
    let options =
        Options { database_url: Some("postgresql:///x?host=/nowhere".into()), ..Options::default() };
    let findings = database(&Settings::for_tools(options).unwrap());
    assert_eq!((findings.len(), findings[0].severity), (1, Severity::Fail));
}

#[test]
fn findings_fit_into_80_columns() {
    let at = DateTime::UNIX_EPOCH;
    let settings =
        Settings::for_tools(Options { database_url: Some("host=db".into()), ..Options::default() });
    let pending = SchemaState { pending: vec!["2026-11-26-000001_accounts".to_owned(); 7], unknown: vec![] };
    let full = DatabaseFacts {
        not_durable: vec!["fsync", "full_page_writes"],
        max_connections: 10_000,
        connections: 10_000,
        messages: "zh_CN.UTF-8".to_owned(),
        overridden: vec!["idle_in_transaction_session_timeout = 600000".to_owned()],
        has_schema: false,
        ..facts()
    };
    let overridden = DatabaseFacts { not_durable: vec!["synchronous_commit"], ..facts() };
    let settings = settings.unwrap();
    for finding in [
        signing_key(&settings),
        disk(Path::new("./data"), Some(Space { free: 100 * GIB, total: 1000 * GIB })),
        version(&DatabaseFacts {
            major: 14,
            version: "14.18 (Debian 14.18-0+deb12u1)".to_owned(),
            ..facts()
        }),
        schema(Ok(pending)),
        durability(&facts()),
        durability(&full),
        durability(&overridden),
        clock(at, at, at),
        connections(&settings, &full),
        language(&full),
    ]
    .into_iter()
    .chain(other_settings(&full))
    {
        let line = finding.to_string();
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn risky_settings_fit_into_80_columns() {
    let public = "[2001:db8:1234:5678::1]:65535".parse().ok();
    let networks = ["0.0.0.0/0", "::/0"].map(str::to_owned).to_vec();
    for off in [Some(0), Some(1)] {
        let options = Options {
            database_url: Some("host=db".into()),
            jwt_secret: Some("x".repeat(64).into()),
            bcrypt_cost: Some(4),
            bind: public,
            admin_bind: public,
            trusted_proxies: Some(networks.clone()),
            quota_messages_per_minute: Some(0),
            quota_message_kilobytes_per_minute: Some(0),
            quota_uid_changes_per_day: Some(0),
            quota_requests_per_day: off,
            quota_lookups_per_minute: off,
            quota_registrations_per_hour: Some(0),
            ..Options::default()
        };
        let risks = risks::of(&Settings::for_tools(options).unwrap());
        assert_eq!(risks.len(), 6);
        for risk in risks {
            let line = Finding::new(Severity::Warn, risk.subject, risk.text).to_string();
            assert!(line.chars().count() <= 80, "{line}");
            assert!(risk.subject.len() <= 11, "{line}");
        }
    }
}
