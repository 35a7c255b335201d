//! W3C trace context (level 2) and baggage, read in place.

use std::cell::RefCell;
use std::str::FromStr as _;

use bytes::{Bytes, BytesMut};
use opentelemetry::Context;
use opentelemetry::baggage::{BaggageExt as _, KeyValueMetadata};
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use crate::headers::{BAGGAGE, CommonHeaders, Headers, OutgoingHeaders, TRACESTATE};

/// What a list of baggage must be able to carry; the rest is dropped.
const BAGGAGE_MEMBERS: usize = 64;
const BAGGAGE_BYTES: usize = 8192;

/// What must be encoded in a value of baggage.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%').add(b',').add(b';').add(b'\\');

/// The current context with the remote span and the baggage; `None` if there is neither.
pub(super) fn extract(
    headers: &dyn Headers,
    common: &CommonHeaders<'_>,
    current: &Context,
    with_baggage: bool,
) -> Option<Context> {
    let parent = remote_parent(headers, common);
    let baggage = with_baggage.then(|| common.baggage(headers)).flatten();
    let with_baggage = baggage.map(|it| current.with_baggage(members(&it)));
    match parent {
        Some(parent) => {
            Some(with_baggage.as_ref().unwrap_or(current).with_remote_span_context(parent))
        }
        None => with_baggage,
    }
}

pub(super) fn inject(context: &Context, headers: &mut dyn OutgoingHeaders, with_baggage: bool) {
    let span = context.span();
    let span_context = span.span_context();
    if span_context.is_valid() {
        headers.set_traceparent(shared_traceparent(span_context));
        let state = span_context.trace_state();
        let list = if *state == TraceState::NONE { String::new() } else { state.header() };
        if !list.is_empty() {
            headers.set(TRACESTATE, list);
        }
    }
    let baggage = context.baggage();
    if baggage.is_empty() || !with_baggage {
        return;
    }
    let mut list = String::new();
    for (key, (value, metadata)) in baggage {
        if !list.is_empty() {
            list.push(',');
        }
        list.push_str(key.as_str().trim());
        list.push('=');
        // Blanks at its ends are encoded, so that they are part of it.
        list.extend(utf8_percent_encode(value.as_str(), ENCODED));
        let metadata = metadata.as_str().trim();
        if !metadata.is_empty() {
            list.push(';');
            list.push_str(metadata);
        }
    }
    headers.set(BAGGAGE, list);
}

/// `span_context` as `00-{trace id}-{span id}-{flags}`.
pub(crate) fn traceparent(span_context: &SpanContext) -> String {
    String::from_utf8(write(span_context).to_vec()).unwrap_or_default()
}

/// The same, in memory that a thread takes for many at once: a request is sent with it, and clients
/// keep a copy of its headers for a redirect.
fn shared_traceparent(span_context: &SpanContext) -> Bytes {
    const ROOM: usize = 1024;
    thread_local! {
        static SHARED: RefCell<BytesMut> = RefCell::new(BytesMut::with_capacity(ROOM));
    }
    let text = write(span_context);
    let keep = |shared: &RefCell<BytesMut>| {
        let mut shared = shared.borrow_mut();
        shared.extend_from_slice(&text);
        shared.split().freeze()
    };
    SHARED.try_with(keep).unwrap_or_else(|_| Bytes::copy_from_slice(&text))
}

#[inline]
fn write(span_context: &SpanContext) -> [u8; 55] {
    let mut text = *b"00-________________________________-________________-__";
    put_hex(text.get_mut(3..35), span_context.trace_id().to_bytes());
    put_hex(text.get_mut(36..52), span_context.span_id().to_bytes());
    let flags = span_context.trace_flags() & TraceFlags::SAMPLED;
    put_hex(text.get_mut(53..55), [flags.to_u8()]);
    text
}

/// Writes `bytes` as two lower-case digits each.
fn put_hex<const N: usize>(text: Option<&mut [u8]>, bytes: [u8; N]) {
    let digits = bytes.map(|byte| DIGITS.get(usize::from(byte)).copied().unwrap_or([b'0'; 2]));
    if let Some(text) = text {
        text.copy_from_slice(digits.as_flattened());
    }
}

/// The two digits of each byte.
#[expect(clippy::indexing_slicing, reason = "what is out of bounds here does not compile")]
const DIGITS: [[u8; 2]; 256] = {
    let mut digits = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        digits[byte] = [b"0123456789abcdef"[byte >> 4], b"0123456789abcdef"[byte & 15]];
        byte += 1;
    }
    digits
};

fn remote_parent(headers: &dyn Headers, common: &CommonHeaders<'_>) -> Option<SpanContext> {
    let (trace_id, span_id, flags) = parse(common.traceparent()?.trim_ascii())?;
    let state = common
        .tracestate(headers)
        .and_then(|it| TraceState::from_str(&it).ok())
        .unwrap_or(TraceState::NONE);
    Some(SpanContext::new(trace_id, span_id, flags, true, state))
}

