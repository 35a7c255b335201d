//! Takes spans to the console's thread without ever waiting for it.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use opentelemetry::{Context, InstrumentationScope};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    logs::{LogProcessor, SdkLogRecord},
    trace::{Span, SpanData, SpanProcessor},
};

use crate::{Scrubber, data_model};

use super::{log::Log, options::ResolvedConsole, render::Renderer, sink::Sink};

/// Starts and ends that may wait to be written; further ones are left out.
const QUEUE: usize = 4096;

/// A console and its thread, which ends when the last clone is gone.
#[derive(Clone, Debug)]
pub(crate) struct Console {
    sender: SyncSender<Event>,
    left_out: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Event {
    Start(Box<SpanData>),
    End(Box<SpanData>),
    Log(Box<Log>),
    Flush(Sender<()>),
}

impl Console {
    pub(crate) fn start(options: ResolvedConsole, scrubber: Scrubber) -> io::Result<Self> {
        let (sender, events) = sync_channel(QUEUE);
        let left_out = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&left_out);
        thread::Builder::new()
            .name("logfire-console".to_owned())
            .spawn(move || run(&events, &counter, options, &scrubber))?;
        Ok(Self { sender, left_out })
    }

    /// Waits at most until `deadline` for what was sent before to be written; whether it was.
    pub(crate) fn flush(&self, deadline: Instant) -> bool {
        let (sender, flushed) = channel();
        let mut event = Event::Flush(sender);
        // A full queue has no waiting with a limit.
        while let Err(error) = self.sender.try_send(event) {
            match error {
                TrySendError::Full(unsent) if Instant::now() < deadline => event = unsent,
                TrySendError::Full(_) | TrySendError::Disconnected(_) => return false,
            }
            thread::sleep(Duration::from_millis(1));
        }
        flushed.recv_timeout(deadline.saturating_duration_since(Instant::now())).is_ok()
    }

    fn send(&self, event: Event) {
        if self.sender.try_send(event).is_err() {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Shows sampled spans and log records; flushing is [`Console::flush`]'s, which knows how long it may take.
#[derive(Debug)]
pub(crate) struct ConsoleProcessor(pub(crate) Console);

impl SpanProcessor for ConsoleProcessor {
    fn on_start(&self, span: &mut Span, _cx: &Context) {
        if let Some(span) = span.exported_data()
            && span.span_context.is_sampled()
        {
            self.0.send(Event::Start(Box::new(span)));
        }
    }

    fn on_end(&self, span: SpanData) {
        if data_model::is_pending(&span) {
            self.0.send(Event::Start(Box::new(data_model::announced(span))));
        } else if span.span_context.is_sampled() {
            self.0.send(Event::End(Box::new(span)));
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl LogProcessor for ConsoleProcessor {
    fn emit(&self, record: &mut SdkLogRecord, _scope: &InstrumentationScope) {
        self.0.send(Event::Log(Box::new(Log::of(record))));
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }
}

fn run(
    events: &Receiver<Event>,
    left_out: &AtomicU64,
    options: ResolvedConsole,
    scrubber: &Scrubber,
) {
    let _suppressed = Context::enter_telemetry_suppressed_scope();
    let mut sink = Sink::new(options.writer, options.colors);
    let mut renderer = Renderer::new(options.layout);
    while let Ok(event) = events.recv() {
        let mut text = renderer.left_out(left_out.swap(0, Ordering::Relaxed));
        match event {
            Event::Start(mut span) => {
                scrubber.span(&mut span);
                text.push_str(&renderer.start(&span));
            }
            Event::End(mut span) => {
                scrubber.span(&mut span);
                text.push_str(&renderer.end(&span));
            }
            Event::Log(log) => text.push_str(&renderer.log(&log)),
            Event::Flush(flushed) => {
                let _ = sink.write(&text).and_then(|()| sink.flush());
                // Who asked may have gone on already.
                let _ = flushed.send(());
                continue;
            }
        }
        // A terminal or pipe that is gone must not end the program.
        let _ = sink.write(&text);
    }
    let _ = sink.flush();
}
