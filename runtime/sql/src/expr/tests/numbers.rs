//! Functions of numbers, with the values of Flink's documentation where it has some.

use super::{both, check};

#[test]
fn numbers_are_rounded_half_away_from_zero_by_their_decimal_digits() {
    both(&[
        ("ROUND(2.675e0, 2)", "DOUBLE 2.68"),
        ("ROUND(-1.5e0)", "DOUBLE -2.0"),
        ("ROUND(CAST(2.5 AS FLOAT))", "FLOAT 3.0"),
        ("ROUND(15, -1)", "INT 20"),
        ("ROUND(-15, -1)", "INT -20"),
        ("ROUND(14, 1)", "INT 14"),
        ("ROUND(12.345, 1)", "DECIMAL(4, 1) 12.3"),
        ("ROUND(12.345)", "DECIMAL(3, 0) 12"),
        ("ROUND(-12.55, 1)", "DECIMAL(4, 1) -12.6"),
        ("ROUND(99.9, -1)", "DECIMAL(3, 0) 100"),
        ("ROUND(12.345, 5)", "DECIMAL(5, 3) 12.345"),
        ("TRUNCATE(42.324, 2)", "DECIMAL(5, 2) 42.32"),
        ("TRUNCATE(42.324e0)", "DOUBLE 42.0"),
        ("TRUNCATE(0.29e0, 2)", "DOUBLE 0.29"),
        ("TRUNCATE(-15, -1)", "INT -10"),
        ("ROUND(CAST(NULL AS DOUBLE), 1)", "DOUBLE NULL"),
    ]);
    check(&[(
        "ROUND(c, i)",
        "error: line 1, column 1: ROUND: the digits of a DECIMAL must be a number",
    )]);
}

#[test]
fn logarithms_and_angles() {
    both(&[
        ("LOG(E())", "DOUBLE 1.0"),
        ("LOG(2, 8)", "DOUBLE 3.0"),
        ("LOG2(8)", "DOUBLE 3.0"),
        ("LOG10(1000)", "DOUBLE 3.0"),
        ("LN(1)", "DOUBLE 0.0"),
        ("EXP(0)", "DOUBLE 1.0"),
        ("SINH(0)", "DOUBLE 0.0"),
        ("COSH(0)", "DOUBLE 1.0"),
        ("TANH(0)", "DOUBLE 0.0"),
        ("ATAN2(0, 1)", "DOUBLE 0.0"),
        ("DEGREES(PI())", "DOUBLE 180.0"),
        ("ROUND(RADIANS(180), 4)", "DOUBLE 3.1416"),
        ("ROUND(COT(PI() / 4), 6)", "DOUBLE 1.0"),
        ("POWER(2, -1)", "DOUBLE 0.5"),
        ("SIGN(-2.5)", "DECIMAL(2, 1) -1.0"),
        ("ABS(-2.5)", "DECIMAL(2, 1) 2.5"),
        ("MOD(-7, 3)", "INT -1"),
    ]);
}
