//! Exports that wait on disk until their destination is back, also beyond the end of the process.

use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use http::{HeaderValue, header};

use crate::{
    Destination, Export,
    queue::Queue,
    tally::{Counted, Outcome},
};

/// Files with another end are none of ours.
const EXTENSION: &str = "otlp";
/// The first line of each file.
const FORMAT: &str = "logfire-rs spool 1";
/// No body that was written here is longer when it is unpacked.
const MAX_BODY: u64 = 64 * 1024 * 1024;

/// The files of one destination, in a directory of their own that one process at a time has locked.
///
/// A file holds the path, the type and the body of an export. The destination's headers, which hold the token, are not
/// written.
#[derive(Debug)]
pub(crate) struct Spool {
    directory: PathBuf,
    max_bytes: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Locked as long as it is open; none if another process has it.
    lock: Option<File>,
    /// The oldest first.
    entries: VecDeque<Entry>,
    bytes: u64,
    sequence: u64,
}

#[derive(Debug)]
struct Entry {
    name: String,
    bytes: u64,
    /// None if an earlier process wrote it.
    counted: Option<Counted>,
}

impl Spool {
    pub(crate) fn new(parent: &Path, destination: &Destination, max_bytes: u64) -> Self {
        let directory = parent.join(destination.file_name());
        Self { directory, max_bytes, state: Mutex::default() }
    }

    pub(crate) fn directory(&self) -> String {
        self.directory.display().to_string()
    }

    /// How many exports there are.
    pub(crate) fn len(&self) -> usize {
        self.lock().entries.len()
    }

    /// Takes possession of the directory, unless it is ours already, and finds what an earlier process left.
    pub(crate) fn open(&self) -> io::Result<()> {
        self.open_locked(&mut self.lock())
    }

    /// Writes an export, and drops the oldest ones if there is no room. How many those were.
    pub(crate) fn keep(&self, export: &Export) -> io::Result<u64> {
        let content = content(export)?;
        let bytes = content.len() as u64;
        let mut state = self.lock();
        self.open_locked(&mut state)?;
        if bytes > self.max_bytes {
            return Err(io::Error::other("an export is larger than the spool may be"));
        }
        let mut dropped = 0;
        while state.bytes + bytes > self.max_bytes {
            self.forget_oldest(&mut state, Outcome::Lost);
            dropped += 1;
        }
        // In the order of the clock, and of the calls within one tick of it.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        state.sequence += 1;
        let name = format!("{:020}-{:010}.{EXTENSION}", now.as_nanos(), state.sequence);
        self.write(&name, &content)?;
        state.bytes += bytes;
        state.entries.push_back(Entry { name, bytes, counted: export.counted_items().cloned() });
        export.became(Outcome::Spooled);
        Ok(dropped)
    }

    /// Writes an export that was taken off its queue. What became of it, and what went wrong.
    pub(crate) fn keep_taken(
        &self,
        export: &Export,
        queue: &Queue,
    ) -> (Outcome, Option<io::Error>) {
        let kept = self.keep(export);
        let (outcome, problem) = match kept {
            Ok(dropped) => {
                queue.lose(dropped);
                (Outcome::Spooled, None)
            }
            Err(error) => {
                export.became(Outcome::Lost);
                (Outcome::Lost, Some(error))
            }
        };
        queue.settle_taken(outcome);
        (outcome, problem)
    }

    /// The oldest export and its name. What is gone or no export is dropped; how many that were.
    ///
    /// # Errors
    ///
    /// If the oldest one cannot be read now: it stays, since a process without a free file descriptor cannot read
    /// anything, and could remove everything.
    pub(crate) fn oldest(&self) -> (io::Result<Option<(String, Export)>>, u64) {
        let mut state = self.lock();
        let mut dropped = 0;
        while let Some(name) = state.entries.front().map(|entry| entry.name.clone()) {
            let export = match fs::read(self.directory.join(&name)) {
                Ok(content) => parse(&content),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(error) => return (Err(error), dropped),
            };
            if let Some(export) = export {
                return (Ok(Some((name, export))), dropped);
            }
            self.forget_oldest(&mut state, Outcome::Lost);
            dropped += 1;
        }
        (Ok(None), dropped)
    }

    /// Removes an export, of which it is known now what became.
    pub(crate) fn settle(&self, name: &str, outcome: Outcome) {
        let mut state = self.lock();
        // It may have been dropped meanwhile, for want of room.
        if state.entries.front().is_some_and(|entry| entry.name == name) {
            self.forget_oldest(&mut state, outcome);
        }
    }

    /// Leaves the directory to the next process. What is in it still counts.
    pub(crate) fn release(&self) {
        self.lock().lock = None;
    }

    fn open_locked(&self, state: &mut State) -> io::Result<()> {
        if state.lock.is_some() {
            return Ok(());
        }
        create_private_directory(&self.directory)?;
        let lock = private().create(true).truncate(false).open(self.directory.join("lock"))?;
        lock.try_lock().map_err(|_| io::Error::other("somebody else uses it"))?;
        state.lock = Some(lock);
        let mut found = Vec::new();
        for file in fs::read_dir(&self.directory)?.flatten() {
            let Ok(name) = file.file_name().into_string() else { continue };
            // A directory could be neither read nor dropped, and stand before all others.
            if !file.file_type().is_ok_and(|it| it.is_file()) {
                continue;
            }
            if name.ends_with(".partial") {
                // A process ended while it wrote this; its name is only for what is whole.
                let _ = fs::remove_file(file.path());
            } else if Path::new(&name).extension().is_some_and(|it| it == EXTENSION) {
                let bytes = file.metadata().map_or(0, |metadata| metadata.len());
                found.push(Entry { name, bytes, counted: None });
            }
        }
        found.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        state.bytes = found.iter().map(|entry| entry.bytes).sum();
        state.entries = found.into();
        Ok(())
    }

