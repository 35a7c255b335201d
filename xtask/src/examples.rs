//! `cargo xtask examples`: each example serves, answers, shows the request, and ends on Ctrl-C.

use std::fs;

use xshell::{Shell, cmd};

use crate::{
    Result,
    environment::{as_if_typed, without_telemetry},
    local::{self, Running},
    metadata,
};

/// An example that serves on the address of its first argument.
struct Example {
    package: &'static str,
    /// What the answer to `GET /users/1` contains.
    answer: &'static str,
    /// What it shows of that request.
    shown: &'static str,
}

const EXAMPLES: &[Example] = &[
    Example { package: "example-actix-web", answer: "User 1", shown: "GET /users/1" },
    Example { package: "example-axum", answer: "User 1", shown: "GET /users/1" },
    Example { package: "example-browser-proxy", answer: "User 1", shown: "GET /users/1" },
    Example {
        package: "example-endpoint",
        answer: "User 1",
        shown: "GET /users/{user_id} (show_user)",
    },
    Example { package: "example-hyper", answer: "User 1", shown: "GET /users/1" },
    Example {
        package: "example-plain-opentelemetry",
        answer: "You asked for /users/1",
        shown: "url.path",
    },
    Example { package: "example-prometheus", answer: "User 1", shown: "GET /users/1" },
    Example { package: "example-warp", answer: "User 1", shown: "GET /users/1" },
];

pub(crate) fn run(sh: &Shell) -> Result {
    let packages = EXAMPLES.iter().flat_map(|it| ["-p", it.package]);
    as_if_typed(cmd!(sh, "cargo build {packages...}")).quiet().run()?;
    let target = metadata::read(sh)?.target_directory;
    for example in EXAMPLES {
        example.check(sh, &target)?;
        println!("ok: {} shows `{}`", example.package, example.shown);
    }
    Ok(())
}

impl Example {
    fn check(&self, sh: &Shell, target: &str) -> Result {
        let address = local::free_address()?;
        let log = format!("{target}/{}.log", self.package);
        let program = format!("{target}/debug/{}", self.package);
        let listen_on = address.to_string();
        let command = without_telemetry(as_if_typed(cmd!(sh, "{program} {listen_on}")));
        let mut running = Running::start(command, &log)?;

        let answer = local::wait("answer", || local::get(address, "/users/1"))?;
        if !answer.contains(self.answer) {
            return Err(format!("{} answered {answer:?}", self.package).into());
        }
        let shows = || fs::read_to_string(&log).ok().filter(|it| it.contains(self.shown));
        local::wait(&format!("`{}` in {log}", self.shown), shows)?;
        running.interrupt().map_err(|error| format!("{}: {error}", self.package).into())
    }
}
