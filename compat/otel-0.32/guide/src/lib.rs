#![doc = include_str!("../../../../docs/opentelemetry-versions.md")]
