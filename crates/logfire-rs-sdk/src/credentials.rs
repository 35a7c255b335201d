//! The credentials file that `logfire projects use` writes for a project.

use std::{io, path::Path};

use serde_json::Value;

use crate::{ConfigureError, environment::Environment};

const FILE: &str = "logfire_credentials.json";
/// In the directory that the program is started in.
const DEFAULT_DIR: &str = ".logfire";
const VARIABLE: &str = "LOGFIRE_CREDENTIALS_DIR";

/// What is used of the file. <https://logfire.pydantic.dev/docs/reference/configuration/>
pub(crate) struct Credentials {
    pub(crate) token: String,
    pub(crate) base_url: Option<String>,
}

/// The credentials of a directory, and the setting that named it.
///
/// A directory that somebody named must have them. What the default one has may be missing or, with a warning, wrong; it
/// belongs to the process, and is not read where the environment is not.
pub(crate) fn read(
    setter: Option<&Path>,
    env: &Environment,
) -> Result<Option<(&'static str, Credentials)>, ConfigureError> {
    let variable = env.text(&[VARIABLE]);
    let named = setter.map(|dir| ("data_dir", dir));
    let named = named.or_else(|| variable.as_deref().map(|dir| (VARIABLE, Path::new(dir))));
    if let Some((setting, dir)) = named {
        return match in_dir(dir) {
            Ok(credentials) => Ok(Some((setting, credentials))),
            Err((_, reason)) => {
                let reason = reason + "; `logfire projects use` writes it";
                Err(ConfigureError::Invalid { setting, reason })
            }
        };
    }
    if !env.is_process() {
        return Ok(None);
    }
    Ok(in_dir(Path::new(DEFAULT_DIR))
        .inspect_err(|(kind, reason)| {
            if *kind != io::ErrorKind::NotFound {
                env.warn(&format_args!("{DEFAULT_DIR} is ignored: {reason}"));
            }
        })
        .ok()
        .map(|credentials| (DEFAULT_DIR, credentials)))
}

fn in_dir(dir: &Path) -> Result<Credentials, (io::ErrorKind, String)> {
    let path = dir.join(FILE);
    let text = std::fs::read(&path)
        .map_err(|error| (error.kind(), format!("cannot read `{}`: {error}", path.display())))?;
    // The error of the parser may quote the file.
    parse(&text).ok_or_else(|| {
        let reason = format!("`{}` is not a JSON object with a `token`", path.display());
        (io::ErrorKind::InvalidData, reason)
    })
}

fn parse(text: &[u8]) -> Option<Credentials> {
    let file: Value = serde_json::from_slice(text).ok()?;
    let member = |name: &str| Some(file.get(name)?.as_str()?.to_owned());
    Some(Credentials { token: member("token")?, base_url: member("logfire_api_url") })
}
