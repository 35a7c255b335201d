//! The credentials file: where it is sought, and what of it is used.

use std::{fs, path::PathBuf};

use crate::{local, local_with, receiver::Receiver};

/// A directory of this test, with this file of credentials.
fn dir(name: &str, text: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("logfire_credentials.json"), text).unwrap();
    dir
}

/// The tokens that one configuration sent with.
fn sent(receiver: &Receiver) -> Vec<String> {
    let mut tokens: Vec<_> = receiver
        .received()
        .iter()
        .map(|request| request.headers.get("authorization").cloned().unwrap_or_default())
        .collect();
    tokens.dedup();
    tokens
}

fn work(logfire: &logfire_rs_sdk::Logfire) {
    use logfire_rs_sdk::opentelemetry::trace::{Tracer, TracerProvider};
    logfire.tracer_provider().tracer("test").start("work");
    logfire.shutdown().unwrap();
}

#[test]
fn token_and_url_are_those_of_the_file() {
    let receiver = Receiver::start();
    let file = format!(
        r#"{{"token": "of-the-file", "project_name": "shop", "project_url": "http://p", "logfire_api_url": "{}"}}"#,
        receiver.url()
    );
    let dir = dir("token_and_url", &file);
    work(&local(&[]).0.data_dir(&dir).finish().unwrap());
    assert_eq!(sent(&receiver), ["of-the-file"]);

    let variable = ("LOGFIRE_CREDENTIALS_DIR".to_owned(), dir.display().to_string());
    let receiver_of_setter = Receiver::start();
    let configuration = local_with(vec![variable]).0.base_url(receiver_of_setter.url());
    work(&configuration.finish().unwrap());
    assert_eq!(sent(&receiver_of_setter), ["of-the-file"]);
}

#[test]
fn a_token_in_code_or_environment_wins() {
    let receiver = Receiver::start();
    let dir = dir("token_wins", r#"{"token": "of-the-file", "logfire_api_url": "nonsense"}"#);
    let configuration = local(&[]).0.data_dir(&dir).base_url(receiver.url());
    work(&configuration.token("pylf_v1_us_setter").finish().unwrap());
    let configuration = local(&[("LOGFIRE_TOKEN", "pylf_v1_us_variable")]).0.data_dir(&dir);
    work(&configuration.base_url(receiver.url()).finish().unwrap());
    assert_eq!(sent(&receiver), ["pylf_v1_us_setter", "pylf_v1_us_variable"]);
}

#[test]
fn several_tokens_all_get_everything() {
    let receiver = Receiver::start();
    let configuration = local(&[("LOGFIRE_TOKEN", "pylf_v1_us_a, pylf_v1_us_b")]).0;
    work(&configuration.base_url(receiver.url()).finish().unwrap());
    let mut tokens = sent(&receiver);
    tokens.sort();
    assert_eq!(tokens, ["pylf_v1_us_a", "pylf_v1_us_b"]);
}

#[test]
fn a_named_directory_must_have_credentials() {
    let missing = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("nowhere");
    let error = local(&[]).0.data_dir(&missing).finish().unwrap_err().to_string();
    let path = missing.join("logfire_credentials.json");
    let expected = format!("data_dir is invalid: cannot read `{}`: ", path.display());
    assert!(error.starts_with(&expected), "{error}");

    let bad = dir("bad", r#"{"token": 7, "secret": "s3cret"}"#);
    let variable = ("LOGFIRE_CREDENTIALS_DIR".to_owned(), bad.display().to_string());
    let error = local_with(vec![variable]).0.finish().unwrap_err().to_string();
    let path = bad.join("logfire_credentials.json");
    assert_eq!(
        error,
        format!(
            "LOGFIRE_CREDENTIALS_DIR is invalid: `{}` is not a JSON object with a `token`; `logfire projects use` writes it",
            path.display()
        )
    );

    let bad = dir("bad_url", r#"{"token": "pylf_v1_us_x", "logfire_api_url": "ftp://a"}"#);
    let error = local(&[]).0.data_dir(bad).finish().unwrap_err().to_string();
    assert_eq!(
        error,
        "data_dir is invalid: `ftp://a` is not a URL like `https://host[:port][/path]`"
    );
}

#[test]
fn nothing_is_read_if_nothing_is_sent() {
    let missing = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("nowhere");
    let (configuration, warnings) = local(&[]);
    drop(configuration.data_dir(missing).send_to_logfire(false).finish().unwrap());
    assert_eq!(warnings.get(), "");
}

/// What `finish` says in a process whose directory has a `.logfire`, for several contents.
#[test]
fn the_default_directory_is_below_that_of_the_process() {
    let here = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("default");
    fs::create_dir_all(here.join(".logfire")).unwrap();
    let file = here.join(".logfire/logfire_credentials.json");
    let run = || {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "credentials::in_a_process_of_its_own", "--nocapture"])
            .current_dir(&here)
            .env("LOGFIRE_TEST_CREDENTIALS", "1")
            .env_remove("LOGFIRE_TOKEN")
            .env_remove("LOGFIRE_CREDENTIALS_DIR")
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let line = text.lines().find_map(|line| line.split_once("finish: ")).unwrap().1;
        line.to_owned()
    };
    let _ = fs::remove_file(&file);
    assert_eq!(run(), "token required; ");
    fs::write(&file, "nonsense").unwrap();
    assert_eq!(
        run(),
        "token required; .logfire is ignored: `.logfire/logfire_credentials.json` is not a JSON object with a `token`"
    );
    fs::write(&file, r#"{"token": "pylf_v1_eu_x"}"#).unwrap();
    assert_eq!(run(), "sending; ");
}

/// The other half of the test above.
#[test]
fn in_a_process_of_its_own() {
    if std::env::var_os("LOGFIRE_TEST_CREDENTIALS").is_none() {
        return;
    }
    let warnings = crate::Text::default();
    let told = warnings.clone();
    let result = logfire_rs_sdk::configure()
        .local()
        .console(false)
        .send_to_logfire(true)
        .on_warning(move |warning| told.0.lock().unwrap().push_str(warning))
        .finish();
    let outcome = if result.is_ok() { "sending" } else { "token required" };
    drop(result);
    println!("finish: {outcome}; {}", warnings.get());
}
