//! From names to inputs: files, patterns, standard input.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::{Input, read_error};
use crate::error::{Error, InputProblem};

/// Opens every file that is named or matched by a pattern, in that order. `-` is `standard_input`, already spooled.
pub fn open_files(names: &[String], mut standard_input: Option<File>) -> Result<Vec<Input<'static>>, Error> {
    let mut inputs = Vec::new();
    for name in names {
        if name == "-" {
            let Some(file) = standard_input.take() else {
                return Err(Error::Arguments("standard input (-) can be read once only".to_owned()));
            };
            inputs.push(Input::new("-", file));
            continue;
        }
        for path in matching(name)? {
            inputs.push(open_file(&path)?);
        }
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
    Ok(Input::new(name, file))
}
