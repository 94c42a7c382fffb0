//! Files that appear under their name only when complete.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

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
}

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
            Target::File(file) => file.written.write(bytes),
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
        Ok(AtomicFile { written, path, name })
    }

    fn complete(self) -> Result<(), Error> {
        let AtomicFile { written, path, name } = self;
        let fail = |source| Error::Write { name: name.clone(), source };
        written.as_file().sync_all().map_err(fail)?;
        written.persist(&path).map_err(|error| fail(error.error))?;
        File::open(folder_of(&path)).and_then(|folder| folder.sync_all()).map_err(fail)
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
