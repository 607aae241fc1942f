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

use crate::support::Ground;

const PATIENCE: Duration = Duration::from_secs(60);

fn count() -> usize {
    MigrationSource::<Pg>::migrations(&MIGRATIONS).unwrap().len()
}

/// The whole schema as text.
fn dump(ground: &Ground) -> String {
    let mut pg_dump = Command::new(Installation::find().unwrap().program("pg_dump"));
    let output = pg_dump.args(["--schema-only", "-d", ground.url()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    // A random word in every dump.
    text.lines()
        .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn every_migration_can_be_reverted_and_reapplied() {
    let ground = Ground::bare();
    let empty = dump(&ground);
    assert_eq!(run(ground.url(), PATIENCE).unwrap().len(), count());
    assert_eq!(run(ground.url(), PATIENCE).unwrap().len(), 0);
    let whole = dump(&ground);
    let mut connection = ground.connect();
    for steps in 1..=count() {
        for _ in 0..steps {
            connection.revert_last_migration(MIGRATIONS).unwrap();
        }
        assert_eq!(run(ground.url(), PATIENCE).unwrap().len(), steps);
        assert_eq!(dump(&ground), whole, "after {steps} steps back and forth");
    }
    connection.revert_all_migrations(MIGRATIONS).unwrap();
    drop(connection);
    ground.sql("DROP TABLE __diesel_schema_migrations; DROP FUNCTION IF EXISTS diesel_manage_updated_at, diesel_set_updated_at");
    assert_eq!(dump(&ground), empty);
}

/// Whatever a table holds that is there throughout is the same, column by column.
fn assert_kept(ground: &Ground, when: &str) {
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
    let compared = ground.connect().batch_execute(differing);
    assert!(compared.is_ok(), "{when}: {compared:?}");
}

/// Puts a copy of every table aside.
fn keep(ground: &Ground) {
    ground.sql("DROP SCHEMA IF EXISTS kept CASCADE; CREATE SCHEMA kept;
        DO $$ DECLARE t record; BEGIN
            FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE '\\_\\_diesel%'
            LOOP EXECUTE format('CREATE TABLE kept.%1$I AS TABLE public.%1$I', t.tablename); END LOOP;
        END $$");
}

async fn populate(ground: &Ground) {
    let pool = ground.pool();
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
    let ground = Ground::new();
    populate(&ground).await;
    let tables_with_rows = "SELECT count(*) FROM pg_stat_user_tables WHERE n_live_tup > 0";
    ground.sql("ANALYZE");
    assert!(ground.number(tables_with_rows) >= 7, "there is something to lose");
    for steps in 1..=count() {
        keep(&ground);
        let mut connection = ground.connect();
        for _ in 0..steps {
            connection.revert_last_migration(MIGRATIONS).unwrap();
        }
        assert_kept(&ground, &format!("{steps} steps back"));
        keep(&ground);
        assert_eq!(run(ground.url(), PATIENCE).unwrap().len(), steps);
        assert_kept(&ground, &format!("{steps} steps back and forth"));
    }
}

#[test]
fn of_many_starting_instances_one_migrates() {
    for _ in 0..3 {
        let ground = Ground::bare();
        let applied: usize = thread::scope(|scope| {
            let starts: Vec<_> =
                (0..6).map(|_| scope.spawn(|| run(ground.url(), PATIENCE).unwrap().len())).collect();
            starts.into_iter().map(|start| start.join().unwrap()).sum()
        });
        assert_eq!(applied, count());
    }
}

#[test]
fn waiting_too_long_for_another_migration_is_an_error() {
    let ground = Ground::bare();
    let mut other = ground.connect();
    diesel::connection::SimpleConnection::batch_execute(
        &mut other,
        "SELECT pg_advisory_lock(x'686f6e6779616e'::bigint)",
    )
    .unwrap();
    let error = run(ground.url(), Duration::from_millis(100)).unwrap_err();
    assert!(error.to_string().contains("another instance"), "{error}");
    drop(other);
    assert_eq!(run(ground.url(), PATIENCE).unwrap().len(), count());
}

/// Table and column to type, as Diesel spells it.
type Columns = BTreeMap<(String, String), String>;

fn columns_of_the_database(ground: &Ground) -> Columns {
    #[derive(diesel::QueryableByName)]
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
    #[allow(clippy::disallowed_methods, reason = "a test asks once")]
    let query = diesel::sql_query(
        "SELECT table_name::text, column_name::text, udt_name::text, is_nullable::text FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_diesel%'",
    );
    let columns = query.load::<Column>(&mut ground.connect()).unwrap();
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
    assert_eq!(source, columns_of_the_database(&Ground::new()));
}

#[test]
fn reading_the_schemas_state_does_not_change_it() {
    let ground = Ground::bare();
    let empty = dump(&ground);
    let told = state(ground.url()).unwrap();
    assert_eq!((told.pending.len(), told.unknown.len()), (count(), 0));
    assert_eq!(dump(&ground), empty);
    run(ground.url(), PATIENCE).unwrap();
    assert_eq!(state(ground.url()).unwrap().pending, Vec::<String>::new());
    ground.connect().revert_last_migration(MIGRATIONS).unwrap();
    ground.sql("INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000001')");
    let told = state(ground.url()).unwrap();
    assert_eq!((told.pending.len(), told.unknown), (1, vec!["29990101000001".to_owned()]));
}
