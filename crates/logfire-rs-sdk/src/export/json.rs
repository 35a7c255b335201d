//! The JSON of OTLP, where serde's own would not be taken.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// The members that hold one number with a point. They are never without a value, as others are.
const NUMBERS: [&str; 2] = ["doubleValue", "asDouble"];

pub(super) fn encode(request: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut body = Vec::new();
    let otlp = Otlp { in_name: false, is_number: false };
    request.serialize(&mut Serializer::with_formatter(&mut body, otlp))?;
    Ok(body)
}

/// Writes `"NaN"` for a number that is not finite, for which serde writes `null`: collectors refuse all of a body with
/// that in it. <https://protobuf.dev/programming-guides/json/>
struct Otlp {
    in_name: bool,
    /// Whether the last name is that of a number.
    is_number: bool,
}

impl Formatter for Otlp {
    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.in_name = true;
        if first { Ok(()) } else { writer.write_all(b",") }
    }

    fn end_object_key<W: ?Sized + io::Write>(&mut self, _writer: &mut W) -> io::Result<()> {
        self.in_name = false;
        Ok(())
    }

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if self.in_name {
            self.is_number = NUMBERS.contains(&fragment);
        }
        writer.write_all(fragment.as_bytes())
    }

    fn write_null<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(if self.is_number { b"\"NaN\"" } else { b"null" })
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::{
        common::v1::{AnyValue, ArrayValue, any_value::Value},
        metrics::v1::{HistogramDataPoint, NumberDataPoint, number_data_point},
    };

    use super::*;

    fn json(value: &impl Serialize) -> String {
        String::from_utf8(encode(value).unwrap()).unwrap()
    }

    #[test]
    fn numbers_that_are_none_are_nan_and_everything_else_is_as_serde_has_it() {
        let number = |number| AnyValue { value: Some(Value::DoubleValue(number)) };
        let values = [1.5, f64::NAN, f64::NEG_INFINITY].map(number).to_vec();
        let list = AnyValue { value: Some(Value::ArrayValue(ArrayValue { values })) };
        assert_eq!(
            json(&list),
            r#"{"arrayValue":{"values":[{"doubleValue":1.5},{"doubleValue":"NaN"},{"doubleValue":"NaN"}]}}"#
        );
        let value = Some(number_data_point::Value::AsDouble(f64::INFINITY));
        let point = NumberDataPoint { value, ..NumberDataPoint::default() };
        assert!(json(&point).contains(r#""asDouble":"NaN""#));

        let text = AnyValue { value: Some(Value::StringValue("a\n\"b\" ü".to_owned())) };
        let empty = HistogramDataPoint { sum: None, ..HistogramDataPoint::default() };
        assert_eq!(json(&text), serde_json::to_string(&text).unwrap());
        assert_eq!(json(&empty), serde_json::to_string(&empty).unwrap());
    }
}
