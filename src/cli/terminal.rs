//! Questions to the person at the terminal. They go to standard error, so that standard output stays what was asked
//! for; what is secret is not shown while it is typed.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Result, bail};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use secrecy::SecretString;

/// Somebody who can answer.
pub struct Terminal(());

impl Terminal {
    /// `None` where nobody can be asked.
    pub fn open() -> Option<Self> {
        (io::stdin().is_terminal() && io::stderr().is_terminal()).then_some(Self(()))
    }

    pub fn say(&self, words: &str) {
        eprintln!("{words}");
    }

    /// A line; an empty one stands for the default.
    pub fn ask(&self, question: &str, default: &str) -> Result<String> {
        let hint = if default.is_empty() { String::new() } else { format!(" [{default}]") };
        let answer = self.line(&format!("{question}{hint}: "))?;
        Ok(if answer.is_empty() { default.to_owned() } else { answer })
    }

    /// A line that is not shown.
    pub fn ask_secret(&self, question: &str) -> Result<SecretString> {
        let hidden = Hidden::begin()?;
        let answer = self.line(&format!("{question} (not shown): "));
        drop(hidden);
        eprintln!();
        Ok(answer?.into())
    }

    pub fn confirm(&self, question: &str, default: bool) -> Result<bool> {
        loop {
            let answer = self.line(&format!("{question} [{}]: ", if default { "Y/n" } else { "y/N" }))?;
            match answer.to_ascii_lowercase().as_str() {
                "" => return Ok(default),
                "y" | "yes" => return Ok(true),
                "n" | "no" => return Ok(false),
                _ => eprintln!("Please answer y or n."),
            }
        }
    }

    fn line(&self, prompt: &str) -> Result<String> {
        eprint!("{prompt}");
        io::stderr().flush()?;
        let mut answer = String::new();
        if io::stdin().lock().read_line(&mut answer)? == 0 {
            bail!("the input ended before the last answer");
        }
        Ok(answer.trim().to_owned())
    }
}

/// The terminal does not repeat what is typed until this is dropped.
struct Hidden(Termios);

impl Hidden {
    fn begin() -> Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Now, &hidden)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}
