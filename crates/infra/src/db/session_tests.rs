//! What our sessions set, whatever the database demands.

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::sql_types::Text;
use diesel::{Connection, PgConnection, RunQueryDsl};
use test_db::{Template, TestDatabase};

use super::session::establish;

fn value(connection: &mut PgConnection, expression: &str) -> String {
    diesel::select(sql::<Text>(expression)).get_result(connection).unwrap()
}

#[test]
fn commits_wait_for_disk_and_standbys_whatever_the_database_sets() {
    for (given, expected) in [("off", "on"), ("local", "on"), ("remote_apply", "remote_apply")] {
        let database = TestDatabase::create(&Template { key: "bare".to_owned(), prepare: |_| () });
        let mut connection = PgConnection::establish(database.url()).unwrap();
        let name = value(&mut connection, "current_database()::text");
        let set = format!("ALTER DATABASE \"{name}\" SET synchronous_commit = '{given}'");
        connection.batch_execute(&set).unwrap();
        let mut ours = establish(database.url(), 1).unwrap();
        assert_eq!(value(&mut ours, "current_setting('synchronous_commit')"), expected, "{given}");
    }
}
