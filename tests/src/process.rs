//! Services as processes of their own: started, killed, and asked how they ended.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Once;
use std::time::{Duration, Instant};

/// A service that runs until it is stopped, or dropped.
pub struct Service {
    child: Child,
}

/// Where cargo puts the services: in the profile's folder, two above the tests. They are built if they are not up to date:
/// cargo builds a package's programs only for that package's own tests.
fn executable(service: &str) -> PathBuf {
    static BUILT: Once = Once::new();
    let test = std::env::current_exe().expect("the test has a path");
    let profile = test.ancestors().nth(2).expect("tests are in the profile's folder `deps`");
    BUILT.call_once(|| {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let mut build = Command::new(cargo);
        build.args(["build", "--workspace", "--bins", "--quiet"]);
        if profile.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().is_ok_and(|status| status.success()), "the services cannot be built");
    });
    profile.join(service)
}

/// Runs a service to its end.
///
/// # Panics
/// It cannot be started, or does not end in time.
pub fn run(service: &str, arguments: &[String], patience: Duration) -> Output {
    let mut child = command(service, arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    let (mut stdout, mut stderr) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
    let out = std::thread::spawn(move || {
        let mut text = Vec::new();
        stdout.read_to_end(&mut text).map(|_| text)
    });
    let err = std::thread::spawn(move || {
        let mut text = Vec::new();
        stderr.read_to_end(&mut text).map(|_| text)
    });
    let status = wait(&mut child, patience).unwrap_or_else(|| {
        let _ = child.kill();
        panic!("{service} {arguments:?} did not end within {patience:?}");
    });
    let text = |thread: std::thread::JoinHandle<std::io::Result<Vec<u8>>>| thread.join().expect("read").expect("read");
    Output { status, stdout: text(out), stderr: text(err) }
}

/// The last line of standard error.
pub fn last_error_line(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned()
}

fn command(service: &str, arguments: &[String]) -> Command {
    let mut command = Command::new(executable(service));
    // The environment of whoever runs the tests must not change what the flags say.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("RETAIL_")) {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

fn wait(child: &mut Child, patience: Duration) -> Option<std::process::ExitStatus> {
    let started = Instant::now();
    while started.elapsed() < patience {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    None
}

impl Service {
    /// Starts a service; its logs go to the test's.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn start(service: &str, arguments: &[String]) -> Self {
        Service { child: command(service, arguments).stdout(Stdio::null()).spawn().expect("started") }
    }

    /// The process's number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by name (`TERM`, `KILL`, `STOP`, `CONT`).
    ///
    /// # Panics
    /// The signal cannot be sent.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").arg(format!("-{name}")).arg(pid).status().expect("kill is there");
        assert!(status.success(), "the signal was not sent");
    }

    /// Waits until the service has a handler for SIGTERM, as Linux tells of a process.
    ///
    /// # Panics
    /// It has none in time.
    pub fn wait_until_it_catches_signals(&self, patience: Duration) {
        const TERM: u64 = 1 << 14;
        let path = format!("/proc/{}/status", self.child.id());
        let started = Instant::now();
        loop {
            let status = std::fs::read_to_string(&path).expect("the process is there");
            let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("a mask of signals");
            if u64::from_str_radix(caught.trim(), 16).expect("hexadecimal") & TERM != 0 {
                return;
            }
            assert!(started.elapsed() < patience, "no handler within {patience:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for the end and gives the exit status, if there is one.
    ///
    /// # Panics
    /// It does not end in time.
    pub fn ended(mut self, patience: Duration) -> Option<i32> {
        wait(&mut self.child, patience).expect("ends in time").code()
    }

    /// Whether it is still there.
    ///
    /// # Panics
    /// It cannot be asked.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child can be asked").is_none()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A service whose standard output is read as it comes.
pub struct Watched {
    service: Service,
    output: std::sync::Arc<std::sync::Mutex<String>>,
}

impl Watched {
    /// Starts a service.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn start(service: &str, arguments: &[String]) -> Self {
        let mut child = command(service, arguments).stdout(Stdio::piped()).spawn().expect("started");
        let mut stdout = child.stdout.take().expect("piped");
        let output = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
        let text = std::sync::Arc::clone(&output);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = stdout.read(&mut buffer) {
                text.lock().expect("not poisoned").push_str(&String::from_utf8_lossy(&buffer[..read]));
            }
        });
        Watched { service: Service { child }, output }
    }

    /// Waits until the output is so.
    ///
    /// # Panics
    /// It does not become so in time.
    pub fn until(&self, patience: Duration, wanted: impl Fn(&str) -> bool) -> String {
        let started = Instant::now();
        loop {
            let text = self.output.lock().expect("not poisoned").clone();
            if wanted(&text) {
                return text;
            }
            assert!(
                started.elapsed() < patience,
                "not within {patience:?}; process {}: {text}",
                self.service.child.id()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
