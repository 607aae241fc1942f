//! The use cases of commands, wired to a minimal connection pool.

use std::sync::Arc;

use anyhow::{Context, ensure};
use domain::account::{LifecyclePorts, LifecycleService, RegistrationPolicy, RegistrationService};
use domain::admin::AdminService;
use domain::auth::SessionService;
use domain::invite::InviteService;
use infra::crypto::random::SystemRandom;
use infra::db::{ConnectionBudget, Db, DbSettings, Patience};
use infra::migrations;
use infra::postgres::{PgAdminRepository, PgInviteRepository, PgLifecycleRepository, PgUserRepository};

use crate::config::Settings;
use crate::database::DatabaseAccess;
use crate::observability::metrics::Metrics;
use crate::wiring::RuntimeEnv;
use crate::wiring::{self, Wiring};

/// The services that commands call.
pub(super) struct Services {
    pub(super) registration: RegistrationService,
    pub(super) accounts: LifecycleService,
    pub(super) admin: AdminService,
    pub(super) invites: InviteService,
}

/// Opens the database of a command that reads or writes its tables. One attempt, so that an operator learns at once what is wrong.
pub(super) fn open_migrated(settings: &Settings) -> anyhow::Result<DatabaseAccess> {
    let database = DatabaseAccess::open(settings)?
        .context("there is no database yet: `hongyan serve` or `hongyan migrate` creates it")?;
    let state = migrations::state(database.url().expose())?;
    let pending = state.pending.len();
    ensure!(
        pending == 0,
        "the schema is older than this version (migrations pending: {pending}); `hongyan migrate` applies them"
    );
    Ok(database)
}

impl Services {
    pub(super) fn new(settings: &Settings, database_url: &str) -> anyhow::Result<Self> {
        let budget = ConnectionBudget { requests: 1, polls: 1, ..Default::default() };
        let (url, reserved) = (database_url.to_owned(), budget.reserved());
        let db = Arc::new(Db::new(&DbSettings {
            url,
            connections: budget.requests,
            reserved,
            queue: 1,
            patience: Patience::SERVER,
        })?);
        // A throwaway key: tokens signed with it never leave the process.
        let env = RuntimeEnv { database_url: database_url.to_owned(), secret: crate::secret::generate()? };
        let users = Arc::new(PgUserRepository::new(Arc::clone(&db)));
        let wiring = Wiring { settings, env: &env, db: Arc::clone(&db), metrics: &Metrics::new()? };
        let ports = wiring.session_ports(Arc::clone(&users), wiring::hasher(settings)?)?;
        let (ended, hasher) = (Arc::clone(&ports.ended), Arc::clone(&ports.hasher));
        let sessions = Arc::new(SessionService::new(ports, settings.signing.lifetimes));
        let accounts = Arc::new(PgLifecycleRepository::new(Arc::clone(&db)));
        Ok(Self {
            registration: RegistrationService::new(
                wiring::registration_ports(&db, users, Arc::clone(&hasher), Arc::clone(&sessions)),
                RegistrationPolicy::OPERATOR,
            ),
            invites: InviteService::new(
                Arc::new(PgInviteRepository::new(Arc::clone(&db))),
                Arc::new(SystemRandom),
            ),
            accounts: LifecycleService::new(LifecyclePorts { accounts, sessions, ended }),
            admin: AdminService::new(Arc::new(PgAdminRepository::new(db)), hasher),
        })
    }
}
