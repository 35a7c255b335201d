//! One service on three frameworks, whose handlers record their arguments and validation errors.

pub mod on_actix_web;
pub mod on_axum;
pub mod on_warp;

use serde::{Deserialize, Serialize};

/// The query of `/hello`.
#[derive(Debug, Deserialize, Serialize)]
pub struct Hello {
    /// Who is greeted.
    pub name: String,
    /// How often. Once by default.
    pub times: Option<u8>,
}

impl Hello {
    fn text(&self) -> String {
        format!("Hello, {}! ", self.name).repeat(self.times.unwrap_or(1).into())
    }
}

/// The body of `POST /users`.
#[derive(Debug, Deserialize, Serialize)]
pub struct NewUser {
    /// The name.
    pub name: String,
    /// In years.
    pub age: u8,
    /// Recorded as `[REDACTED]`.
    pub password: String,
}
