use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use infra::db::Patience;
use server::app::{Application, RuntimeEnv};
use server::config::{Options, Settings};
use test_db::{Template, TestDatabase};
use tokio::sync::oneshot;

use super::{Call, Person};

/// The signing secret of the tests' servers.
pub(crate) const SECRET: &str = "a secret for tests only, of more than 32 bytes";

/// How long database work waits in tests: a busy machine makes all of it slower, and no test is about that.
const PATIENCE: Patience = Patience {
    thread: Duration::from_secs(30),
    connection: Duration::from_secs(30),
    result: Duration::from_secs(60),
    result_while_stalled: Duration::from_secs(60),
    stretch: 20,
};

/// A running server with its own database. Both are stopped on drop.
pub(crate) struct World {
    address: SocketAddr,
    admin: Option<SocketAddr>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    url: String,
    /// Dropped with the world.
    database: Option<TestDatabase>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Options::default())
    }

    /// A world with these settings instead of the defaults.
    pub(crate) fn with(options: Options) -> Self {
        let database = database();
        let mut world = Self::on(options, database.url());
        world.database = Some(database);
        world
    }

    /// A world with the time limits of a real server, for tests of what happens when they are exceeded.
    pub(crate) fn impatient(options: Options) -> Self {
        let database = database();
        let mut world = Self::serving(options, database.url(), Patience::SERVER);
        world.database = Some(database);
        world
    }

    /// A world on a database that the caller owns.
    pub(crate) fn on(options: Options, url: &str) -> Self {
        Self::serving(options, url, PATIENCE)
    }

    /// As [`Self::on`], with the time limits of a real server.
    pub(crate) fn impatient_on(options: Options, url: &str) -> Self {
        Self::serving(options, url, Patience::SERVER)
    }

    fn serving(options: Options, url: &str, patience: Patience) -> Self {
        migrate(url);
        let Served { address, admin, stop, thread } = serve(options, url, patience);
        let (stop, thread) = (Some(stop), Some(thread));
        Self { address, admin, stop, thread, url: url.to_owned(), database: None }
    }

    /// A second server on the same database.
    pub(crate) fn second_instance(&self) -> Instance {
        self.second_instance_with(Options::default())
    }

    /// A second server on the same database with these settings.
    pub(crate) fn second_instance_with(&self, options: Options) -> Instance {
        let Served { address, stop, thread, .. } = serve(options, &self.url, PATIENCE);
        Instance { address, stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A counter among the metrics of this server, which needs an admin listener.
    pub(crate) fn counter(&self, name: &str) -> u64 {
        let url = format!("http://{}/metrics", self.admin.unwrap());
        let text = ureq::get(url).call().unwrap().body_mut().read_to_string().unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        value.unwrap_or_else(|| panic!("{name} is missing: {text}"))
    }

    pub(crate) fn call(&self, method: &str, path: &str) -> Call {
        Call::new(self.address, method, path)
    }

    /// Registers a user with this uid and the same name.
    pub(crate) fn person(&self, uid: &str) -> Person {
        Person::register(self.address, uid)
    }

    /// Two users who are friends.
    pub(crate) fn friends(&self) -> (Person, Person) {
        let (alice, bob) = (self.person("alice_01"), self.person("bob_0001"));
        alice.befriend(&bob);
        (alice, bob)
    }

    /// A connection to the database.
    pub(crate) fn connection(&self) -> PgConnection {
        PgConnection::establish(&self.url).unwrap()
    }

    /// Changes the database directly, to shift times or to break a row.
    pub(crate) fn sql(&self, sql: &str) {
        self.connection().batch_execute(sql).unwrap();
    }

    /// Moves all login throttles back by this time.
    pub(crate) fn skip_throttle_time(&self, seconds: u64) {
        self.sql(&format!(
            "UPDATE login_throttles SET blocked_until = blocked_until - interval '{seconds} s',
                    forgiven_at = forgiven_at - interval '{seconds} s'"
        ));
    }

    /// Runs `action` while another transaction holds the locks that `sql` takes.
    pub(crate) fn hold_lock(&self, sql: &str, action: impl FnOnce()) {
        let mut connection = self.connection();
        connection.batch_execute("BEGIN").unwrap();
        connection.batch_execute(sql).unwrap();
        action();
        connection.batch_execute("ROLLBACK").unwrap();
    }

    /// Counts rows.
    pub(crate) fn count(&self, from: &str) -> i64 {
        #[derive(diesel::QueryableByName)]
        struct Count {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            count: i64,
        }
        let mut connection = self.connection();
        #[expect(clippy::disallowed_methods, reason = "a test asks once")]
        let query = diesel::sql_query(format!("SELECT count(*) AS count FROM {from}"));
        diesel::RunQueryDsl::get_result::<Count>(query, &mut connection).unwrap().count
    }
}

impl Drop for World {
    fn drop(&mut self) {
        halt(&mut self.stop, &mut self.thread);
    }
}

/// Another server on a world's database.
pub(crate) struct Instance {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Instance {
    fn drop(&mut self) {
        halt(&mut self.stop, &mut self.thread);
    }
}

fn halt(stop: &mut Option<oneshot::Sender<()>>, thread: &mut Option<JoinHandle<()>>) {
    drop(stop.take());
    let ended = thread.take().map(JoinHandle::join);
    assert!(std::thread::panicking() || !matches!(ended, Some(Err(_))), "the server failed");
}

fn database() -> TestDatabase {
    let migrations = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations");
    TestDatabase::create(&Template::of_migrations(migrations.as_ref(), migrate))
}

fn migrate(url: &str) {
    infra::migrations::run(url, std::time::Duration::from_secs(60)).unwrap();
}

struct Served {
    address: SocketAddr,
    admin: Option<SocketAddr>,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

fn serve(options: Options, url: &str, patience: Patience) -> Served {
    let options = options.or(Options {
        bind: Some("127.0.0.1:0".parse().unwrap()),
        bcrypt_cost: Some(4),
        drain_seconds: Some(0),
        shutdown_seconds: Some(5),
        // Tests export an account several times.
        quota_exports_per_hour: Some(0),
        jwt_secret: Some(SECRET.into()),
        // A test of a quota sets it.
        quota_messages_per_minute: Some(0),
        quota_message_kilobytes_per_minute: Some(0),
        quota_requests_per_day: Some(0),
        quota_lookups_per_minute: Some(0),
        quota_uid_changes_per_day: Some(0),
        quota_registrations_per_hour: Some(0),
        quota_refusals_per_minute: Some(0),
        ..Options::default()
    });
    let mut settings = Settings::from_options(options).unwrap();
    settings.db_patience = patience;
    let env = RuntimeEnv { database_url: url.to_owned(), secret: SECRET.into() };
    let (stop, stopped) = oneshot::channel::<()>();
    let (sender, receiver) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let application = Application::build(&settings, &env).unwrap();
            sender.send((application.address(), application.admin_address())).unwrap();
            application.run_until(async { drop(stopped.await) }).await.unwrap();
        });
    });
    let (address, admin) = receiver.recv().unwrap();
    Served { address, admin, stop, thread }
}
