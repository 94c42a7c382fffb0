//! Files that appear under their name only when complete.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use tempfile::NamedTempFile;

use crate::error::Error;

/// Where bytes go.
pub enum Target {
    /// A regular file, written beside its name.
    File(AtomicFile),
    /// Standard output, a device or a pipe: bytes cannot be taken back.
    Through(File),
    /// Standard output.
    Out(io::Stdout),
}

/// A file written beside its name.
pub struct AtomicFile {
    written: NamedTempFile,
    path: PathBuf,
    name: String,
    /// Bytes since the last early sync.
    unsynced: u64,
    early_sync: Option<EarlySync>,
}

/// A sync is begun after so many bytes, so that the last one has little to wait for.
const EARLY_SYNC_BYTES: u64 = 8 << 20;

impl Target {
    /// `-` is standard output.
    pub fn open(path: &Path) -> Result<Target, Error> {
        if path == Path::new("-") {
            return Ok(Target::Out(io::stdout()));
        }
        let name = path.display().to_string();
        let fail = |source| Error::Write { name: name.clone(), source };
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => Err(fail(io::ErrorKind::IsADirectory.into())),
            Ok(metadata) if !metadata.is_file() => {
                OpenOptions::new().write(true).open(path).map(Target::Through).map_err(fail)
            }
            // A link stays a link: the file it names is replaced.
            Ok(metadata) => {
                let path = fs::canonicalize(path).map_err(fail)?;
                AtomicFile::create(path, name, metadata.permissions()).map(Target::File)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                AtomicFile::create(path.to_owned(), name, Permissions::from_mode(0o666)).map(Target::File)
            }
            Err(error) => Err(fail(error)),
        }
    }

    /// Whether what is written to `path` can be taken back until it is complete.
    pub fn can_be_taken_back(path: &Path) -> bool {
        path != Path::new("-") && fs::metadata(path).map_or(true, |metadata| metadata.is_file())
    }

    /// Whether two paths name one file, existing or not. A device or a pipe may take several outputs.
    pub fn are_same(path: &Path, other: &Path) -> bool {
        let place = |path: &Path| {
            let folder =
                || fs::canonicalize(folder_of(path)).map(|folder| folder.join(path.file_name().unwrap_or_default()));
            fs::canonicalize(path).or_else(|_| folder())
        };
        let same = path == other || matches!((place(path), place(other)), (Ok(one), Ok(other)) if one == other);
        same && (path == Path::new("-") || Self::can_be_taken_back(path))
    }

    /// Makes what was written appear.
    pub fn complete(self) -> Result<(), Error> {
        match self {
            Target::File(file) => file.complete(),
            Target::Through(_) => Ok(()),
            Target::Out(mut out) => {
                out.flush().map_err(|source| Error::Write { name: "standard output".to_owned(), source })
            }
        }
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Target::File(file) => file.write(bytes),
            Target::Through(file) => file.write(bytes),
            Target::Out(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Target::File(file) => file.written.flush(),
            Target::Through(file) => file.flush(),
            Target::Out(out) => out.flush(),
        }
    }
}

impl AtomicFile {
    fn create(path: PathBuf, name: String, permissions: Permissions) -> Result<AtomicFile, Error> {
        let folder = folder_of(&path);
        let file_name = path.file_name().unwrap_or_default().to_string_lossy();
        let written = tempfile::Builder::new()
            .prefix(&format!(".{file_name}."))
            .suffix(".part")
            .permissions(permissions)
            .tempfile_in(folder)
            .map_err(|source| Error::Write { name: name.clone(), source })?;
        Ok(AtomicFile { written, path, name, unsynced: 0, early_sync: None })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.written.write(bytes)?;
        self.unsynced += count as u64;
        if self.unsynced >= EARLY_SYNC_BYTES {
            self.unsynced = 0;
            let early_sync = match self.early_sync.take() {
                Some(early_sync) => early_sync,
                None => EarlySync::of(self.written.as_file().try_clone()?),
            };
            self.early_sync.insert(early_sync).begin();
        }
        Ok(count)
    }

    fn complete(self) -> Result<(), Error> {
        let AtomicFile { written, path, name, early_sync, .. } = self;
        let fail = |source| Error::Write { name: name.clone(), source };
        early_sync.map_or(Ok(()), EarlySync::end).map_err(fail)?;
        written.as_file().sync_all().map_err(fail)?;
        written.persist(&path).map_err(|error| fail(error.error))?;
        File::open(folder_of(&path)).and_then(|folder| folder.sync_all()).map_err(fail)
    }
}

/// A thread that syncs a file while more is written to it.
struct EarlySync {
    wake: SyncSender<()>,
    thread: JoinHandle<io::Result<()>>,
}

impl EarlySync {
    fn of(file: File) -> EarlySync {
        let (wake, woken) = sync_channel(1);
        let thread = std::thread::spawn(move || woken.into_iter().try_for_each(|()| file.sync_data()));
        EarlySync { wake, thread }
    }

    fn begin(&self) {
        // Where the last sync is still busy, the next one takes these bytes too; where it failed, `end` tells.
        let _ = self.wake.try_send(());
    }

    /// The system tells of a failure once only, so it must not be lost here.
    fn end(self) -> io::Result<()> {
        drop(self.wake);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
