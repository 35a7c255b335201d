//! What cannot be delivered waits on disk, also beyond the end of its process.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]
#[expect(dead_code, reason = "the other tests of this crate use all of it")]
mod receiver;

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use logfire_rs_delivery::{Delivery, DeliveryOptions, Destination, Export, Tally};
use receiver::{Answer, Receiver};
use tempfile::TempDir;

/// Longer than any of this takes on a busy machine.
const LONG: Duration = Duration::from_secs(60);

const TOKEN: &str = "pylf_v1_us_secret";

fn spooling(directory: &Path) -> DeliveryOptions {
    DeliveryOptions::default()
        .first_retry_after(Duration::from_millis(10))
        .give_up_after(Duration::from_millis(20))
        .spool(directory)
}

fn to(address: SocketAddr) -> Destination {
    let destination = Destination::new(&format!("http://{address}")).unwrap();
    destination.header("authorization", TOKEN).unwrap()
}

fn export(body: impl Into<String>) -> Export {
    Export::new("/v1/traces", "application/x-protobuf", body.into())
}

fn bodies(receiver: &Receiver) -> Vec<String> {
    receiver.received().into_iter().map(|it| String::from_utf8(it.body).unwrap()).collect()
}

/// Waits until `true`; the bound is only there so that a broken test ends.
fn wait_until(done: impl Fn() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < LONG, "it does not come to this");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// An address where somebody was.
fn deserted() -> SocketAddr {
    let receiver = Receiver::start();
    receiver.stop();
    receiver.address
}

fn files(directory: &TempDir) -> Vec<PathBuf> {
    let destinations = fs::read_dir(directory.path()).unwrap();
    let files = destinations.flat_map(|it| fs::read_dir(it.unwrap().path()).unwrap());
    let mut files: Vec<_> = files.map(|it| it.unwrap().path()).collect();
    files.retain(|it| it.file_name().unwrap() != "lock");
    files.sort();
    files
}

#[test]
fn an_outage_goes_through_the_disk_and_everything_arrives() {
    let directory = TempDir::new().unwrap();
    let address = deserted();
    let delivery = Delivery::start(to(address), spooling(directory.path())).unwrap();
    let tally = Tally::default();
    for number in 0..20 {
        delivery.submit(export(number.to_string()).counted(&tally, 10)).unwrap();
    }
    // What is on disk is safe.
    delivery.flush(LONG).unwrap();
    assert_eq!((delivery.counts().spooled, delivery.counts().waiting), (20, 0));
    assert_eq!((tally.counts().spooled, tally.counts().lost), (200, 0));
    assert_eq!(files(&directory).len(), 20);

    let receiver = Receiver::again(address);
    wait_until(|| delivery.counts().spooled == 0);
    let expected: Vec<_> = (0..20).map(|number| number.to_string()).collect();
    assert_eq!(bodies(&receiver), expected);
    let first = receiver.received().swap_remove(0);
    assert_eq!(first.line, "POST /v1/traces HTTP/1.1");
    assert_eq!(first.headers["authorization"], TOKEN);
    assert_eq!(first.headers["content-type"], "application/x-protobuf");
    assert_eq!((tally.counts().accepted, tally.counts().spooled), (200, 0));
    assert_eq!((delivery.counts().accepted, delivery.counts().lost), (20, 0));
    assert!(files(&directory).is_empty());

    // And it goes on as before.
    delivery.submit(export("after")).unwrap();
    delivery.shutdown(LONG).unwrap();
    assert_eq!(bodies(&receiver).last().unwrap(), "after");
}

#[test]
fn a_wait_that_is_longer_than_the_patience_is_told_as_one_if_there_is_a_spool() {
    let directory = TempDir::new().unwrap();
    let receiver = Receiver::answering(|_| Answer::RetryAfter(503, 301));
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let options = spooling(directory.path())
        .on_problem(move |problem| heard.lock().unwrap().push(problem.to_string()));
    let delivery = Delivery::start(to(receiver.address), options).unwrap();
    delivery.submit(export("x")).unwrap();
    delivery.flush(LONG).unwrap();
    assert_eq!(delivery.counts().spooled, 1);
    let url = format!("http://{}", receiver.address);
    let expected = format!("cannot deliver to {url}: status 503; trying again");
    assert_eq!(*told.lock().unwrap(), [expected]);
}

