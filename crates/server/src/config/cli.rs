//! The command line.

use std::path::PathBuf;

use clap::{CommandFactory, Parser, Subcommand};

use super::Options;

/// What the exit codes mean, for `--help`.
const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed; of `doctor`: something needs to be mended
  2  an argument or a setting cannot be used
  3  of `migrate --check`: the schema is not what this version needs

Each setting is a flag, an environment variable (named above) or a key of the file, which is the flag's name with '_' for
'-'; the first of these that names it counts.";

/// Hongyan 鸿雁, a one-to-one chat backend over REST.
#[derive(Debug, Parser)]
#[command(name = "hongyan", version = crate::version::FULL, about, long_about = None, after_help = EXIT_CODES)]
pub struct Cli {
    /// A TOML file with settings
    #[arg(long, env = "HONGYAN_CONFIG", value_name = "FILE", help_heading = "Settings")]
    pub config: Option<PathBuf>,
    #[command(flatten, next_help_heading = "Settings")]
    pub(super) options: Options,
    /// What is to be done
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What the binary can do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Serve the API; this is done when no command is given
    Serve,
    /// Bring the database's schema up to date
    Migrate {
        /// Change nothing; exit with 3 when something is pending
        #[arg(long)]
        check: bool,
    },
    /// Look at the settings
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Examine the installation, a line for each thing examined
    Doctor,
    /// Look after accounts
    #[command(subcommand)]
    User(UserCommand),
    /// Print the API's description (OpenAPI 3.1)
    Openapi,
    /// Write the whole database into a new file
    Backup {
        /// The file; it must not exist yet
        file: PathBuf,
    },
    /// Fill an empty database from a backup, and end all sessions
    Restore {
        /// A file that `backup` has written
        file: PathBuf,
    },
}

/// What can be done with the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum ConfigCommand {
    /// Print each setting, its value and where that comes from; secrets are masked
    Print,
    /// Say whether a server would start with these settings
    Check,
}

/// What can be done with accounts.
#[derive(Debug, Clone, Subcommand)]
pub enum UserCommand {
    /// Print all accounts, oldest first
    List,
    /// Make an account; its password is the first line of the standard input
    Create {
        /// 微信号
        uid: String,
        /// 昵称 [default: the uid]
        #[arg(long)]
        name: Option<String>,
        /// A phone number to log in by [default: none]
        #[arg(long)]
        phone_number: Option<String>,
        /// Make a password up and print it
        #[arg(long)]
        generate_password: bool,
    },
    /// Give an account another password, the first line of the standard input, and end all its sessions
    ResetPassword {
        /// 微信号
        uid: String,
        /// Make a password up and print it
        #[arg(long)]
        generate_password: bool,
    },
    /// Let nobody log in to an account, and end all its sessions
    Disable {
        /// 微信号
        uid: String,
    },
    /// Let its owner log in to an account again
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

/// The command line's grammar. Settings may stand before a command or behind it.
pub(super) fn grammar() -> clap::Command {
    Cli::command().mut_args(|argument| argument.global(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_sound() {
        grammar().debug_assert();
    }
}
