//! The shapes that the gate looks for.

/// What the gate believes it has seen; the position is that of the shape's last byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rules) enum Shape {
    /// `=`, `:` or `>`, which may end a key.
    Separator,
    /// `@`.
    At,
    /// A word that ends like `bearer` or `basic`.
    Scheme,
    /// A word that ends like `password`.
    Password,
    /// A word that ends like `pass`, like `-server` or like `cvv`, before a space.
    Pass,
    /// The first letter of a command line's flag.
    Flag,
    /// The fourth digit of a number behind a space, where the words around it speak of a code.
    Code,
    /// The first digit of a fourth dotted number.
    Dotted,
    /// `ddd?dd?dddd`, or two digits first.
    SocialSecurity,
    /// `ddd?dddd` with a separator or `)` before it.
    Phone,
    /// `ddddd-dddd` or `ddd-dddddd`.
    PartlyDashed,
    /// `ddd?ddd`.
    PhoneGroups,
    /// `d)` and a digit or a space.
    AreaCode,
    /// `+` and a digit.
    Plus,
    /// Three groups of four digits, or groups of four, six and five.
    CardGroups,
    /// The seventh digit in a row.
    LongDigits,
    /// Six hex pairs.
    MacPairs,
    /// Three dotted hex quads.
    MacQuads,
    /// Double colon beside a hex digit, or three hex groups between colons.
    ColonHex,
    /// A word (letters, digits, `_`, `-`) of fifteen characters with a digit, or of twenty.
    LongWord,
    /// The letters and digits of a Medicare number.
    Medicare,
    /// `LLDD` and a space.
    IbanGroups,
    /// A grid zone, a square and digits.
    Grid,
    /// A number with four or more decimals.
    Decimal,
    /// A `/` that begins a path.
    Slash,
    /// A backslash.
    Backslash,
    /// Five dashes.
    Dashes,
    /// A byte that calls for reading the text a second time, folded.
    Folded,
}

impl Shape {
    /// The fewest bytes a text with this shape has up to its last one.
    pub(in crate::rules) fn bytes(self) -> usize {
        match self {
            Shape::Medicare => 11,
            Shape::Phone => 12,
            Shape::PartlyDashed | Shape::SocialSecurity => 10,
            Shape::PhoneGroups | Shape::Grid | Shape::Dotted => 7,
            Shape::CardGroups | Shape::MacQuads => 14,
            Shape::LongDigits => 7,
            Shape::Password => 8,
            Shape::Code => 4,
            Shape::Pass => 3,
            Shape::MacPairs => 17,
            Shape::Decimal => 6,
            Shape::IbanGroups | Shape::Dashes => 5,
            Shape::LongWord => 15,
            _ => 1,
        }
    }
}
