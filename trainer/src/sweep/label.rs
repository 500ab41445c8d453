//! Names of runs and their folders.

use std::collections::HashMap;

use imago_core::hash::sha256;

use super::spec::{Setting, Variant};

/// The maximum length of the values in a folder's name; a hash replaces the rest.
const MAX_SLUG: usize = 60;

/// Short names of the paths that a sweep changes, in order of appearance: the last keys that tell a
/// path from the others, such as `lr` for `train.optimizer.adam.lr`.
pub struct Names {
    paths: Vec<String>,
    short: HashMap<String, String>,
}

impl Names {
    pub fn new(variants: &[Variant]) -> Self {
        let mut paths: Vec<String> = Vec::new();
        for setting in variants.iter().flat_map(|variant| &variant.changed) {
            if !paths.contains(&setting.path) {
                paths.push(setting.path.clone());
            }
        }
        let short = paths.iter().map(|path| (path.clone(), shorten(path, &paths).to_owned())).collect();
        Self { paths, short }
    }

    pub fn paths(&self) -> &[String] {
        &self.paths
    }

    pub fn short<'a>(&'a self, path: &'a str) -> &'a str {
        self.short.get(path).map_or(path, String::as_str)
    }

    /// The changed values for people: `lr 0.001, seed 2`.
    pub fn title(&self, changed: &[Setting]) -> String {
        let words = changed.iter().map(|setting| format!("{} {}", self.short(&setting.path), setting.value));
        match changed {
            [] => "as the pipeline".to_owned(),
            _ => words.collect::<Vec<_>>().join(", "),
        }
    }

    /// The run's folder: number and values, `003-lr-0.001-seed-2`, with a hash if these are
    /// shortened.
    pub fn folder(&self, index: usize, changed: &[Setting]) -> String {
        let words = changed.iter().map(|setting| format!("{}-{}", self.short(&setting.path), setting.value));
        let words = words.collect::<Vec<_>>().join("-");
        let mut slug = slug(&words);
        if slug != words {
            let all: String = changed.iter().map(|setting| format!("{setting}\n")).collect();
            slug = format!("{slug}-{:.8}", sha256(all.as_bytes()));
        }
        match slug.as_str() {
            "" => format!("{index:03}"),
            slug => format!("{index:03}-{slug}"),
        }
    }
}

/// The shortest suffix of `path`, in whole keys, that no other path ends with.
fn shorten<'a>(path: &'a str, paths: &[String]) -> &'a str {
    // A suffix that begins with a list index says too little.
    let ends = path.rmatch_indices('.').map(|(at, _)| &path[at + 1..]);
    let mut ends = ends.filter(|end| !end.starts_with(|c: char| c.is_ascii_digit()));
    let same =
        |other: &str, end: &str| other.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    let alone = |end: &&str| paths.iter().filter(|other| same(other, end)).count() <= 1;
    ends.find(alone).unwrap_or(path)
}

/// Replaces characters that file names cannot hold, and hyphens around them, with a hyphen.
fn slug(text: &str) -> String {
    let (mut slug, mut replaced) = (String::new(), false);
    for c in text.chars() {
        let allowed = c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        match (allowed, c) {
            (true, '-') if replaced => {}
            (true, c) => slug.push(c),
            (false, _) if slug.ends_with('-') => {}
            (false, _) => slug.push('-'),
        }
        replaced = !allowed || (replaced && c == '-');
    }
    slug.truncate(MAX_SLUG);
    slug.trim_end_matches(['-', '.']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(pairs: &[(&str, &str)]) -> Vec<Setting> {
        pairs.iter().map(|(path, value)| Setting { path: (*path).into(), value: (*value).into() }).collect()
    }

    fn names(pairs: &[(&str, &str)]) -> Names {
        Names::new(&[Variant { common: Vec::new(), changed: changed(pairs) }])
    }

    #[test]
    fn a_path_is_called_by_as_few_of_its_last_keys_as_tell_it_from_the_others() {
        let names = names(&[
            ("train.optimizer.adam.lr", "1"),
            ("train.discriminator.adam.lr", "1"),
            ("model.game.ema", "0"),
            ("lr", "1"),
            ("a.b", "1"),
            ("b", "1"),
            ("model.betas.0", "1"),
        ]);
        let short: Vec<&str> = names.paths().iter().map(|path| names.short(path)).collect();
        assert_eq!(short, ["optimizer.adam.lr", "discriminator.adam.lr", "ema", "lr", "a.b", "b", "betas.0"]);
    }

    #[test]
    fn a_folder_is_called_by_number_and_values() {
        let pairs = [("train.optimizer.adam.lr", "0.0002"), ("x.shift", "-1"), ("train.seed", "3")];
        assert_eq!(names(&pairs).folder(7, &changed(&pairs)), "007-lr-0.0002-shift--1-seed-3");
        assert_eq!(names(&pairs).title(&changed(&pairs)), "lr 0.0002, shift -1, seed 3");
        assert_eq!(names(&[]).folder(1234, &[]), "1234");
    }

    #[test]
    fn values_that_do_not_show_in_full_are_told_apart_by_a_hash() {
        let folder = |value: &str| {
            let pairs = [("model.prior", value)];
            names(&pairs).folder(1, &changed(&pairs))
        };
        let (one, other) = (folder("{mixture: 2}"), folder("{mixture, 2}"));
        assert!(one.starts_with("001-prior-mixture-2-") && other.starts_with("001-prior-mixture-2-"), "{one} {other}");
        assert_ne!(one, other);
        assert_eq!(one, folder("{mixture: 2}"));
        assert!(
            names(&[("a", "[1, 2]"), ("b", "3")])
                .folder(1, &changed(&[("a", "[1, 2]"), ("b", "3")]))
                .starts_with("001-a-1-2-b-3-")
        );
        let (one, other) = (folder(&"x".repeat(500)), folder(&"x".repeat(501)));
        assert_ne!(one, other);
        assert!(one.len() < 80 && !folder("../../ü\u{0}").contains(['/', '\u{0}']), "{one}");
    }
}
