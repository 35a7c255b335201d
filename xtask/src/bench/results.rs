//! What was measured, as lines of words that are parted by tabs.

use crate::Result;

/// What one candidate costs in one configuration, over the first one of its front end.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    /// The build: `default` or `bound`.
    pub(super) build: String,
    pub(super) front_end: String,
    pub(super) configuration: String,
    pub(super) candidate: String,
    /// Nanoseconds: the median and the quartiles.
    pub(super) times: [f64; 3],
    pub(super) allocations: f64,
    pub(super) bytes: f64,
    /// None where they cannot be counted.
    pub(super) instructions: Option<f64>,
}

/// All that was measured.
#[derive(Debug)]
pub(super) struct Results(pub(super) Vec<Row>);

impl Results {
    /// What a candidate of the default build costs.
    pub(super) fn of(&self, front_end: &str, configuration: &str, candidate: &str) -> Option<&Row> {
        self.in_build("default", front_end, configuration, candidate)
    }

    /// What a candidate costs.
    pub(super) fn in_build(
        &self,
        build: &str,
        front_end: &str,
        configuration: &str,
        candidate: &str,
    ) -> Option<&Row> {
        let wanted = [build, front_end, configuration, candidate];
        self.0
            .iter()
            .find(|it| [&it.build, &it.front_end, &it.configuration, &it.candidate] == wanted)
    }

    /// With the rows of `newer`, in the place of all rows of the same front ends.
    pub(super) fn updated(mut self, newer: Self) -> Self {
        self.0.retain(|old| newer.0.iter().all(|it| it.front_end != old.front_end));
        self.0.extend(newer.0);
        self
    }

    pub(super) fn render(&self) -> String {
        let line = |row: &Row| {
            let Row { build, front_end, configuration, candidate, times, .. } = row;
            let [median, low, high] = times;
            let Row { allocations, bytes, .. } = row;
            let instructions = row.instructions.map_or(String::new(), |it| it.to_string());
            format!(
                "{build}\t{front_end}\t{configuration}\t{candidate}\t{median}\t{low}\t{high}\t{allocations}\t{bytes}\t{instructions}\n"
            )
        };
        self.0.iter().map(line).collect()
    }

    pub(super) fn parse(text: &str) -> Result<Self> {
        let row = |line: &str| -> Result<Row> {
            let words: Vec<&str> = line.split('\t').collect();
            let [build, front_end, configuration, candidate, numbers @ ..] = words.as_slice()
            else {
                return Err(format!("too few words in `{line}`").into());
            };
            let [median, low, high, allocations, bytes, instructions] = numbers else {
                return Err(format!("not six numbers in `{line}`").into());
            };
            let instructions = (!instructions.is_empty()).then(|| instructions.parse());
            Ok(Row {
                build: (*build).to_owned(),
                front_end: (*front_end).to_owned(),
                configuration: (*configuration).to_owned(),
                candidate: (*candidate).to_owned(),
                times: [median.parse()?, low.parse()?, high.parse()?],
                allocations: allocations.parse()?,
                bytes: bytes.parse()?,
                instructions: instructions.transpose()?,
            })
        };
        Ok(Self(text.lines().map(row).collect::<Result<_>>()?))
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;

    /// A row with these instructions, ten for each nanosecond, and one allocation for each thousand.
    pub(in super::super) fn row(at: [&str; 4], instructions: f64) -> Row {
        let [build, front_end, configuration, candidate] = at.map(str::to_owned);
        let nanoseconds = instructions / 10.0;
        Row {
            build,
            front_end,
            configuration,
            candidate,
            times: [nanoseconds, nanoseconds - 1.0, nanoseconds + 1.0],
            allocations: instructions / 1_000.0,
            bytes: 64.0,
            instructions: Some(instructions),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{testing::row, *};

    #[test]
    fn a_front_end_is_measured_again() {
        let of =
            |front_end, instructions| row(["default", front_end, "sampled", "ours"], instructions);
        let old = Results(vec![of("axum", 9_000.0), of("tower", 8_000.0)]);
        let updated = old.updated(Results(vec![of("axum", 7_000.0)]));
        assert_eq!(updated.0, [of("tower", 8_000.0), of("axum", 7_000.0)]);
    }

    #[test]
    fn what_is_written_can_be_read() {
        let mut results = Results(vec![
            row(["default", "axum", "sampled", "ours, trace"], 8_000.0),
            row(["bound", "axum", "sampled", "ours"], 9_000.0),
        ]);
        results.0[1].instructions = None;
        let read = Results::parse(&results.render()).unwrap();
        assert_eq!(read.0, results.0);
        assert_eq!(read.of("axum", "sampled", "ours, trace"), results.0.first());
        assert_eq!(read.of("axum", "sampled", "ours"), None);
        assert!(Results::parse("a\tb\n").is_err());
    }
}
