use std::collections::BTreeMap;
use std::process::Command;
use std::thread;
use std::time::Duration;

use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel_migrations::MigrationHarness;
use domain::message::MessageRepository;
use infra::migrations::{MIGRATIONS, run, state};
use local_postgres::Installation;

use crate::support::Database;

const PATIENCE: Duration = Duration::from_secs(60);

fn count() -> usize {
    MigrationSource::<Pg>::migrations(&MIGRATIONS).unwrap().len()
}

/// The whole schema as text.
fn dump(database: &Database) -> String {
    let mut pg_dump = Command::new(Installation::find().unwrap().program("pg_dump"));
    let output = pg_dump.args(["--schema-only", "-d", database.url()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    // Each dump contains a random token.
    text.lines()
        .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn every_migration_can_be_reverted_and_reapplied() {
    let database = Database::bare();
    let empty = dump(&database);
    assert_eq!(run(database.url(), PATIENCE).unwrap().len(), count());
    assert_eq!(run(database.url(), PATIENCE).unwrap().len(), 0);
    let whole = dump(&database);
    let mut connection = database.connect();
    for steps in 1..=count() {
        for _ in 0..steps {
            connection.revert_last_migration(MIGRATIONS).unwrap();
        }
        assert_eq!(run(database.url(), PATIENCE).unwrap().len(), steps);
        assert_eq!(dump(&database), whole, "after reverting and reapplying {steps}");
    }
    connection.revert_all_migrations(MIGRATIONS).unwrap();
    drop(connection);
    database.sql("DROP TABLE __diesel_schema_migrations; DROP FUNCTION IF EXISTS diesel_manage_updated_at, diesel_set_updated_at");
    assert_eq!(dump(&database), empty);
}

/// Checks that every column that exists in both states has the same content.
fn assert_kept(database: &Database, when: &str) {
    let differing = "DO $$ DECLARE t record; n bigint; BEGIN
        FOR t IN SELECT table_name, string_agg(quote_ident(column_name), ', ') AS columns
            FROM information_schema.columns here
            WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_diesel%' AND EXISTS (SELECT
                FROM information_schema.columns kept WHERE kept.table_schema = 'kept'
                AND kept.table_name = here.table_name AND kept.column_name = here.column_name)
            GROUP BY table_name
        LOOP
            EXECUTE format('SELECT count(*) FROM (
                (SELECT %1$s FROM kept.%2$I EXCEPT ALL SELECT %1$s FROM public.%2$I) UNION ALL
                (SELECT %1$s FROM public.%2$I EXCEPT ALL SELECT %1$s FROM kept.%2$I)) d', t.columns, t.table_name) INTO n;
            IF n > 0 THEN RAISE EXCEPTION '% rows of % differ', n, t.table_name; END IF;
        END LOOP;
    END $$";
    let compared = database.connect().batch_execute(differing);
    assert!(compared.is_ok(), "{when}: {compared:?}");
}

/// Copies every table.
fn keep(database: &Database) {
    database.sql("DROP SCHEMA IF EXISTS kept CASCADE; CREATE SCHEMA kept;
        DO $$ DECLARE t record; BEGIN
            FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE '\\_\\_diesel%'
            LOOP EXECUTE format('CREATE TABLE kept.%1$I AS TABLE public.%1$I', t.tablename); END LOOP;
        END $$");
}

async fn populate(database: &Database) {
    let pool = database.pool();
    let (alice, bob) = (pool.person("alice_01").await, pool.person("bob_0001").await);
    pool.befriend(alice, bob).await;
    let recalled = pool.say(alice, bob, "一").await;
    let deleted = pool.say(bob, alice, "二").await;
    pool.say(bob, alice, "三 🪿").await;
    pool.messages.recall(recalled, alice, PATIENCE).await.unwrap();
    pool.messages.delete_for(alice, deleted).await.unwrap();
    pool.pending(pool.person("carol_01").await, alice).await;
}

#[tokio::test]
async fn data_survives_reverted_and_reapplied_migrations() {
    let database = Database::new();
    populate(&database).await;
    let tables_with_rows = "SELECT count(*) FROM pg_stat_user_tables WHERE n_live_tup > 0";
    database.sql("ANALYZE");
    assert!(database.number(tables_with_rows) >= 7, "most tables have rows");
    for steps in 1..=count() {
        keep(&database);
        let mut connection = database.connect();
        for _ in 0..steps {
            connection.revert_last_migration(MIGRATIONS).unwrap();
        }
        assert_kept(&database, &format!("{steps} steps back"));
        keep(&database);
        assert_eq!(run(database.url(), PATIENCE).unwrap().len(), steps);
        assert_kept(&database, &format!("after reverting and reapplying {steps}"));
    }
}

/// How many migrations there are from this version on.
fn since(version: &str) -> usize {
    let all = MigrationSource::<Pg>::migrations(&MIGRATIONS).unwrap();
    all.iter().filter(|migration| migration.name().version().to_string().as_str() >= version).count()
}

#[test]
fn deletions_become_ranges_and_hidden_messages_are_counted() {
    let database = Database::new();
    database.populate(3);
    database.histories(&[(1, 2, 100), (1, 3, 40)]);
    database.delete_for(1, 2, "10, 19");
    database.delete_for(1, 2, "30, 60, 3");
    database.delete_for(3, 1, "1, 40");
    database.recall(1, 2, "15, 50");
    assert!(database.number("SELECT sum(hidden_unread) FROM conversation_members") > 20);
    keep(&database);
    let mut connection = database.connect();
    for _ in 0..since("20261126000130") {
        connection.revert_last_migration(MIGRATIONS).unwrap();
    }
    assert_eq!(database.number("SELECT count(*) FROM message_deletions"), 10 + 11 + 40);
    run(database.url(), PATIENCE).unwrap();
    assert_kept(&database, "deletions");
    assert_eq!(database.number("SELECT count(*) FROM message_deletions"), 1 + 11 + 1);
}

#[test]
fn of_many_starting_instances_one_migrates() {
    for _ in 0..3 {
        let database = Database::bare();
        let applied: usize = thread::scope(|scope| {
            let starts: Vec<_> =
                (0..6).map(|_| scope.spawn(|| run(database.url(), PATIENCE).unwrap().len())).collect();
            starts.into_iter().map(|start| start.join().unwrap()).sum()
        });
        assert_eq!(applied, count());
    }
}

#[test]
fn waiting_too_long_for_another_migration_is_an_error() {
    let database = Database::bare();
    let mut other = database.connect();
    diesel::connection::SimpleConnection::batch_execute(
        &mut other,
        "SELECT pg_advisory_lock(x'686f6e6779616e'::bigint)",
    )
    .unwrap();
    let error = run(database.url(), Duration::from_millis(100)).unwrap_err();
    assert!(error.to_string().contains("another instance"), "{error}");
    drop(other);
    assert_eq!(run(database.url(), PATIENCE).unwrap().len(), count());
}

/// The type of each table's columns in Diesel's spelling.
type Columns = BTreeMap<(String, String), String>;

fn columns_of_the_database(database: &Database) -> Columns {
    #[derive(diesel::QueryableByName)]
    #[expect(clippy::struct_field_names, reason = "the names of the columns of information_schema")]
    struct Column {
        #[diesel(sql_type = diesel::sql_types::Text)]
        table_name: String,
        #[diesel(sql_type = diesel::sql_types::Text)]
        column_name: String,
        #[diesel(sql_type = diesel::sql_types::Text)]
        udt_name: String,
        #[diesel(sql_type = diesel::sql_types::Text)]
        is_nullable: String,
    }
    #[expect(clippy::disallowed_methods, reason = "a test asks once")]
    let query = diesel::sql_query(
        "SELECT table_name::text, column_name::text, udt_name::text, is_nullable::text FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_diesel%'",
    );
    let columns = query.load::<Column>(&mut database.connect()).unwrap();
    columns
        .into_iter()
        .map(|column| {
            let plain = |name: &str| format!("{}{}", name[..1].to_uppercase(), &name[1..]);
            let kind = match column.udt_name.strip_prefix('_') {
                Some(element) => format!("Array<Nullable<{}>>", plain(element)),
                None => plain(&column.udt_name),
            };
            let kind = if column.is_nullable == "YES" { format!("Nullable<{kind}>") } else { kind };
            ((column.table_name, column.column_name), kind)
        })
        .collect()
}

fn columns_of_the_source() -> Columns {
    let source = include_str!("../../src/schema.rs");
    let mut columns = Columns::new();
    let mut table = String::new();
    for line in source.lines().map(str::trim) {
        if let Some((name, _)) = line.split_once(" (").filter(|_| line.ends_with(") {")) {
            table = name.to_owned();
        } else if let Some((column, kind)) = line.split_once(" -> ").filter(|_| line.ends_with(',')) {
            columns.insert((table.clone(), column.to_owned()), kind.trim_end_matches(',').to_owned());
        }
    }
    columns
}

#[test]
fn the_generated_schema_matches_the_migrated_database() {
    let source = columns_of_the_source();
    assert!(source.len() > 50, "{source:?}");
    assert_eq!(source, columns_of_the_database(&Database::new()));
}

#[test]
fn reading_the_schemas_state_does_not_change_it() {
    let database = Database::bare();
    let empty = dump(&database);
    let schema = state(database.url()).unwrap();
    assert_eq!((schema.pending.len(), schema.unknown.len()), (count(), 0));
    assert_eq!(dump(&database), empty);
    run(database.url(), PATIENCE).unwrap();
    assert_eq!(state(database.url()).unwrap().pending, Vec::<String>::new());
    database.connect().revert_last_migration(MIGRATIONS).unwrap();
    database.sql("INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000001')");
    let schema = state(database.url()).unwrap();
    assert_eq!((schema.pending.len(), schema.unknown), (1, vec!["29990101000001".to_owned()]));
}

#[test]
fn a_database_of_an_unreleased_build_is_refused_unchanged() {
    for version in ["20261123000001", "20261124000013"] {
        let database = Database::bare();
        database.sql(&format!(
            "CREATE TABLE __diesel_schema_migrations (version varchar(50) PRIMARY KEY, run_on timestamp);
             INSERT INTO __diesel_schema_migrations VALUES ('{version}', now());
             CREATE TABLE users (id uuid)"
        ));
        let before = dump(&database);
        for error in [run(database.url(), PATIENCE).unwrap_err(), state(database.url()).unwrap_err()] {
            let text = error.to_string();
            assert!(text.contains("unreleased build") && text.contains(version), "{text}");
            assert!(text.contains("create a new database"), "{text}");
        }
        assert_eq!(dump(&database), before);
    }
}
