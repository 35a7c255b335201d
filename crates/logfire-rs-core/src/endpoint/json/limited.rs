//! JSON that keeps to limits, and masks what is secret, while it is written.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use super::super::EndpointLimits;
use super::super::secret_names::is_secret;
use super::{CUT, MASK};
use crate::diagnostics;
use crate::start_of::start_of;

/// What is read of one value: beyond it, to pass over the rest costs too much.
const STEPS: usize = 100_000;

/// Room for most values.
const USUAL: usize = 64;

/// `value` as JSON, or nothing if its `Serialize` fails or panics; the values of keys that look secret
/// are masked if that `masks`.
pub(super) fn write<T: Serialize + ?Sized>(
    value: &T,
    limits: EndpointLimits,
    masks: bool,
) -> Option<String> {
    let out = String::with_capacity(USUAL);
    let state = RefCell::new(State { out, limits, masks, ..State::default() });
    let result = diagnostics::guarded("the `Serialize` of an endpoint's argument", || {
        value.serialize(&mut Serializer::with_formatter(Output(&state), Limited(&state)))
    })?;
    let mut state = state.into_inner();
    if state.steps > STEPS {
        state.close_all();
    } else {
        result.ok()?;
    }
    Some(state.out)
}

#[derive(Default)]
struct State {
    out: String,
    limits: EndpointLimits,
    masks: bool,
    open: Vec<Open>,
    /// Where the key that is being written begins.
    key: Option<usize>,
    /// What becomes of the value after the key.
    next: Next,
    /// How many of the calls that began something and are not ended are passed over.
    muted: usize,
    /// The string that is being written was cut.
    string_is_cut: bool,
    string_start: usize,
    items: usize,
    steps: usize,
}

/// An array or object that is not closed yet.
struct Open {
    close: char,
    count: usize,
    cut: bool,
    /// The first of an array looks like the name of a secret: the second is its value.
    names_secret: bool,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Next {
    #[default]
    Keep,
    Mask,
    Drop,
}

impl State {
    fn put(&mut self, text: &str) {
        if self.muted == 0 && !self.string_is_cut {
            self.out.push_str(text);
        }
    }

    /// Begins something inside of what is passed over.
    fn begins_muted(&mut self) -> bool {
        self.muted += usize::from(self.muted > 0);
        self.muted > 0
    }

    fn ends_muted(&mut self) -> bool {
        let muted = self.muted > 0;
        self.muted = self.muted.saturating_sub(1);
        muted
    }

    fn begin(&mut self, open: char, close: char) {
        if self.begins_muted() {
            return;
        }
        if self.open.len() >= self.limits.depth {
            let _ = write!(self.out, "\"{CUT}\"");
            self.muted = 1;
            return;
        }
        self.out.push(open);
        self.open.push(Open { close, count: 0, cut: false, names_secret: false });
    }

    fn end(&mut self) {
        if !self.ends_muted() {
            self.close();
        }
    }

    fn close(&mut self) {
        let Some(open) = self.open.pop() else { return };
        if open.cut {
            let comma = if open.count > 0 { "," } else { "" };
            let marker = if open.close == '}' { "\"…\":\"…\"" } else { "\"…\"" };
            let _ = write!(self.out, "{comma}{marker}");
        }
        self.out.push(open.close);
    }

    /// Ends in the middle of a value of which there is too much.
    fn close_all(&mut self) {
        while !self.open.is_empty() {
            self.close();
        }
    }

    /// Counts an item of the innermost array or object; whether there is room for it.
    fn item(&mut self) -> bool {
        let full = self.out.len() >= self.limits.bytes || self.items >= self.limits.items;
        let Some(open) = self.open.last_mut() else { return true };
        if full {
            open.cut = true;
            return false;
        }
        if open.count > 0 {
            self.out.push(',');
        }
        open.count += 1;
        self.items += 1;
        true
    }

    fn step(&mut self) -> io::Result<()> {
        self.steps += 1;
        if self.steps > STEPS { Err(io::Error::other("the value is too large")) } else { Ok(()) }
    }

