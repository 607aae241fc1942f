//! Password input: a hidden prompt at a terminal, the first line of standard input otherwise, or a generated password.

use std::io::{BufRead, ErrorKind, IsTerminal};

use anyhow::{Context, ensure};
use domain::account::{Password, RandomSource};
use infra::crypto::random::SystemRandom;
use secrecy::SecretString;
use tokio::signal::unix::{SignalKind, signal};

/// Generates a password and returns its text too, or reads one.
pub(super) fn choose(generate: bool) -> anyhow::Result<(Password, Option<String>)> {
    if generate {
        self::generate().map(|(password, text)| (password, Some(text)))
    } else {
        Ok((read()?, None))
    }
}

fn read() -> anyhow::Result<Password> {
    let stdin = std::io::stdin();
    let text = if stdin.is_terminal() { read_twice()? } else { read_line(&mut stdin.lock())? };
    parse(text)
}

/// Prompts at the terminal, and once more to catch a typing error.
fn read_twice() -> anyhow::Result<String> {
    // With a handler the signal does not end the process, and the prompt restores the terminal before it reports Ctrl-C.
    let _interrupts = signal(SignalKind::interrupt()).context("no handler can be set for SIGINT")?;
    let text = prompt("password: ")?;
    ensure!(prompt("repeat the password: ")? == text, "the two passwords differ; nothing was changed");
    Ok(text)
}

fn prompt(label: &str) -> anyhow::Result<String> {
    rpassword::prompt_password(label).map_err(|error| match error.kind() {
        ErrorKind::Interrupted => anyhow::anyhow!("interrupted; nothing was changed"),
        _ => anyhow::anyhow!("cannot read the password: {error}"),
    })
}

/// A random password of 26 letters and digits, 130 bits.
fn generate() -> anyhow::Result<(Password, String)> {
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
    input.read_line(&mut line).context("cannot read the password")?;
    let end = line.trim_end_matches(['\n', '\r']).len();
    line.truncate(end);
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_read_without_its_end() {
        for (typed, read) in
            [("a b\n", "a b"), ("a b\r\nc\n", "a b"), ("a b", "a b"), (" a \n", " a "), ("", "")]
        {
            assert_eq!(read_line(&mut typed.as_bytes()).unwrap(), read);
        }
    }

    #[test]
    fn generated_passwords_are_valid_and_differ() {
        let (one, other) = (generate().unwrap().1, generate().unwrap().1);
        assert_eq!(one.len(), 26);
        assert_ne!(one, other);
    }
}
