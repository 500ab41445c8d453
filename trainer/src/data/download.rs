//! Downloads a file from the first of several mirrors that serves it intact.

use std::fmt::Display;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use tempfile::NamedTempFile;
use ureq::{Agent, Error, Timeout};

/// Limit for resolving a name, and then for connecting.
const CONNECT: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(30);
/// Limit for one file: the largest has 26 MB, at 50 kB/s.
const FILE: Duration = Duration::from_secs(600);
/// Pauses before further attempts at one mirror.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

pub(super) struct Client {
    agent: Agent,
    pauses: Vec<Duration>,
}

#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) raw: Vec<u8>,
    pub(super) checked: Vec<u8>,
}

impl Client {
    /// Uses the proxy of the environment.
    pub(super) fn new() -> Self {
        let limits = Agent::config_builder()
            .timeout_resolve(Some(CONNECT))
            .timeout_connect(Some(CONNECT))
            .timeout_per_read(Some(SILENCE))
            .timeout_global(Some(FILE));
        Self { agent: limits.build().new_agent(), pauses: PAUSES.to_vec() }
    }

    /// Fetches the file `name`, of at most `most_bytes`, from the first of `mirrors` (addresses
    /// that end in a slash) whose bytes pass `check`. Transient errors are retried.
    ///
    /// # Errors
    /// For each mirror, in order, its address and last error.
    pub(super) fn fetch<E: Display>(
        &self,
        mirrors: &[&str],
        name: &str,
        most_bytes: u64,
        check: impl Fn(&[u8]) -> Result<Vec<u8>, E>,
    ) -> Result<Fetched, Vec<String>> {
        let mut faults = Vec::new();
        for mirror in mirrors {
            let url = format!("{mirror}{name}");
            match self.get(&url, most_bytes) {
                Ok(raw) => match check(&raw) {
                    Ok(checked) => return Ok(Fetched { raw, checked }),
                    Err(fault) => faults.push(format!("{url}: {fault}")),
                },
                Err(fault) => faults.push(format!("{url}: {fault}")),
            }
        }
        Err(faults)
    }

    /// The body at `url`, with retries after transient errors.
    fn get(&self, url: &str, most_bytes: u64) -> Result<Vec<u8>, Error> {
        let once = || self.agent.get(url).call()?.body_mut().with_config().limit(most_bytes).read_to_vec();
        let mut outcome = once();
        for pause in &self.pauses {
            if !outcome.as_ref().is_err_and(is_transient) {
                break;
            }
            thread::sleep(*pause);
            outcome = once();
        }
        outcome
    }
}

/// Whether a retry may help. A host that cannot be found or reached will not come back in seconds,
/// and someone offline should not have to wait for the error.
fn is_transient(fault: &Error) -> bool {
    match fault {
        Error::StatusCode(code) => matches!(code, 408 | 429 | 500..),
        Error::Io(fault) => matches!(
            fault.kind(),
            ErrorKind::BrokenPipe
                | ErrorKind::ConnectionAborted
                | ErrorKind::ConnectionReset
                | ErrorKind::TimedOut
                | ErrorKind::UnexpectedEof
        ),
        Error::Timeout(Timeout::PerRead | Timeout::RecvResponse) | Error::Protocol(_) => true,
        _ => false,
    }
}

/// Writes `bytes` to `dir/name`, which appears only once it is complete on disk.
pub(super) fn save(bytes: &[u8], dir: &Path, name: &str) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let mut file = NamedTempFile::new_in(dir)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(dir.join(name))?;
    Ok(())
}

#[cfg(test)]
pub(super) mod testing {
    use std::io::{BufRead, BufReader};
    use std::net::{TcpListener, TcpStream};
    use std::sync::{Arc, Mutex};

    use super::*;

    pub(crate) enum Reply {
        Whole(Vec<u8>),
        /// The full length, then only the first half of the body.
        Cut(Vec<u8>),
        Status(u16),
    }

    pub(crate) struct Mirror {
        pub(crate) url: String,
        requests: Arc<Mutex<Vec<String>>>,
    }

