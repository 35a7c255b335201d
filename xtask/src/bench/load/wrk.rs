//! wrk, which asks as often as it can.

use std::{net::SocketAddr, time::Duration};

use xshell::{Shell, cmd};

use crate::Result;

/// What wrk has seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Load {
    pub(super) per_second: f64,
    /// Half of all answers take less, in seconds.
    pub(super) median: f64,
    /// 99 of 100 answers take less, in seconds.
    pub(super) slowest: f64,
}

/// Says what to do if it is not there.
pub(super) fn find(sh: &Shell) -> Result {
    // It ends with an error after it has told its version.
    let there = cmd!(sh, "wrk --version").quiet().ignore_status().ignore_stderr().read();
    there.map_err(|_| "wrk is missing; install it (Debian: apt-get install wrk)")?;
    Ok(())
}

/// Keeps `address` busy with 16 connections.
pub(super) fn run(sh: &Shell, address: SocketAddr, duration: Duration) -> Result<Load> {
    let seconds = duration.as_secs().max(1).to_string();
    let url = format!("http://{address}/articles/teapot");
    // An answer that takes longer than wrk waits by itself is one, and is in the figures.
    let said = cmd!(sh, "wrk -t1 -c16 -d{seconds}s --timeout 10s --latency {url}").quiet();
    let said = said.read()?;
    if said.contains("Socket errors") || said.contains("Non-2xx") {
        return Err(format!("not every answer was one:\n{said}").into());
    }
    Ok(parse(&said).ok_or(format!("wrk did not tell what it has seen:\n{said}"))?)
}

fn parse(said: &str) -> Option<Load> {
    let after =
        |label: &str| said.lines().find_map(|line| line.trim().strip_prefix(label)).map(str::trim);
    Some(Load {
        per_second: after("Requests/sec:")?.parse().ok()?,
        median: seconds(after("50%")?)?,
        slowest: seconds(after("99%")?)?,
    })
}

fn seconds(text: &str) -> Option<f64> {
    let units = [("us", 1e-6), ("ms", 1e-3), ("s", 1.0)];
    let (number, unit) =
        units.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)))?;
    Some(number.parse::<f64>().ok()? * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrk_tells_what_it_has_seen() {
        let said = "\
Running 1s test @ http://127.0.0.1:1/
  Latency Distribution
     50%  250.00us
     75%    1.00ms
     99%    1.50s
  10 requests in 1.00s, 1.20KB read
Requests/sec:  12345.67
Transfer/sec:      1.20KB
";
        let load = parse(said).unwrap();
        assert_eq!(load.per_second, 12345.67);
        assert!((load.median - 250e-6).abs() < 1e-12, "{load:?}");
        assert_eq!(load.slowest, 1.5);
        assert_eq!(parse("Requests/sec: x\n"), None);
    }
}
