//! The browser for tests of the page, and the Node packages that drive it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use crate::{process, site, system, workspace};

pub const TESTS: &str = "tests/browser";
/// Benchmarks of other libraries in the page, with their own packages.
pub const PEERS: &str = "tests/peers";

pub struct Browser {
    chromium: PathBuf,
    node: PathBuf,
    npm: PathBuf,
}

impl Browser {
    /// Finds the browser and Node, installing the browser where that needs no questions. The inner
    /// error says what is missing and how to get it; the caller decides whether it is a failure.
    pub fn find() -> Result<Result<Self, String>> {
        let node = process::on_path(&["node"]);
        let npm = process::on_path(&["npm"]);
        let (Some(node), Some(npm)) = (node, npm) else {
            return Ok(Err("Node.js with npm is missing: install version 20 or newer".into()));
        };
        let mut chromium = find_chromium()?;
        if chromium.is_none() && system::can_install() {
            if let Err(error) = system::install(&["chromium"]) {
                return Ok(Err(format!("Chromium could not be installed: {error:#}")));
            }
            chromium = find_chromium()?;
        }
        Ok(chromium.map(|chromium| Self { chromium, node, npm }).ok_or_else(|| {
            "Chromium is missing: install it (Debian: apt-get install chromium) or Google Chrome, \
                 or set IMAGO_CHROMIUM to its program"
                .into()
        }))
    }

    /// Installs the locked Node packages of a folder unless they are installed, without their
    /// scripts.
    pub fn install_packages(&self, folder: &Path) -> Result<()> {
        let installed = folder.join("node_modules/.package-lock.json");
        if site::is_newer(&installed, &folder.join("package-lock.json")) {
            return Ok(());
        }
        process::run(Command::new(&self.npm).args(["ci", "--ignore-scripts"]).current_dir(folder))
    }

    /// Node, with the locations of the page built into `web`, the `imago` program and the browser.
    pub fn node(&self, web: &Path) -> Result<Command> {
        let mut command = Command::new(&self.node);
        command
            .env("IMAGO_WEB", std::path::absolute(web)?)
            .env("IMAGO_BIN", workspace::imago()?)
            .env("IMAGO_CHROMIUM", &self.chromium);
        Ok(command)
    }
}

/// The test files, in a fixed order.
pub fn test_files() -> Result<Vec<PathBuf>> {
    let mut files = workspace::entries(Path::new(TESTS))?;
    files.retain(|file| file.to_string_lossy().ends_with(".test.mjs"));
    ensure!(!files.is_empty(), "{TESTS} holds no *.test.mjs");
    Ok(files)
}

fn find_chromium() -> Result<Option<PathBuf>> {
    if let Some(named) = env::var_os("IMAGO_CHROMIUM") {
        let named = PathBuf::from(named);
        ensure!(named.is_file(), "IMAGO_CHROMIUM is set to {}, which is not a file", named.display());
        return Ok(Some(std::path::absolute(named)?));
    }
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    Ok(process::on_path(&names).or_else(|| usual_places().into_iter().find(|place| place.is_file())))
}

/// Where installers put the browser on systems without a search path for it.
fn usual_places() -> Vec<PathBuf> {
    if cfg!(target_os = "macos") {
        return vec![
            "/Applications/Chromium.app/Contents/MacOS/Chromium".into(),
            "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome".into(),
        ];
    }
    ["LOCALAPPDATA", "PROGRAMFILES", "PROGRAMFILES(X86)"]
        .iter()
        .filter_map(env::var_os)
        .map(PathBuf::from)
        .flat_map(|root| ["Chromium", "Google/Chrome"].map(|product| root.join(product).join("Application/chrome.exe")))
        .collect()
}
