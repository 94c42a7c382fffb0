//! From names to inputs: files, patterns, standard input.

use std::fs::{File, Metadata};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{Input, Source, read_error};
use crate::error::{Error, InputProblem};

/// Opens every file that is named or matched by a pattern, in that order. `-` is `standard_input`, already spooled. With a
/// `fallback` a pattern may match nothing; it is opened where nothing else is.
pub fn open_files(
    names: &[String],
    fallback: Option<&Path>,
    mut standard_input: Option<File>,
) -> Result<Vec<Input<'static>>, Error> {
    let mut inputs = Vec::new();
    for name in names {
        if name == "-" {
            let Some(file) = standard_input.take() else {
                return Err(Error::Arguments("standard input (-) can be read once only".to_owned()));
            };
            inputs.push(Input::new("-", file));
            continue;
        }
        let paths = match matching(name) {
            Err(Error::Input { problem: InputProblem::NoMatch, .. }) if fallback.is_some() => continue,
            paths => paths?,
        };
        for path in paths {
            inputs.push(open_file(&path)?);
        }
    }
    if let Some(path) = fallback.filter(|_| inputs.is_empty()) {
        tracing::info!(file = %path.display(), "no file matches: cleaning the fallback");
        inputs.push(open_file(path)?);
    }
    Ok(inputs)
}

/// Copies standard input to a temporary file, since it must be read twice. The file has no name: it goes with the
/// process.
pub fn spool_standard_input(folder: &Path) -> Result<File, Error> {
    let mut file =
        tempfile::tempfile_in(folder).map_err(|source| Error::Write { name: folder.display().to_string(), source })?;
    io::copy(&mut io::stdin().lock(), &mut file).map_err(|source| Error::Read { name: "-".to_owned(), source })?;
    file.seek(SeekFrom::Start(0)).map_err(|source| Error::Read { name: "-".to_owned(), source })?;
    Ok(file)
}

/// The name itself if there is such a file; else what it matches as a pattern.
fn matching(name: &str) -> Result<Vec<PathBuf>, Error> {
    let path = Path::new(name);
    let refuse = |problem| Error::Input { name: name.to_owned(), problem };
    if path.exists() || !name.contains(['*', '?', '[']) {
        return Ok(vec![path.to_owned()]);
    }
    let found = glob::glob(name).map_err(|error| Error::Arguments(format!("{name}: not a pattern: {error}")))?;
    let files: Vec<PathBuf> = found.filter_map(Result::ok).filter(|path| !path.is_dir()).collect();
    if files.is_empty() { Err(refuse(InputProblem::NoMatch)) } else { Ok(files) }
}

fn open_file(path: &Path) -> Result<Input<'static>, Error> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::Input { name: name.clone(), problem: InputProblem::Missing },
        _ => read_error(&name, error),
    })?;
    let metadata = file.metadata().map_err(|error| read_error(&name, error))?;
    if metadata.is_dir() {
        return Err(Error::Input { name, problem: InputProblem::Directory });
    }
    if !metadata.is_file() {
        return Err(Error::Arguments(format!("{name} cannot be read twice: use - and redirect it")));
    }
    let source = SourceFile { path: path.to_owned(), seen: Identity::of(&metadata) };
    Ok(Input { name, source: Source::File(source) })
}

/// A file as it was when the run began.
pub(super) struct SourceFile {
    path: PathBuf,
    seen: Identity,
}

/// What tells that a file is the same, with the same contents.
#[derive(PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Identity {
    fn of(metadata: &Metadata) -> Identity {
        Identity {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

impl SourceFile {
    pub(super) const fn size(&self) -> u64 {
        self.seen.size
    }

    pub(super) fn open(&self, name: &str) -> Result<File, Error> {
        let file = File::open(&self.path).map_err(|error| read_error(name, error))?;
        let metadata = file.metadata().map_err(|error| read_error(name, error))?;
        if Identity::of(&metadata) == self.seen { Ok(file) } else { Err(Error::Changed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(files: &[&str], fallback: Option<&Path>) -> Result<Vec<String>, String> {
        let files: Vec<String> = files.iter().map(|&name| name.to_owned()).collect();
        let inputs = open_files(&files, fallback, None).map_err(|error| error.to_string())?;
        Ok(inputs.iter().map(|input| input.name().to_owned()).collect())
    }

    #[test]
    fn the_fallback_stands_in_for_patterns_without_a_match_and_not_for_a_missing_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let (sample, pattern) = (path("sample"), path("*.csv"));
        std::fs::write(&sample, "x").unwrap();
        let fallback = Some(Path::new(&sample));
        assert!(names(&[&pattern], None).is_err());
        assert_eq!(names(&[&pattern], fallback).unwrap(), std::slice::from_ref(&sample));
        assert!(names(&[&path("sales.csv")], fallback).is_err());

        let sales = path("sales.csv");
        std::fs::write(&sales, "x").unwrap();
        assert_eq!(names(&[&pattern, &path("*.gz")], fallback).unwrap(), [sales]);
    }
}