    fn write(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let partial = self.directory.join(format!("{name}.partial"));
        let written = private()
            .create_new(true)
            .open(&partial)
            .and_then(|mut file| file.write_all(content))
            .and_then(|()| fs::rename(&partial, self.directory.join(name)));
        written.inspect_err(|_| {
            // A full disk is no better with half a file on it.
            let _ = fs::remove_file(&partial);
        })
    }

    fn forget_oldest(&self, state: &mut State, outcome: Outcome) {
        if let Some(entry) = state.entries.pop_front() {
            state.bytes -= entry.bytes;
            if let Some(counted) = entry.counted {
                counted.left_the_spool(outcome);
            }
            // What cannot be removed is sent again by the next process.
            let _ = fs::remove_file(self.directory.join(entry.name));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The format, the path and the headers that tell what the body is, each on a line; then the packed body.
fn content(export: &Export) -> io::Result<Vec<u8>> {
    let header = |name| export.headers().get(name).and_then(|value| value.to_str().ok());
    let mut content = format!(
        "{FORMAT}\n{}\n{}\n{}\n",
        export.path(),
        header(header::CONTENT_TYPE).unwrap_or_default(),
        header(header::CONTENT_ENCODING).unwrap_or_default(),
    )
    .into_bytes();
    let mut encoder = GzEncoder::new(&mut content, Compression::fast());
    encoder.write_all(export.body())?;
    encoder.finish()?;
    Ok(content)
}

/// None for what is not whole, which the checksum of gzip tells, or not ours.
fn parse(content: &[u8]) -> Option<Export> {
    let mut parts = content.splitn(5, |byte| *byte == b'\n');
    let mut line = || std::str::from_utf8(parts.next()?).ok();
    if line()? != FORMAT {
        return None;
    }
    let (path, content_type, encoding) = (line()?.to_owned(), line()?, line()?);
    // Anything else would end the host of the destination, and lead its token elsewhere.
    if !path.is_empty() && !path.starts_with('/') {
        return None;
    }
    let mut body = Vec::new();
    let mut decoder = GzDecoder::new(parts.next()?).take(MAX_BODY + 1);
    decoder.read_to_end(&mut body).ok().filter(|length| *length as u64 <= MAX_BODY)?;
    let mut export = Export::new(path, "", body)
        .header(header::CONTENT_TYPE, HeaderValue::from_str(content_type).ok()?);
    if !encoding.is_empty() {
        let encoding = HeaderValue::from_str(encoding).ok()?;
        export = export.header(header::CONTENT_ENCODING, encoding);
    }
    Some(export)
}

/// For the owner only: telemetry is nobody else's business.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn create_private_directory(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(export: &Export) -> (String, String, Vec<u8>) {
        let headers = format!("{:?}", export.headers());
        (export.path().to_owned(), headers, export.body().to_vec())
    }

    #[test]
    fn a_file_leads_to_its_destination_and_nowhere_else() {
        let whole = content(&Export::new("", "text/plain", "x")).unwrap();
        let (format, rest) = whole.split_at(FORMAT.len() + 1);
        let file = |path: &str| [format, path.as_bytes(), rest].concat();
        for path in ["", "/v1/traces", "/v1/traces?a=@b"] {
            assert_eq!(parse(&file(path)).unwrap().path(), path);
        }
        for path in ["@elsewhere.example/v1/traces", ".elsewhere.example/", ":1@elsewhere/"] {
            assert!(parse(&file(path)).is_none(), "{path}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_what_is_damaged_is_no_export(
            body in prop::collection::vec(any::<u8>(), 0..200),
            encoding in prop::option::of("gzip|br"),
            at in any::<prop::sample::Index>(), bit in 0..8u8, length in any::<prop::sample::Index>(),
        ) {
            let mut export = Export::new("/v1/traces", "application/x-protobuf", body);
            if let Some(encoding) = encoding {
                let encoding = HeaderValue::from_str(&encoding).unwrap();
                export = export.header(header::CONTENT_ENCODING, encoding);
            }
            let whole = content(&export).unwrap();
            prop_assert_eq!(shown(&parse(&whole).unwrap()), shown(&export));
            prop_assert!(parse(&whole[..length.index(whole.len())]).is_none());

            let mut damaged = whole.clone();
            damaged[at.index(whole.len())] ^= 1 << bit;
            // The head has no checksum, but the body never becomes another one.
            if let Some(read) = parse(&damaged) {
                prop_assert_eq!(read.body(), export.body());
            }
        }

        #[test]
        fn any_file_is_read_without_a_panic(content in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut ours = format!("{FORMAT}\n").into_bytes();
            ours.extend(&content);
            for content in [content, ours] {
                if let Some(export) = parse(&content) {
                    prop_assert!(export.path().is_empty() || export.path().starts_with('/'));
                }
            }
        }
    }
}