/// The parts of a `traceparent`; of versions after 00 those that are known today.
fn parse(bytes: &[u8]) -> Option<(TraceId, SpanId, TraceFlags)> {
    let (version, rest) = bytes.split_first_chunk::<2>()?;
    let (trace, rest) = after_dash::<32>(rest)?;
    let (span, rest) = after_dash::<16>(rest)?;
    let (flags, rest) = after_dash::<2>(rest)?;
    let mut digits = Digits::default();
    let [version, flags] = digits.two_bytes(*version, *flags);
    let trace_id = TraceId::from(digits.number(trace));
    let span_id = SpanId::from(digits.number(span) as u64);
    let ends = rest.is_empty() || version != 0 && rest.first() == Some(&b'-');
    if !ends || version == 0xff || !digits.are_valid() {
        return None;
    }
    let valid = trace_id != TraceId::INVALID && span_id != SpanId::INVALID;
    valid.then(|| (trace_id, span_id, TraceFlags::new(flags) & TraceFlags::SAMPLED))
}

/// The next part, behind a dash, and what follows.
fn after_dash<const N: usize>(text: &[u8]) -> Option<(&[u8; N], &[u8])> {
    text.strip_prefix(b"-")?.split_first_chunk()
}

/// Reads lower-case digits, eight at once, and remembers whether all of them were ones.
#[derive(Default)]
struct Digits {
    /// Bits that no digit has set.
    wrong: u64,
}

impl Digits {
    fn are_valid(&self) -> bool {
        self.wrong == 0
    }

    /// The number that is written in `text`, which has eight digits or a multiple of them.
    fn number<const N: usize>(&mut self, text: &[u8; N]) -> u128 {
        let words = text.as_chunks().0.iter();
        words.fold(0, |all, it| all << 32 | u128::from(self.word(*it)))
    }

    /// The bytes that are written in two digits each.
    fn two_bytes(&mut self, [a, b]: [u8; 2], [c, d]: [u8; 2]) -> [u8; 2] {
        let [.., first, second] = self.word([b'0', b'0', b'0', b'0', a, b, c, d]).to_be_bytes();
        [first, second]
    }

    /// Eight digits, each in a byte of its own.
    fn word(&mut self, digits: [u8; 8]) -> u32 {
        const EACH: u64 = 0x0101_0101_0101_0101;
        let text = u64::from_be_bytes(digits);
        // Letters have the bit of 0x40, and go on from 9.
        let values = (text & (0x0f * EACH)) + 9 * (text >> 6 & EACH);
        // A digit is what its value is written as, and no value is above 15.
        let letters = (values + 6 * EACH) >> 4 & EACH;
        let written = values + u64::from(b'0') * EACH + u64::from(b'a' - b'0' - 10) * letters;
        self.wrong |= written ^ text | values & (0x10 * EACH);
        let bytes = (values | values >> 4) & 0x00ff_00ff_00ff_00ff;
        let pairs = (bytes | bytes >> 8) & 0x0000_ffff_0000_ffff;
        (pairs | pairs >> 16) as u32
    }
}

fn members(list: &str) -> Vec<KeyValueMetadata> {
    let mut read = 0;
    let within = list.split(',').take_while(|member| {
        read += member.len() + 1;
        read <= BAGGAGE_BYTES + 1
    });
    within.take(BAGGAGE_MEMBERS).filter_map(member).collect()
}