    fn begin_element(&mut self) -> io::Result<()> {
        self.step()?;
        if self.begins_muted() {
            return Ok(());
        }
        if !self.item() {
            self.muted = 1;
        } else if self.masks && self.open.last().is_some_and(|it| it.names_secret && it.count == 2)
        {
            self.out.push_str(MASK);
            self.muted = 1;
        }
        Ok(())
    }

    fn begin_key(&mut self) -> io::Result<()> {
        self.step()?;
        if self.begins_muted() {
            return Ok(());
        }
        if self.item() {
            self.key = Some(self.out.len());
        } else {
            self.next = Next::Drop;
            self.muted = 1;
        }
        Ok(())
    }

    fn end_key(&mut self) {
        if self.ends_muted() {
            return;
        }
        self.string_is_cut = false;
        let key = self.key.take().and_then(|start| self.out.get(start..)).unwrap_or_default();
        let masks = self.masks && is_secret(key.trim_matches('"'));
        self.next = if masks { Next::Mask } else { Next::Keep };
    }

    fn begin_value(&mut self) {
        if self.begins_muted() {
            return;
        }
        match std::mem::take(&mut self.next) {
            Next::Keep => self.out.push(':'),
            Next::Mask => {
                let _ = write!(self.out, ":{MASK}");
                self.muted = 1;
            }
            Next::Drop => self.muted = 1,
        }
    }

    fn begin_string(&mut self) {
        self.put("\"");
        self.string_start = self.out.len();
    }

    fn fragment(&mut self, text: &str) {
        if self.muted > 0 || self.string_is_cut {
            return;
        }
        // A key has room of its own.
        let limit = self.limits.bytes.saturating_add(self.key.unwrap_or_default());
        self.string_is_cut = !push_short(&mut self.out, text, limit);
    }

    fn end_string(&mut self) {
        self.string_is_cut = false;
        self.put("\"");
        if self.muted > 0 || self.key.is_some() {
            return;
        }
        if let Some(open) = self.open.last_mut().filter(|it| it.close == ']') {
            let text = self.out.get(self.string_start..).unwrap_or_default();
            open.names_secret =
                open.count == 1 && text.len() < 100 && is_secret(text.trim_end_matches('"'));
        }
    }
}

/// Where numbers and the like go.
struct Output<'a>(&'a RefCell<State>);

impl io::Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = std::str::from_utf8(bytes).map_err(io::Error::other)?;
        self.0.borrow_mut().put(text);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Keeps to the limits. Everything goes to the state; the writer of each method is an [`Output`].
struct Limited<'a>(&'a RefCell<State>);

impl Formatter for Limited<'_> {
    fn begin_string<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.borrow_mut().begin_string();
        Ok(())
    }

    fn write_string_fragment<W>(&mut self, _: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        self.0.borrow_mut().fragment(fragment);
        Ok(())
    }

    fn end_string<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.borrow_mut().end_string();
        Ok(())
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.borrow_mut().begin('[', ']');
        Ok(())
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.borrow_mut().end();
        Ok(())
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, _: &mut W, _: bool) -> io::Result<()> {
        self.0.borrow_mut().begin_element()
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.borrow_mut().ends_muted();
        Ok(())
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.borrow_mut().begin('{', '}');
        Ok(())
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.borrow_mut().end();
        Ok(())
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, _: &mut W, _: bool) -> io::Result<()> {
        self.0.borrow_mut().begin_key()
    }

    fn end_object_key<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.borrow_mut().end_key();
        Ok(())
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.borrow_mut().begin_value();
        Ok(())
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.borrow_mut().ends_muted();
        Ok(())
    }

    fn write_raw_fragment<W>(&mut self, _: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        // JSON that was never looked into; what is not JSON is an error of the value.
        let value: serde_json::Value = serde_json::from_str(fragment)?;
        value.serialize(&mut Serializer::with_formatter(Output(self.0), Limited(self.0)))?;
        Ok(())
    }
}

/// Appends what of `text` fits, and whether that is all of it.
pub(super) fn push_short(out: &mut String, text: &str, limit: usize) -> bool {
    let room = limit.saturating_sub(out.len());
    if text.len() <= room {
        out.push_str(text);
        return true;
    }
    out.push_str(start_of(text, room));
    out.push_str(CUT);
    false
}
