//! Which Logfire region a token belongs to.

/// A region of the Logfire platform.
///
/// The rule is the one of Logfire's Python SDK: `pylf_v<digits>_<region>_…`.
///
/// ```
/// use logfire_rs_delivery::Region;
///
/// assert_eq!(Region::of_token("pylf_v1_eu_abc"), Some(Region::Eu));
/// assert_eq!(Region::of_token("pylf_v1_mars_abc"), None);
/// assert_eq!(Region::Eu.base_url(), "https://logfire-eu.pydantic.dev");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Region {
    /// `us`, also the one for tokens that name no known region.
    Us,
    /// `eu`.
    Eu,
    /// `stagingus`, Pydantic's own test system.
    StagingUs,
    /// `stagingeu`, Pydantic's own test system.
    StagingEu,
}

impl Region {
    /// The region that a write token names, or `None` for a token of another form or of an unknown region.
    ///
    /// ```
    /// # use logfire_rs_delivery::Region;
    /// assert_eq!(Region::of_token("pylf_v2_us_abc"), Some(Region::Us));
    /// assert_eq!(Region::of_token("0123456789abcdef"), None);
    /// ```
    #[must_use]
    pub fn of_token(token: &str) -> Option<Self> {
        let rest = token.strip_prefix("pylf_v")?.trim_start_matches(|c: char| c.is_ascii_digit());
        // At least one digit: `pylf_v_us_` is no token.
        if rest.len() == token.len() - "pylf_v".len() {
            return None;
        }
        match rest.strip_prefix('_')?.split_once('_')?.0 {
            "us" => Some(Self::Us),
            "eu" => Some(Self::Eu),
            "stagingus" => Some(Self::StagingUs),
            "stagingeu" => Some(Self::StagingEu),
            _ => None,
        }
    }

    /// The base URL of the region's API, without a slash at its end.
    ///
    /// ```
    /// # use logfire_rs_delivery::Region;
    /// assert_eq!(Region::Us.base_url(), "https://logfire-us.pydantic.dev");
    /// ```
    #[must_use]
    pub const fn base_url(self) -> &'static str {
        match self {
            Self::Us => "https://logfire-us.pydantic.dev",
            Self::Eu => "https://logfire-eu.pydantic.dev",
            Self::StagingUs => "https://logfire-us.pydantic.info",
            Self::StagingEu => "https://logfire-eu.pydantic.info",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Region;

    #[test]
    fn only_tokens_of_the_known_form_name_a_region() {
        for (token, region) in [
            ("pylf_v1_us_x", Some(Region::Us)),
            ("pylf_v12_eu_x", Some(Region::Eu)),
            ("pylf_v1_stagingus_x", Some(Region::StagingUs)),
            ("pylf_v1_stagingeu_x", Some(Region::StagingEu)),
            ("pylf_v1_us", None),
            ("pylf_v_us_x", None),
            ("pylf_vx_us_x", None),
            ("pylf_v1us_x", None),
            (" pylf_v1_us_x", None),
            ("PYLF_v1_us_x", None),
            ("", None),
        ] {
            assert_eq!(Region::of_token(token), region, "{token}");
        }
    }
}
