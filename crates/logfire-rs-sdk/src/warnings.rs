//! Where the SDK tells what it could not do.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::{
    fmt,
    io::{self, Write},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::Duration,
};

/// Lines that may wait to be written; further ones are left out.
const WAITING: usize = 64;
/// How long somebody waits for a line to be written: the program may end right behind it.
const PATIENCE: Duration = Duration::from_millis(500);

/// Called with one line per warning.
#[derive(Clone)]
pub(crate) struct Warnings(Arc<dyn Fn(&str) + Send + Sync>);

impl Warnings {
    pub(crate) fn new(listener: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(listener))
    }

    pub(crate) fn warn(&self, warning: &impl fmt::Display) {
        // `println!` panics if stdout is gone, and some warnings are told in a `drop`.
        let _ = catch_unwind(AssertUnwindSafe(|| (self.0)(&warning.to_string())));
    }
}

/// One line on stderr; one that is gone is no reason to fail, and one that nobody reads none to wait.
impl Default for Warnings {
    fn default() -> Self {
        static STDERR: LazyLock<Lines> = LazyLock::new(|| Lines::to(io::stderr()));
        Self::new(|warning| STDERR.tell(format!("logfire: {warning}\n")))
    }
}

impl fmt::Debug for Warnings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Warnings")
    }
}

/// Lines to a writer on a thread of its own: a pipe that is full blocks whoever writes to it.
struct Lines {
    sender: SyncSender<(String, SyncSender<()>)>,
    /// Whether the last line was waited for in vain; the next ones are not, until something is written.
    stuck: Arc<AtomicBool>,
}

impl Lines {
    fn to(writer: impl Write + Send + 'static) -> Self {
        let (sender, lines) = sync_channel(WAITING);
        let stuck = Arc::new(AtomicBool::new(false));
        let is_stuck = Arc::clone(&stuck);
        let _ = thread::Builder::new()
            .name("logfire-warnings".to_owned())
            .spawn(move || write(writer, &lines, &is_stuck));
        Self { sender, stuck }
    }

    fn tell(&self, line: String) {
        let (sender, written) = sync_channel(1);
        match self.sender.try_send((line, sender)) {
            Ok(()) if !self.stuck.load(Ordering::SeqCst) => {
                let in_vain = written.recv_timeout(PATIENCE).is_err();
                self.stuck.store(in_vain, Ordering::SeqCst);
            }
            Ok(()) | Err(TrySendError::Full(_)) => {}
            // There could be no thread: better to wait for a writer than to tell nothing.
            Err(TrySendError::Disconnected((line, _))) => {
                let _ = io::stderr().write_all(line.as_bytes());
            }
        }
    }
}

fn write(mut writer: impl Write, lines: &Receiver<(String, SyncSender<()>)>, stuck: &AtomicBool) {
    for (line, written) in lines {
        let _ = writer.write_all(line.as_bytes()).and_then(|()| writer.flush());
        stuck.store(false, Ordering::SeqCst);
        // Who told it may have gone on already.
        let _ = written.try_send(());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, mpsc::channel};

    use super::*;

    /// Writes when it is allowed to.
    struct Gate {
        allowed: Receiver<()>,
        written: Arc<Mutex<String>>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.allowed.recv();
            self.written.lock().unwrap().push_str(std::str::from_utf8(bytes).unwrap());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_writer_that_hangs_holds_nobody_up_and_gets_its_lines_later() {
        let written = Arc::new(Mutex::new(String::new()));
        let (allow, allowed) = channel();
        let lines = Lines::to(Gate { allowed, written: Arc::clone(&written) });
        // Of these the first is waited for; with more than can wait, the rest is left out.
        for number in 0..2 * WAITING {
            lines.tell(format!("{number}\n"));
        }
        assert_eq!(*written.lock().unwrap(), "");
        assert!(lines.stuck.load(Ordering::SeqCst));

        drop(allow);
        while lines.stuck.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        // It is left out as long as the lines that wait are more than the writer has had time for.
        while !written.lock().unwrap().contains("works again\n") {
            lines.tell("works again\n".to_owned());
        }
        let written = written.lock().unwrap();
        assert!(written.starts_with("0\n1\n2\n"), "{written}");
        let waited = written.lines().filter(|it| *it != "works again").count();
        assert!(waited <= WAITING + 2, "{written}");
    }

    #[test]
    fn a_line_is_written_when_it_is_told() {
        let written = Arc::new(Mutex::new(String::new()));
        let (allow, allowed) = channel();
        let lines = Lines::to(Gate { allowed, written: Arc::clone(&written) });
        allow.send(()).unwrap();
        lines.tell("told\n".to_owned());
        assert_eq!(*written.lock().unwrap(), "told\n");
    }
}
