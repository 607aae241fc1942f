//! A password that somebody types or that is made up.

use std::io::{BufRead, IsTerminal, Write};

use anyhow::Context;
use domain::account::{Password, RandomSource};
use infra::crypto::random::SystemRandom;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use secrecy::SecretString;

/// A password that was made up, with its text to be shown once, or one that is read.
pub(super) fn choose(make_up: bool) -> anyhow::Result<(Password, Option<String>)> {
    if make_up { make().map(|(password, text)| (password, Some(text))) } else { Ok((read()?, None)) }
}

/// The first line of the standard input; from a terminal without showing it.
fn read() -> anyhow::Result<Password> {
    let stdin = std::io::stdin();
    let line = if stdin.is_terminal() {
        let mut stderr = std::io::stderr();
        write!(stderr, "password: ")?;
        let line = unseen(|| read_line(&mut stdin.lock()))?;
        writeln!(stderr)?;
        line
    } else {
        read_line(&mut stdin.lock())?
    };
    parse(line)
}

/// A password of 26 letters and digits that nobody can foresee, and its text to be shown once.
fn make() -> anyhow::Result<(Password, String)> {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let halves = [SystemRandom.bytes()?, SystemRandom.bytes()?];
    let letters = halves.iter().flatten().take(26);
    let text: String =
        letters.filter_map(|byte| ALPHABET.get(usize::from(byte % 32)).copied().map(char::from)).collect();
    Ok((parse(text.clone())?, text))
}

fn parse(text: String) -> anyhow::Result<Password> {
    Password::parse(SecretString::from(text))
        .map_err(|invalid| anyhow::anyhow!("the password is not valid: {invalid}"))
}

fn read_line(input: &mut impl BufRead) -> anyhow::Result<String> {
    let mut line = String::new();
    input.read_line(&mut line).context("the password cannot be read")?;
    let end = line.trim_end_matches(['\n', '\r']).len();
    line.truncate(end);
    Ok(line)
}

/// Does something while the terminal does not show what is typed.
fn unseen<T>(work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let stdin = std::io::stdin();
    let before = tcgetattr(&stdin).context("the terminal does not say how it is set")?;
    let mut hidden = before.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Flush, &hidden).context("the terminal cannot be kept from showing")?;
    let result = work();
    tcsetattr(&stdin, OptionalActions::Flush, &before).context("the terminal cannot be set back")?;
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_line_is_read_and_its_end_is_no_part_of_it() {
        for (typed, read) in
            [("a b\n", "a b"), ("a b\r\nc\n", "a b"), ("a b", "a b"), (" a \n", " a "), ("", "")]
        {
            assert_eq!(read_line(&mut typed.as_bytes()).unwrap(), read);
        }
    }

    #[test]
    fn made_up_passwords_can_be_used_and_differ() {
        let (one, other) = (make().unwrap().1, make().unwrap().1);
        assert_eq!(one.len(), 26);
        assert_ne!(one, other);
    }
}
