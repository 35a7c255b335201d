//! Where something was measured.

use std::fs;

use xshell::{Shell, cmd};

use crate::Result;

/// The date, the machine and the compiler, as a sentence.
pub(super) fn describe(sh: &Shell) -> Result<String> {
    let date = cmd!(sh, "date -u +%F").quiet().read()?;
    let compiler = cmd!(sh, "rustc --version").quiet().read()?;
    let processors = std::thread::available_parallelism()?;
    let information = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = model(&information).unwrap_or("an unknown processor");
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    Ok(format!(
        "Measured on {date}: {processors} × {model}, {compiler}, load average at the end {load}."
    ))
}

fn model(information: &str) -> Option<&str> {
    let line = information.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim())
}

/// The versions of these packages in a lock file, as a sentence.
pub(super) fn versions(lock: &str, packages: &[&str]) -> String {
    let version_of = |package: &&str| {
        let name = format!("name = \"{package}\"\nversion = \"");
        let all = lock.split(&name).skip(1).filter_map(|it| it.split('"').next());
        format!("{package} {}", all.collect::<Vec<_>>().join(" and "))
    };
    format!("Versions: {}.", packages.iter().map(version_of).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_has_a_name() {
        assert_eq!(model("processor : 0\nmodel name\t: A 7\n"), Some("A 7"));
        assert_eq!(model(""), None);
    }

    #[test]
    fn versions_are_those_of_the_lock_file() {
        let lock = "[[package]]\nname = \"a\"\nversion = \"0.1.0\"\n\n\
            [[package]]\nname = \"a\"\nversion = \"0.2.0\"\n\n[[package]]\nname = \"b\"\nversion = \"1.0.0\"\n";
        assert_eq!(versions(lock, &["a", "b"]), "Versions: a 0.1.0 and 0.2.0, b 1.0.0.");
    }
}
