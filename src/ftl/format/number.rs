//! The value of `number_format`: a name, a pattern, or a pattern with parameters.

use std::rc::Rc;

use crate::ftl::error::Fault;
use crate::ftl::format::computer::Computer;
use crate::ftl::format::decimal::DecimalFormat;
use crate::ftl::format::extended;
use crate::ftl::format::locale::Locale;
use crate::value::Number;

/// How numbers are printed.
#[derive(Clone, Debug)]
pub enum NumberFormat {
    /// As a programming language spells them.
    Computer(Computer),
    /// By a pattern.
    Decimal(Box<DecimalFormat>),
}

impl NumberFormat {
    /// The format of a text other than `c` and `computer`.
    ///
    /// # Errors
    /// For a pattern or parameters that are none.
    pub fn new(text: &str, locale: &Rc<Locale>) -> Result<Self, Fault> {
        let named = |pattern: &str| DecimalFormat::new(pattern, locale.symbols.clone());
        let format = match text {
            "number" => named(&locale.number),
            "percent" => named(&locale.percent),
            "currency" => named(&locale.currency),
            pattern => extended::parse(pattern, locale),
        };
        format.map(|format| Self::Decimal(Box::new(format)))
    }

    /// The format of `#{x; m2M4}`, and of `#{x}` with `(0, 50)`.
    ///
    /// # Errors
    /// None for the patterns of the table.
    pub fn with_fraction(locale: &Locale, min: usize, max: usize) -> Result<Self, Fault> {
        let format = DecimalFormat::new(&locale.number, locale.symbols.clone())?;
        Ok(Self::Decimal(Box::new(format.plain_fraction(min, max))))
    }

    /// Writes a number.
    ///
    /// # Errors
    /// For a number that would have to be rounded by a format that forbids it.
    #[inline]
    pub fn write(&self, number: &Number, out: &mut String) -> Result<(), Fault> {
        match self {
            Self::Computer(computer) => {
                computer.write_number(number, out);
                Ok(())
            }
            Self::Decimal(format) => format.write(number, out),
        }
    }
}
