//! The grammar of the command line.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::{Options, reader};

/// What the exit codes mean, for `--help`.
const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failure; of `doctor`: something needs repair
  2  invalid argument or setting
  3  of `migrate --check`: the schema is not the one of this version";

/// Where settings come from, for the pages that list them.
const SOURCES: &str = "\
A setting is a flag, an environment variable (named above) or a key of the
file: the flag's name with '_' for '-'. Flags take precedence over the
environment, and the environment over the file. Spaces around a value do not
count, and an empty value is not given. A secret can stand in a file that a
variable such as HONGYAN_JWT_SECRET_FILE names.";

/// How a shell loads its script.
const COMPLETIONS: &str = "\
bash: source <(hongyan completions bash)       in ~/.bashrc
zsh:  source <(hongyan completions zsh)        in ~/.zshrc, after compinit
fish: hongyan completions fish | source        in ~/.config/fish/config.fish";

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
    #[command(after_help = SOURCES)]
    Serve,
    /// Apply pending migrations to the database
    Migrate {
        /// Only report; exit with 3 if a migration is pending
        #[arg(long)]
        check: bool,
        /// Print the report of `--check` as JSON
        #[arg(long, requires = "check")]
        json: bool,
    },
    /// Inspect the settings
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Examine the installation and print one finding per line
    Doctor {
        /// Print the findings as a JSON array
        #[arg(long)]
        json: bool,
    },
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
    /// Print a script that completes this command line in a shell
    #[command(after_help = COMPLETIONS)]
    Completions {
        /// bash, zsh or fish
        #[arg(hide_possible_values = true)]
        shell: CompletedShell,
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

/// A shell whose command line is completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CompletedShell {
    /// The Bourne again shell.
    #[value(help = None::<&str>)]
    Bash,
    /// The Z shell.
    #[value(help = None::<&str>)]
    Zsh,
    /// The friendly interactive shell.
    #[value(help = None::<&str>)]
    Fish,
}

/// The commands of `config`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
#[command(after_help = SOURCES)]
pub enum ConfigCommand {
    /// Print every setting with its value and origin; secrets are masked
    #[command(after_help = SOURCES)]
    Print {
        /// Print the reference of all settings as a Markdown table instead
        #[arg(long, conflicts_with = "env")]
        markdown: bool,
        /// Print the reference of all settings as a file of environment variables instead
        #[arg(long)]
        env: bool,
        /// Print a JSON array of name, value and origin
        #[arg(long, conflicts_with_all = ["markdown", "env"])]
        json: bool,
    },
    /// Check whether a server can start with these settings
    #[command(after_help = SOURCES)]
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
    List {
        /// Print a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Delete an invite; accounts that were registered with it stay
    Revoke {
        /// The id from `list`, or the whole code
        id: String,
    },
}

/// The commands of `user`.
#[derive(Debug, Clone, Subcommand)]
pub enum UserCommand {
    /// List accounts, oldest first; in a pipe with all columns, separated by tabs
    List {
        /// How many at most [default: all]
        #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
        limit: Option<u32>,
        /// List those that were registered after this account
        #[arg(long, value_name = "ACCOUNT")]
        after: Option<String>,
        /// Print a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Show one account: state, sessions, last use, number of friends
    Show {
        /// 微信号, or the account's id
        account: String,
        /// Print a JSON object
        #[arg(long)]
        json: bool,
    },
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
        /// 微信号, or the account's id
        account: String,
        /// Generate a password and print it
        #[arg(long)]
        generate_password: bool,
    },
    /// Block logins to an account and end all its sessions
    Disable {
        /// 微信号, or the account's id
        account: String,
    },
    /// Permit logins to an account again
    Enable {
        /// 微信号, or the account's id
        account: String,
    },
    /// End all sessions of an account
    EndSessions {
        /// 微信号, or the account's id
        account: String,
    },
    /// Erase an account for good; asks before it does
    Erase {
        /// 微信号, or the account's id
        account: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
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

/// A script that completes the command line in a shell. Values of settings are completed from their types.
#[must_use]
pub fn completions(shell: CompletedShell) -> Vec<u8> {
    let shell = match shell {
        CompletedShell::Bash => Shell::Bash,
        CompletedShell::Zsh => Shell::Zsh,
        CompletedShell::Fish => Shell::Fish,
    };
    let mut grammar = Cli::command().mut_args(|argument| argument.global(true));
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut grammar, "hongyan", &mut script);
    script
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::{CompletedShell, completions, grammar};

    #[test]
    fn the_grammar_is_valid() {
        grammar().debug_assert();
    }

    #[test]
    fn each_shell_reads_its_script_which_completes_commands_flags_and_values() {
        for (shell, interpreter) in
            [(CompletedShell::Bash, "bash"), (CompletedShell::Zsh, "zsh"), (CompletedShell::Fish, "fish")]
        {
            let script = completions(shell);
            let text = String::from_utf8(script.clone()).unwrap();
            for word in ["reset-password", "completions", "generate-password", "log-format", "json"] {
                assert!(text.contains(word), "{shell:?}: {word}");
            }
            let check = Command::new(interpreter).arg("-n").stdin(Stdio::piped()).spawn();
            // Not every machine has every shell.
            let Ok(mut check) = check else { continue };
            check.stdin.take().unwrap().write_all(&script).unwrap();
            assert!(check.wait().unwrap().success(), "{shell:?}");
        }
    }
}