    impl Mirror {
        /// Serves `reply` of a file name and the number of earlier requests.
        pub(crate) fn start(reply: impl Fn(&str, usize) -> Reply + Send + 'static) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let url = format!("http://{}/", listener.local_addr().unwrap());
            let requests = Arc::new(Mutex::new(Vec::new()));
            let log = Arc::clone(&requests);
            thread::spawn(move || {
                for stream in listener.incoming() {
                    answer(&stream.unwrap(), &reply, &log);
                }
            });
            Self { url, requests }
        }

        /// The requested file names, in order.
        pub(crate) fn requests(&self) -> Vec<String> {
            self.requests.lock().unwrap().clone()
        }
    }

    fn answer(mut stream: &TcpStream, reply: &impl Fn(&str, usize) -> Reply, log: &Mutex<Vec<String>>) {
        let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
        let Some(request) = lines.next() else { return };
        lines.find(String::is_empty);
        let name = request.split([' ', '/']).nth(2).unwrap().to_owned();
        let before = log.lock().unwrap().len();
        let (status, body, sent) = match reply(&name, before) {
            Reply::Whole(body) => (200, body.len(), body),
            Reply::Cut(body) => (200, body.len(), body[..body.len() / 2].to_vec()),
            Reply::Status(status) => (status, 0, Vec::new()),
        };
        log.lock().unwrap().push(name);
        let head = format!("HTTP/1.1 {status} -\r\ncontent-length: {body}\r\nconnection: close\r\n\r\n");
        stream.write_all(&[head.into_bytes(), sent].concat()).unwrap();
    }

    impl Client {
        /// Two immediate retries and no proxy.
        pub(crate) fn impatient() -> Self {
            let limits = Agent::config_builder().proxy(None).timeout_global(Some(CONNECT));
            Self { agent: limits.build().new_agent(), pauses: vec![Duration::ZERO; 2] }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{Mirror, Reply};
    use super::*;

    fn fetch(mirrors: &[&Mirror], most_bytes: u64) -> Result<Fetched, Vec<String>> {
        let urls: Vec<&str> = mirrors.iter().map(|mirror| mirror.url.as_str()).collect();
        let check = |bytes: &[u8]| match bytes {
            b"bad!" => Err("refused"),
            _ => Ok(bytes.to_ascii_uppercase()),
        };
        Client::impatient().fetch(&urls, "file", most_bytes, check)
    }

    #[test]
    fn a_busy_mirror_is_asked_again() {
        let mirror = Mirror::start(|_, before| match before {
            0 => Reply::Status(503),
            1 => Reply::Cut(b"good".to_vec()),
            _ => Reply::Whole(b"good".to_vec()),
        });
        let fetched = fetch(&[&mirror], 4).unwrap();
        assert_eq!((fetched.raw.as_slice(), fetched.checked.as_slice()), (&b"good"[..], &b"GOOD"[..]));
        assert_eq!(mirror.requests().len(), 3);
    }

    #[test]
    fn a_mirror_without_the_file_or_with_another_one_is_asked_once() {
        let without = Mirror::start(|_, _| Reply::Status(404));
        let other = Mirror::start(|_, _| Reply::Whole(b"bad!".to_vec()));
        let long = Mirror::start(|_, _| Reply::Whole(b"good!".to_vec()));
        let faults = fetch(&[&without, &other, &long], 4).unwrap_err();
        assert_eq!(faults.len(), 3);
        assert!(faults[0].starts_with(&without.url) && faults[0].contains("404"), "{faults:?}");
        assert!(faults[1].ends_with("refused"), "{faults:?}");
        assert_eq!([without.requests().len(), other.requests().len(), long.requests().len()], [1, 1, 1]);
    }

    #[test]
    fn saving_makes_the_folder_and_leaves_only_the_file() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("a/b");
        save(b"one", &dir, "file").unwrap();
        save(b"two", &dir, "file").unwrap();
        assert_eq!(fs::read(dir.join("file")).unwrap(), b"two");
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
    }
}
