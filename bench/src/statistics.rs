//! Numbers that noise does not move much.

/// The value below which the share `q` of `values` lies.
pub fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let position = q * last as f64;
    let (low, high) = (position.floor(), position.ceil());
    let at = |position: f64| sorted.get(position as usize).copied().unwrap_or(f64::NAN);
    at(low) + (at(high) - at(low)) * (position - low)
}

/// The median, with the quartiles, of what `values` have over `bare` in the same round.
pub fn over(values: &[f64], bare: &[f64]) -> [f64; 3] {
    let differences: Vec<f64> = values.iter().zip(bare).map(|(it, bare)| it - bare).collect();
    [0.5, 0.25, 0.75].map(|q| quantile(&differences, q))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_two_values_it_is_weighted() {
        assert_eq!(quantile(&[3.0, 1.0, 2.0], 0.5), 2.0);
        assert_eq!(quantile(&[1.0, 2.0], 0.25), 1.25);
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn rounds_are_compared_one_by_one() {
        assert_eq!(over(&[11.0, 22.0, 33.0], &[1.0, 2.0, 3.0])[0], 20.0);
    }
}
