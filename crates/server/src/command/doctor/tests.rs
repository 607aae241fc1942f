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
        clock: DateTime::UNIX_EPOCH,
    }
}

fn mark(finding: Finding) -> Mark {
    finding.0
}

#[test]
fn what_may_lose_messages_fails_and_what_is_overruled_warns() {
    let durable = |not_durable| mark(durability(&DatabaseFacts { not_durable, ..facts() }));
    assert_eq!(durable(vec![]), Mark::Ok);
    assert_eq!(durable(vec!["synchronous_commit"]), Mark::Warn);
    assert_eq!(durable(vec!["fsync"]), Mark::Fail);
    assert_eq!(durable(vec!["full_page_writes", "synchronous_commit"]), Mark::Fail);
}

#[test]
fn clocks_may_differ_by_as_much_as_the_answer_took() {
    let at = |milliseconds| DateTime::UNIX_EPOCH + TimeDelta::milliseconds(milliseconds);
    let judged = |database| mark(clock(at(database), at(0), at(300)));
    for (database, expected) in [
        (0, Mark::Ok),
        (300, Mark::Ok),
        (1300, Mark::Ok),
        (1301, Mark::Warn),
        (-1001, Mark::Warn),
        (5301, Mark::Warn),
        (-86_400_000, Mark::Warn),
    ] {
        assert_eq!(judged(database), expected, "{database}");
    }
}

#[test]
fn there_must_be_room_for_the_pool() {
    let settings =
        |size| Settings::from_options(Options { db_pool_size: Some(size), ..Options::default() }).unwrap();
    // How many it takes beside the pool depends on the machine.
    let others = u16::try_from(Application::connection_budget(&settings(1)).total() - 1).unwrap();
    let in_all = |number| mark(connections(&settings(number - others), &facts()));
    for (number, expected) in [(87, Mark::Ok), (88, Mark::Warn), (97, Mark::Warn), (98, Mark::Fail)] {
        assert_eq!(in_all(number), expected, "{number}");
    }
}

#[test]
fn little_room_on_the_disk_is_told_in_time() {
    let free = |free| mark(disk(Path::new("data"), Some((free, 100 * GIB))));
    assert_eq!(free(50 * GIB), Mark::Ok);
    assert_eq!(free(4 * GIB), Mark::Warn);
    assert_eq!(free(GIB / 5), Mark::Fail);
    assert_eq!(mark(disk(Path::new("data"), None)), Mark::Warn);
    assert!(super::free(Path::new("/no/such/folder/yet")).is_some_and(|(_, all)| all > 0));
}

#[test]
fn schemas_versions_and_languages_are_judged() {
    let state = |pending: &[&str], unknown: &[&str]| {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        mark(schema(Ok(SchemaState { pending: names(pending), unknown: names(unknown) })))
    };
    assert_eq!(state(&[], &[]), Mark::Ok);
    assert_eq!(state(&["x"], &[]), Mark::Warn);
    assert_eq!(state(&[], &["9"]), Mark::Warn);
    assert_eq!(mark(version(&DatabaseFacts { major: 14, ..facts() })), Mark::Fail);
    assert_eq!(mark(language(&DatabaseFacts { messages: "zh_CN.UTF-8".to_owned(), ..facts() })), Mark::Warn);
    assert_eq!(mark(language(&facts())), Mark::Ok);
}

#[test]
fn a_database_that_is_not_there_is_one_line() {
    let options =
        Options { database_url: Some("postgresql:///x?host=/nowhere".into()), ..Options::default() };
    let findings = database(&Settings::for_tools(options).unwrap());
    assert_eq!((findings.len(), findings[0].0), (1, Mark::Fail));
}