#[test]
fn files_are_for_their_owner_only_and_hold_no_token() {
    let directory = TempDir::new().unwrap();
    let delivery = Delivery::start(to(deserted()), spooling(directory.path())).unwrap();
    delivery.submit(export("spans")).unwrap();
    delivery.shutdown(LONG).unwrap();
    let [file] = files(&directory).try_into().unwrap();
    let content = fs::read(&file).unwrap();
    assert!(!content.windows(TOKEN.len()).any(|it| it == TOKEN.as_bytes()));
    assert!(!file.display().to_string().contains(TOKEN));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let parent = fs::metadata(file.parent().unwrap()).unwrap();
        assert_eq!(parent.permissions().mode() & 0o777, 0o700);
    }
}

const CHILD: &str = "LOGFIRE_RS_TEST_SPOOL_CHILD";

/// Not a test by itself: the process that `a_restart_loses_nothing` ends.
#[test]
fn child() {
    let Ok(arguments) = std::env::var(CHILD) else { return };
    let (address, directory) = arguments.split_once(' ').unwrap();
    let destination = to(address.parse().unwrap());
    let delivery = Delivery::start(destination, spooling(Path::new(directory))).unwrap();
    for number in 0..5 {
        delivery.submit(export(number.to_string())).unwrap();
    }
    wait_until(|| delivery.counts().spooled == 5);
    // No shutdown and no destructor.
    std::process::abort();
}

#[test]
fn a_restart_loses_nothing() {
    let directory = TempDir::new().unwrap();
    let address = deserted();
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child"])
        .env(CHILD, format!("{address} {}", directory.path().display()))
        .output()
        .unwrap()
        .status;
    assert!(!status.success());
    assert_eq!(files(&directory).len(), 5);

    let receiver = Receiver::again(address);
    let delivery = Delivery::start(to(address), spooling(directory.path())).unwrap();
    assert_eq!(receiver.wait_for(5).len(), 5);
    assert_eq!(bodies(&receiver), ["0", "1", "2", "3", "4"]);
    wait_until(|| files(&directory).is_empty());
    delivery.shutdown(LONG).unwrap();
}

#[test]
fn a_shutdown_writes_what_has_not_arrived_also_what_hangs() {
    let directory = TempDir::new().unwrap();
    let receiver = Receiver::answering(|_| Answer::Hang);
    let options = spooling(directory.path());
    let destination = to(receiver.address).timeout(LONG);
    let delivery = Delivery::start(destination, options).unwrap();
    let tally = Tally::default();
    for number in 0..3 {
        delivery.submit(export(number.to_string()).counted(&tally, 1)).unwrap();
    }
    receiver.wait_for(1);
    delivery.shutdown(Duration::from_secs(1)).unwrap();
    assert_eq!(files(&directory).len(), 3);
    assert_eq!((tally.counts().spooled, tally.counts().lost), (3, 0));
}

#[test]
fn what_is_not_ours_or_not_whole_is_passed_over() {
    let directory = TempDir::new().unwrap();
    let address = deserted();
    let delivery = Delivery::start(to(address), spooling(directory.path())).unwrap();
    for number in 0..3 {
        delivery.submit(export(number.to_string())).unwrap();
    }
    delivery.shutdown(LONG).unwrap();
    let files = files(&directory);
    let whole = fs::read(&files[0]).unwrap();
    fs::write(&files[0], &whole[..whole.len() - 3]).unwrap();
    let spool = files[0].parent().unwrap();
    fs::write(spool.join("0.otlp"), "no export").unwrap();
    fs::write(spool.join("1.otlp"), [0xff, b'\n', 0xff]).unwrap();
    fs::write(spool.join("2.otlp.partial"), "half").unwrap();
    fs::write(spool.join("notes.txt"), "of the user").unwrap();
    fs::create_dir(spool.join("00.otlp")).unwrap();

    let receiver = Receiver::again(address);
    wait_until(|| {
        let delivery = Delivery::start(to(address), spooling(directory.path())).unwrap();
        let mut arrived = false;
        let until = Instant::now() + Duration::from_secs(2);
        while !arrived && Instant::now() < until {
            arrived = receiver.received().len() == 2;
            std::thread::sleep(Duration::from_millis(5));
        }
        delivery.shutdown(LONG).unwrap();
        arrived
    });
    assert_eq!(bodies(&receiver), ["1", "2"]);
    assert_eq!(fs::read(spool.join("notes.txt")).unwrap(), b"of the user");
    assert!(!spool.join("2.otlp.partial").exists());
}

