//! Creates a test database, prints its URL and holds it until standard input ends. This crate's own tests kill it.
#![expect(clippy::print_stdout, clippy::expect_used, reason = "a helper of tests")]

use test_db::{Template, TestDatabase};

fn main() {
    let template = Template { key: "held".to_owned(), prepare: |_| () };
    let database = TestDatabase::create(&template);
    println!("{}", database.url());
    std::io::read_to_string(std::io::stdin()).expect("standard input");
}
