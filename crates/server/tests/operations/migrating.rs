//! Migrations by several processes at once, and databases that cannot be migrated.

use std::fs;
use std::process::{Child, Command, Stdio};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};

use crate::support::{Folder, SECRET, Server, eventually, execute, query, run};

/// Matches the connections that migrate or wait to migrate.
const MIGRATORS: &str = "application_name = 'hongyan migrations'";

/// Creates an empty database in the cluster that runs in `folder`.
fn empty_database(folder: &Folder, name: &str) -> String {
    execute(&folder.database_url(), &format!("CREATE DATABASE {name}"));
    folder.database_url().replace("/hongyan?", &format!("/{name}?"))
}

fn on<'a>(command: &'a mut Command, url: &str) -> &'a mut Command {
    command.env("DATABASE_URL", url).env("HONGYAN_JWT_SECRET", SECRET)
}

#[test]
fn one_of_four_processes_that_start_together_migrates_and_all_serve() {
    let cluster = Folder::new("four");
    let host = Server::start(&cluster);
    let migrations = query(&cluster.database_url(), "SELECT count(*) FROM __diesel_schema_migrations");
    for round in 0..3 {
        let url = empty_database(&cluster, &format!("round_{round}"));
        let folders: Vec<Folder> =
            (0..4).map(|number| Folder::new(&format!("four-{round}-{number}"))).collect();
        let servers: Vec<Server> = std::thread::scope(|scope| {
            let start = |folder| {
                let url = &url;
                scope.spawn(move || Server::run(on(&mut Folder::hongyan(folder, &["serve"]), url), folder))
            };
            let starts: Vec<_> = folders.iter().map(start).collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        for server in &servers {
            assert_eq!(server.get("/readyz", "")["code"], 200);
        }
        let logs = folders.iter().map(|folder| fs::read_to_string(folder.0.join("log")).unwrap());
        let migrated: Vec<_> = logs.filter(|log| log.contains("schema migrated")).collect();
        assert_eq!(migrated.len(), 1, "{migrated:?}");
        assert!(migrated[0].contains(&format!("migrations={migrations}")), "{migrated:?}");
        for server in servers {
            assert!(server.stop().success());
        }
    }
    assert!(host.stop().success());
}

fn migrating(folder: &Folder, url: &str) -> Child {
    let mut command = folder.hongyan(&["migrate"]);
    on(&mut command, url).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn a_migrating_process_killed_during_a_statement_does_not_block_others() {
    let folder = Folder::new("killed-migrator");
    let host = Server::start(&folder);
    let url = empty_database(&folder, "killed");
    let count = |what: &str| query(&url, &format!("SELECT count(*) FROM {what}")).parse::<i64>().unwrap();
    // An uncommitted table of the same name: creating another one waits for this transaction.
    let mut other = PgConnection::establish(&url).unwrap();
    other.batch_execute("BEGIN; CREATE TABLE users ()").unwrap();
    let stuck =
        format!("pg_stat_activity WHERE {MIGRATORS} AND datname = 'killed' AND wait_event_type = 'Lock'");
    let mut first = migrating(&folder, &url);
    eventually("the migration does not reach the table", || count(&stuck) == 1);
    let holder = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND
        database = (SELECT oid FROM pg_database WHERE datname = 'killed')";
    let dead = query(&url, holder);
    let others = [migrating(&folder, &url), migrating(&folder, &url), migrating(&folder, &url)];
    let all = format!("pg_stat_activity WHERE {MIGRATORS} AND datname = 'killed'");
    eventually("the other processes do not connect", || count(&all) == 4);
    first.kill().unwrap();
    first.wait().unwrap();
    // The statement of the killed process is still waiting.
    let successor = format!("({holder} AND pid <> {dead}) AS next");
    eventually("the killed process keeps the lock", || count(&successor) == 1);
    other.batch_execute("ROLLBACK").unwrap();
    let outputs = others.map(|child| child.wait_with_output().unwrap());
    assert!(outputs.iter().all(|output| output.status.success()), "{outputs:?}");
    let applied =
        outputs.map(|output| String::from_utf8(output.stdout).unwrap().matches("applied 2026").count());
    let migrations = usize::try_from(count("__diesel_schema_migrations")).unwrap();
    assert_eq!((applied.iter().sum::<usize>(), applied.iter().max()), (migrations, Some(&migrations)));
    assert!(host.stop().success());
}

#[test]
fn a_database_of_an_unreleased_build_is_refused_by_every_command() {
    let folder = Folder::new("unreleased");
    let host = Server::start(&folder);
    let url = empty_database(&folder, "unreleased");
    let old = "CREATE TABLE __diesel_schema_migrations (version varchar(50) PRIMARY KEY, run_on timestamp);
               INSERT INTO __diesel_schema_migrations VALUES ('20261124000013', now())";
    execute(&url, old);
    for command in [["serve"].as_slice(), &["migrate"], &["migrate", "--check"], &["doctor"]] {
        let (code, text) = run(on(&mut folder.hongyan(command), &url));
        assert_eq!(code, 1, "{command:?}: {text}");
        assert!(text.contains("created by an unreleased build of hongyan"), "{command:?}: {text}");
        assert!(text.contains("create a new database"), "{command:?}: {text}");
    }
    let tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'";
    assert_eq!(query(&url, tables), "1", "nothing was created");
    assert!(host.stop().success());
}
