//! A file that appears under its name only when it is complete.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::Error;

/// Written beside its place; [`Output::commit`] puts it there. Dropped before that, it leaves nothing behind.
#[derive(Debug)]
pub(crate) struct Output {
    path: PathBuf,
    /// None once it is in its place.
    partial: Option<PathBuf>,
    out: BufWriter<File>,
}

impl Output {
    pub(crate) fn create(path: &Path) -> Result<Output, Error> {
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let out = File::create(&partial).map_err(|source| unwritable(path, source))?;
        Ok(Output { path: path.to_owned(), partial: Some(partial), out: BufWriter::with_capacity(1 << 16, out) })
    }

    /// Syncs the file and gives it its name.
    pub(crate) fn commit(mut self) -> Result<(), Error> {
        let renamed = self.out.flush().and_then(|()| self.out.get_ref().sync_all()).and_then(|()| {
            let Some(partial) = &self.partial else { return Ok(()) };
            std::fs::rename(partial, &self.path)
        });
        renamed.map_err(|source| unwritable(&self.path, source))?;
        self.partial = None;
        Ok(())
    }

    /// An error that names the file.
    pub(crate) fn error(&self, source: io::Error) -> Error {
        unwritable(&self.path, source)
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Some(partial) = &self.partial
            && let Err(error) = std::fs::remove_file(partial)
        {
            tracing::debug!(%error, "the partial file stays");
        }
    }
}

fn unwritable(path: &Path, source: io::Error) -> Error {
    Error::Output { what: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_file_is_untouched_until_the_new_one_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "old").unwrap();
        let mut given_up = Output::create(&path).unwrap();
        given_up.write_all(b"half").unwrap();
        drop(given_up);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        let mut output = Output::create(&path).unwrap();
        output.write_all(b"new").unwrap();
        output.commit().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
