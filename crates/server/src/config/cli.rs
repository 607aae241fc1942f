//! The grammar of the command line.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{CommandFactory, Parser, Subcommand};

use super::{Options, reader};

/// What the exit codes mean, for `--help`.
const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failure; of `doctor`: something needs repair
  2  invalid argument or setting
  3  of `migrate --check`: the schema is not the one of this version

A setting is a flag, an environment variable (named above) or a key of the
file: the flag's name with '_' for '-'. Flags take precedence over the
environment, and the environment over the file. Spaces around a value do not
count, and an empty value is not given. A secret can stand in a file that a
variable such as HONGYAN_JWT_SECRET_FILE names.";

/// Hongyan 鸿雁, a one-to-one chat backend over REST.
#[derive(Debug, Parser)]
#[command(name = "hongyan", version = crate::version::FULL, long_about = None, after_help = EXIT_CODES)]
pub struct Cli {
    /// A TOML file of settings, whose keys are the flags' names with '_' for '-'
    #[arg(long, env = "HONGYAN_CONFIG", value_name = "FILE", help_heading = "Settings")]
    pub config: Option<PathBuf>,
    /// The settings of all commands.
    #[command(flatten, next_help_heading = "Settings")]
    pub options: Options,
    /// The command [default: serve]
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Serve the API; the default command
    Serve,
    /// Apply pending migrations to the database
    Migrate {
        /// Only report; exit with 3 if a migration is pending
        #[arg(long)]
        check: bool,
    },
    /// Inspect the settings
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Examine the installation and print one finding per line
    Doctor,
    /// Manage accounts
    #[command(subcommand)]
    User(UserCommand),
    /// Manage invites, for `HONGYAN_REGISTRATION=invite`
    #[command(subcommand)]
    Invite(InviteCommand),
    /// Print the API's description (OpenAPI 3.1)
    Openapi {
        /// Close the responses: a field that is not described is an error (for tests of the server)
        #[arg(long)]
        strict: bool,
    },
    /// Dump the whole database into a new file
    Backup {
        /// The file; it must not exist
        file: PathBuf,
    },
    /// Load a backup into an empty database and end all sessions
    Restore {
        /// A file written by `backup`
        file: PathBuf,
    },
}

/// The commands of `config`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum ConfigCommand {
    /// Print every setting with its value and origin; secrets are masked
    Print {
        /// Print the reference of all settings as a Markdown table instead
        #[arg(long, conflicts_with = "env")]
        markdown: bool,
        /// Print the reference of all settings as a file of environment variables instead
        #[arg(long)]
        env: bool,
    },
    /// Check whether a server can start with these settings
    Check,
}

/// The commands of `invite`.
#[derive(Debug, Clone, Subcommand)]
pub enum InviteCommand {
    /// Create an invite and print its code, which is shown only once
    Create {
        /// How many accounts can be registered with it
        #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        uses: u32,
        /// For how many days it is valid
        #[arg(long, value_name = "NUMBER", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=3650))]
        days: u32,
    },
    /// List all invites, oldest first
    List,
    /// Delete an invite; accounts that were registered with it stay
    Revoke {
        /// The id from `list`, or the whole code
        id: String,
    },
}

/// The commands of `user`.
#[derive(Debug, Clone, Subcommand)]
pub enum UserCommand {
    /// List all accounts, oldest first; in a pipe with all columns, separated by tabs
    List,
    /// Create an account; its password is prompted for, or read as the first line of standard input
    Create {
        /// 微信号
        uid: String,
        /// 昵称 [default: the uid]
        #[arg(long)]
        name: Option<String>,
        /// A phone number to log in with [default: none]
        #[arg(long)]
        phone_number: Option<String>,
        /// Generate a password and print it
        #[arg(long)]
        generate_password: bool,
    },
    /// Change the password of an account as in `create`, and end all its sessions
    ResetPassword {
        /// 微信号
        uid: String,
        /// Generate a password and print it
        #[arg(long)]
        generate_password: bool,
    },
    /// Block logins to an account and end all its sessions
    Disable {
        /// 微信号
        uid: String,
    },
    /// Permit logins to an account again
    Enable {
        /// 微信号
        uid: String,
    },
    /// End all sessions of an account
    EndSessions {
        /// 微信号
        uid: String,
    },
}

/// The grammar of the command line. Settings can precede or follow the command, and their help names their variables, their
/// values and their defaults. Their texts are parsed by the reader of all sources.
pub(super) fn grammar() -> clap::Command {
    Cli::command().mut_args(|argument| {
        let mut help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        if let Some(name) = reader::environment_name(&argument) {
            let _ = write!(help, " [env: {name}]");
        }
        let values: Vec<_> = argument.get_possible_values();
        if !values.is_empty() {
            let values: Vec<_> = values.iter().map(clap::builder::PossibleValue::get_name).collect();
            let _ = write!(help, " [possible values: {}]", values.join(", "));
        }
        let _ = write!(help, " [default: {}]", reader::default_of(&argument));
        reader::untyped(argument.global(true).help(help))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_valid() {
        grammar().debug_assert();
    }
}
