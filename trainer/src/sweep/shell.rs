//! Shell commands.

use std::ffi::{OsStr, OsString};

pub fn line(words: &[OsString]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// One word, in single quotes where the shell could interpret it.
pub fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.into_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_a_line_as_the_words_that_it_was_made_of() {
        let words =
            ["a", "", "it's", "$HOME `x` \"y\" \\ !", "a.b={c: [1, 2]}", "*", "~", "two\nlines", "ü", "a;b&c|d#e"];
        let line = line(&words.map(OsString::from));
        assert!(line.starts_with("a '' "), "{line}");
        let Ok(output) = std::process::Command::new("sh").args(["-c", &format!("printf '%s\\0' {line}")]).output()
        else {
            return;
        };
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(said.split_terminator('\0').collect::<Vec<_>>(), words);
    }
}
