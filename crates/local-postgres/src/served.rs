//! Least privilege: the application logs in as the owner of its database, not as the superuser of the cluster.
//!
//! The superuser creates the database and its owner. Migrations, backups and the server itself run as the owner, who can
//! neither read the server's files nor start programs.

use crate::cluster::Cluster;
use crate::error::Error;
use crate::options::{APPLICATION, SUPERUSER};

impl Cluster {
    /// Creates a database that the application owns, if it does not exist. What the superuser owns in it, as in the clusters of
    /// earlier builds, is handed over.
    ///
    /// # Errors
    /// [`Error::Program`].
    pub fn ensure_served_database(&self, name: &str) -> Result<(), Error> {
        self.ensure_database(name)?;
        self.execute_sql(name, &hand_over())?;
        Ok(())
    }

    /// The libpq URL of a database for its owner, the application.
    #[must_use]
    pub fn served_url(&self, database: &str) -> String {
        self.url_for(database, APPLICATION)
    }
}

/// One block, so that nothing is handed over by halves. Sequences of a table follow their table. Of two commands that start
/// together, one creates the role.
fn hand_over() -> String {
    format!(
        r"DO $$
        DECLARE
            item text;
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{APPLICATION}') THEN
                BEGIN
                    CREATE ROLE {APPLICATION} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
                EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
                END;
            END IF;
            IF EXISTS (SELECT FROM pg_database
                        WHERE datname = current_database() AND pg_get_userbyid(datdba) <> '{APPLICATION}') THEN
                EXECUTE format('ALTER DATABASE %I OWNER TO {APPLICATION}', current_database());
            END IF;
            FOR item IN
                SELECT format('ALTER TABLE %s OWNER TO {APPLICATION}', c.oid::regclass)
                  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
                   AND pg_get_userbyid(c.relowner) = '{SUPERUSER}'
                   AND NOT EXISTS (SELECT FROM pg_depend d
                                    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i'))
                UNION ALL
                SELECT format('ALTER ROUTINE %s OWNER TO {APPLICATION}', p.oid::regprocedure)
                  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                 WHERE n.nspname = 'public' AND pg_get_userbyid(p.proowner) = '{SUPERUSER}'
            LOOP
                EXECUTE item;
            END LOOP;
        END $$"
    )
}