#[test]
fn the_oldest_make_room_and_are_counted() {
    let directory = TempDir::new().unwrap();
    let options = spooling(directory.path()).max_spool_bytes(1_000);
    let address = deserted();
    let delivery = Delivery::start(to(address), options).unwrap();
    let tally = Tally::default();
    for number in 0..50 {
        delivery.submit(export(format!("{number:02}")).counted(&tally, 1)).unwrap();
    }
    let _ = delivery.flush(LONG);
    let counts = delivery.counts();
    assert!(counts.spooled > 2 && counts.lost > 2, "{counts:?}");
    assert_eq!(counts.spooled + counts.lost, 50);
    assert_eq!((tally.counts().spooled, tally.counts().lost), (counts.spooled, counts.lost));
    let bytes: u64 = files(&directory).iter().map(|it| fs::metadata(it).unwrap().len()).sum();
    assert!(bytes <= 1_000, "{bytes}");

    let receiver = Receiver::again(address);
    wait_until(|| delivery.counts().spooled == 0);
    assert_eq!(bodies(&receiver).last().unwrap(), "49");
    assert_eq!(tally.counts().accepted + tally.counts().lost, 50);
}

#[test]
fn a_directory_that_another_has_is_told_and_done_without() {
    let directory = TempDir::new().unwrap();
    let address = deserted();
    let first = Delivery::start(to(address), spooling(directory.path())).unwrap();
    first.submit(export("first")).unwrap();
    first.flush(LONG).unwrap();

    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let options = spooling(directory.path())
        .give_up_after(LONG)
        .on_problem(move |problem| heard.lock().unwrap().push(problem.to_string()));
    let second = Delivery::start(to(address), options).unwrap();
    second.submit(export("second")).unwrap();
    wait_until(|| !told.lock().unwrap().is_empty());
    assert!(told.lock().unwrap()[0].ends_with(": somebody else uses it"));

    let receiver = Receiver::again(address);
    second.flush(LONG).unwrap();
    wait_until(|| receiver.received().len() == 2);
    assert_eq!(second.counts().lost, 0);
}

#[test]
fn a_directory_that_cannot_be_is_told_and_loses_only_what_it_would_without() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let options =
        spooling(&file).on_problem(move |problem| heard.lock().unwrap().push(problem.to_string()));
    let delivery = Delivery::start(to(deserted()), options).unwrap();
    delivery.submit(export("lost")).unwrap();
    delivery.flush(LONG).unwrap_err();
    assert_eq!(delivery.counts().lost, 1);
    let told = told.lock().unwrap();
    assert!(told[0].starts_with("cannot keep telemetry in "), "{told:?}");
}

#[test]
fn what_cannot_be_read_now_is_not_dropped() {
    let directory = TempDir::new().unwrap();
    let address = deserted();
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let options = spooling(directory.path())
        .on_problem(move |problem| heard.lock().unwrap().push(problem.to_string()));
    let delivery = Delivery::start(to(address), options).unwrap();
    delivery.submit(export("spans")).unwrap();
    delivery.flush(LONG).unwrap();
    // Who reads a directory gets an error that does not say that there is nothing.
    let [file] = files(&directory).try_into().unwrap();
    let aside = directory.path().join("aside");
    fs::rename(&file, &aside).unwrap();
    fs::create_dir(&file).unwrap();

    let receiver = Receiver::again(address);
    wait_until(|| told.lock().unwrap().iter().any(|it| it.contains("directory")));
    assert_eq!((delivery.counts().spooled, delivery.counts().lost), (1, 0));
    drop(delivery);

    fs::remove_dir(&file).unwrap();
    fs::rename(&aside, &file).unwrap();
    let another = Delivery::start(to(address), spooling(directory.path()));
    let _another = another.unwrap();
    wait_until(|| bodies(&receiver) == ["spans"]);
}

#[test]
fn what_cannot_be_written_waits_in_memory() {
    let directory = TempDir::new().unwrap();
    let address = deserted();
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let options = spooling(directory.path())
        .give_up_after(LONG)
        .on_problem(move |problem| heard.lock().unwrap().push(problem.to_string()));
    let delivery = Delivery::start(to(address), options).unwrap();
    wait_until(|| fs::read_dir(directory.path()).unwrap().count() == 1);
    // A full disk, as near as a test comes to it.
    let own = fs::read_dir(directory.path()).unwrap().next().unwrap().unwrap().path();
    wait_until(|| own.join("lock").exists());
    fs::remove_dir_all(&own).unwrap();
    delivery.submit(export("spans")).unwrap();
    wait_until(|| told.lock().unwrap().iter().any(|it| it.contains("cannot keep")));
    assert_eq!((delivery.counts().waiting, delivery.counts().lost), (1, 0));

    let receiver = Receiver::again(address);
    delivery.flush(LONG).unwrap();
    assert_eq!(bodies(&receiver), ["spans"]);
}
