//! Child processes: their commands are printed, output goes to the terminal, and errors name the
//! command.

use std::borrow::Cow;
use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

pub fn run(command: &mut Command) -> Result<()> {
    let line = display(command);
    eprintln!("$ {line}");
    let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

/// Runs `command` silently and returns its standard output.
pub fn query(command: &mut Command) -> Result<String> {
    let line = display(command);
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start `{line}`"))?;
    if !output.status.success() {
        bail!("`{line}` failed ({})", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{line}` did not write UTF-8"))
}

/// The cargo that started this program, without its variables for this package: build scripts that
/// use them would run again whenever this command and a plain cargo alternate.
pub fn cargo<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    for (name, _) in env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| name.to_string_lossy().starts_with(start)) {
            command.env_remove(name);
        }
    }
    command
}

/// The first of `names` that is a program on the search path.
pub fn on_path(names: &[&str]) -> Option<PathBuf> {
    let folders: Vec<PathBuf> = env::split_paths(&env::var_os("PATH")?).collect();
    names.iter().find_map(|name| {
        folders
            .iter()
            .flat_map(|folder| ["", ".exe", ".cmd"].map(|ending| folder.join(format!("{name}{ending}"))))
            // On Windows a file without an extension is no program, even where npm installs one.
            .filter(|file| !cfg!(windows) || file.extension().is_some())
            .find(|file| file.is_file())
    })
}

/// The command line as typed, preceded by its environment variables.
fn display(command: &Command) -> String {
    let folder = command.get_current_dir().map(|folder| format!("cd {} &&", quoted(&folder.to_string_lossy())));
    let variables = command.get_envs().filter_map(|(name, value)| {
        let value = value?.to_string_lossy();
        Some(format!("{}={}", name.to_string_lossy(), quoted(&value)))
    });
    // Cargo's full path is shortened to its name.
    let program = command.get_program();
    let program =
        if Some(program) == env::var_os("CARGO").as_deref() { "cargo".into() } else { program.to_string_lossy() };
    let arguments = command.get_args().map(|argument| quoted(&argument.to_string_lossy()).into_owned());
    folder
        .into_iter()
        .chain(variables)
        .chain([quoted(&program).into_owned()])
        .chain(arguments)
        .collect::<Vec<_>>()
        .join(" ")
}

fn quoted(word: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+.,:/\\@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into()
    } else {
        format!("'{}'", word.replace('\'', r"'\''")).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let mut command = Command::new("node");
        command.args(["--test", "two words", "it's"]);
        command.env("IMAGO_WEB", "/a b").current_dir("tests");
        assert_eq!(display(&command), r"cd tests && IMAGO_WEB='/a b' node --test 'two words' 'it'\''s'");
    }

    #[test]
    fn a_failing_command_is_named_in_the_error() {
        let error = run(cargo(["--no-such-flag"]).stderr(Stdio::null())).unwrap_err().to_string();
        assert!(error.starts_with("`cargo --no-such-flag` failed"), "{error}");
    }

    #[test]
    fn programs_are_looked_up_on_the_path() {
        assert!(on_path(&["no-such-program", "cargo"]).is_some());
        assert!(on_path(&["no-such-program"]).is_none());
    }
}
