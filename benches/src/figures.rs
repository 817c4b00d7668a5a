//! Figures as a reader takes them in: three digits that count, and a unit of the right size.

/// A number with three significant digits.
pub fn number(figure: f64) -> String {
    match figure.abs() {
        _ if figure.is_nan() => "–".to_owned(),
        size if size >= 1e9 => format!("{} G", digits(figure / 1e9)),
        size if size >= 1e6 => format!("{} M", digits(figure / 1e6)),
        size if size >= 1e4 => format!("{} k", digits(figure / 1e3)),
        _ => digits(figure),
    }
}

/// A duration given in nanoseconds.
pub fn nanos(figure: f64) -> String {
    match figure.abs() {
        _ if figure.is_nan() => "–".to_owned(),
        size if size >= 1e9 => format!("{} s", digits(figure / 1e9)),
        size if size >= 1e6 => format!("{} ms", digits(figure / 1e6)),
        size if size >= 1e4 => format!("{} µs", digits(figure / 1e3)),
        _ => format!("{} ns", digits(figure)),
    }
}

/// Bytes, in powers of ten.
pub fn bytes(figure: f64) -> String {
    match number(figure) {
        scaled if scaled.contains(' ') => format!("{scaled}B"),
        plain => format!("{plain} B"),
    }
}

/// A share as a percentage.
pub fn percent(share: f64) -> String {
    if share.is_nan() {
        return "–".to_owned();
    }
    format!("{} %", digits(share * 100.0))
}

fn digits(figure: f64) -> String {
    match figure.abs() {
        size if size >= 99.95 || size == 0.0 => format!("{figure:.0}"),
        size if size >= 9.995 => format!("{figure:.1}"),
        _ => format!("{figure:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_keep_three_digits() {
        for (written, expected) in [
            (number(0.0), "0"),
            (number(7.1), "7.10"),
            (number(9_999.0), "9999"),
            (number(548_300.0), "548 k"),
            (number(1_673_000.0), "1.67 M"),
            (number(f64::NAN), "–"),
            (nanos(88.4), "88.4 ns"),
            (nanos(12_500.0), "12.5 µs"),
            (nanos(2.5e9), "2.50 s"),
            (bytes(45_000.0), "45.0 kB"),
            (bytes(600.0), "600 B"),
            (percent(0.985), "98.5 %"),
        ] {
            assert_eq!(written, expected);
        }
    }
}