fn member(member: &str) -> Option<KeyValueMetadata> {
    let (pair, metadata) = member.split_once(';').unwrap_or((member, ""));
    let (key, value) = pair.split_once('=')?;
    let key = key.trim();
    let token = |it: u8| it.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&it);
    if key.is_empty() || !key.bytes().all(token) {
        return None;
    }
    let value = percent_decode_str(value.trim()).decode_utf8_lossy().into_owned();
    Some(KeyValueMetadata::new(key.to_owned(), value, metadata.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_a_thread_share_their_memory() {
        let context = span(TraceFlags::SAMPLED, 1);
        let [first, second] = [0; 2].map(|_| shared_traceparent(&context));
        assert_eq!(first, traceparent(&context));
        assert_eq!(first, "00-0000000000000000000000000000000a-0000000000000001-01");
        assert_eq!(first.as_ptr().addr() + first.len(), second.as_ptr().addr());
        // The next room is taken where one is full, and those that are taken stay.
        let spans = (1..1000).map(|it| span(TraceFlags::default(), it));
        let many: Vec<_> = spans.map(|it| (shared_traceparent(&it), traceparent(&it))).collect();
        many.iter().for_each(|(shared, own)| assert_eq!(shared, own));
    }

    fn span(flags: TraceFlags, span_id: u64) -> SpanContext {
        let ids = (TraceId::from(10_u128), SpanId::from(span_id));
        SpanContext::new(ids.0, ids.1, flags, false, TraceState::NONE)
    }

    /// The cases of the public W3C test suite that concern the header alone.
    #[test]
    fn traceparent_cases_of_the_w3c_suite() {
        const TRACE: &str = "12345678901234567890123456789012";
        const SPAN: &str = "1234567890123456";
        let case = |header: &str| parse(header.as_bytes().trim_ascii()).map(|it| it.2.to_u8());
        for (header, expected) in [
            (format!("00-{TRACE}-{SPAN}-01"), Some(1)),
            (format!("00-{TRACE}-{SPAN}-00"), Some(0)),
            (format!(" 00-{TRACE}-{SPAN}-01\t"), Some(1)),
            // Unknown flags are not passed on.
            (format!("00-{TRACE}-{SPAN}-ff"), Some(1)),
            (format!("00-{TRACE}-{SPAN}-02"), Some(0)),
            // Version 00 ends after the flags; later ones may go on.
            (format!("00-{TRACE}-{SPAN}-01-what-the-future-brings"), None),
            (format!("00-{TRACE}-{SPAN}-01."), None),
            (format!("01-{TRACE}-{SPAN}-01"), Some(1)),
            (format!("cc-{TRACE}-{SPAN}-01-what-the-future-brings"), Some(1)),
            (format!("cc-{TRACE}-{SPAN}-01.what-the-future-brings"), None),
            (format!("ff-{TRACE}-{SPAN}-01"), None),
            (format!(".0-{TRACE}-{SPAN}-01"), None),
            (format!("0-{TRACE}-{SPAN}-01"), None),
            (format!("000-{TRACE}-{SPAN}-01"), None),
            (format!("00-{}-{SPAN}-01", "0".repeat(32)), None),
            (format!("00-{TRACE}-{}-01", "0".repeat(16)), None),
            (format!("00-.{}-{SPAN}-01", &TRACE[1..]), None),
            (format!("00-{}-{SPAN}-01", &TRACE[1..]), None),
            (format!("00-{TRACE}0-{SPAN}-01"), None),
            (format!("00-{TRACE}-{}-01", &SPAN[1..]), None),
            (format!("00-{TRACE}-{SPAN}0-01"), None),
            (format!("00-{TRACE}-{SPAN}-1"), None),
            (format!("00-{TRACE}-{SPAN}-001"), None),
            (format!("00-{TRACE}-{SPAN}-.1"), None),
            (format!("00-{}-{SPAN}-01", TRACE.replace("12", "aB")), None),
            (format!("00-{TRACE}-{SPAN}"), None),
            (String::new(), None),
        ] {
            assert_eq!(case(&header), expected, "{header}");
        }
    }

    #[test]
    fn digits_are_read_as_the_standard_library_does_and_in_lower_case_alone() {
        for byte in 0..=u8::MAX {
            for place in 0..8 {
                let mut digits = *b"09afc3d7";
                digits[place] = byte;
                let expected = std::str::from_utf8(&digits)
                    .ok()
                    .filter(|it| it.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f')))
                    .and_then(|it| u32::from_str_radix(it, 16).ok());
                let mut read = Digits::default();
                let word = read.word(digits);
                assert_eq!(read.are_valid().then_some(word), expected, "{digits:?}");
            }
        }
        let mut read = Digits::default();
        assert_eq!(read.number(b"0123456789abcdef"), 0x0123_4567_89ab_cdef);
        assert_eq!(read.two_bytes(*b"0a", *b"ff"), [0x0a, 0xff]);
        assert!(read.are_valid());
        // What is wrong stays wrong.
        read.number(b"0123456x");
        read.number(b"01234567");
        assert!(!read.are_valid());
    }

    #[test]
    fn baggage_is_bounded_and_decoded() {
        let read = |list: &str| {
            let mut members = members(list).into_iter();
            let context = Context::new().with_baggage(&mut members);
            let mut out = std::collections::HashMap::new();
            inject(&context, &mut out, true);
            out.remove("baggage").unwrap_or_default()
        };
        assert_eq!(read("a=b%20c;p=q"), "a=b%20c;p=q");
        assert_eq!(read(" a = b "), "a=b");
        assert_eq!(read("a= %20b%09 "), "a=%20b%09");
        assert_eq!(read("a=%ff"), "a=%EF%BF%BD");
        assert_eq!(read("a=x=y"), "a=x=y");
        assert_eq!(read("no-value,=x, ,a b=c"), "");
        let long = (0..100).map(|it| format!("k{it}=v")).collect::<Vec<_>>().join(",");
        assert_eq!(read(&long).split(',').count(), 64);
        assert_eq!(read(&format!("a={},b=c", "x".repeat(9000))), "");
    }
}
