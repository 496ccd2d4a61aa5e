//! Days to dates and back, with the change from the Julian to the Gregorian calendar where Java
//! has it.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "remainders of divisions: small and not negative"
)]

/// The first day of the Gregorian calendar, 1582-10-15, in days since 1970-01-01.
pub const CUTOVER: i64 = -141_427;
/// The year of the change.
pub const CUTOVER_YEAR: i64 = 1582;

/// Milliseconds of a day.
pub const DAY: i64 = 86_400_000;

/// Which calendar counts the days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calendar {
    /// Julian before 1582-10-15, as dates are formatted by patterns.
    Mixed,
    /// Gregorian since ever, as ISO 8601 has it.
    Gregorian,
}

/// A point in time as clock and calendar of a place show it.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Days since 1970-01-01 there.
    pub days: i64,
    /// The year; 0 is the year before 1.
    pub year: i64,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// 0 to 999.
    pub milli: u16,
}

impl Moment {
    /// What a clock that is `offset` milliseconds ahead of UTC shows `millis` after 1970.
    #[inline]
    pub fn new(millis: i64, offset: i32, calendar: Calendar) -> Self {
        // The offset is added to the time of day, as the whole may have no room for it.
        let time = millis.rem_euclid(DAY) + i64::from(offset);
        let (days, millis) = (millis.div_euclid(DAY) + time.div_euclid(DAY), time.rem_euclid(DAY));
        let julian = calendar == Calendar::Mixed && days < CUTOVER;
        let (year, month, day) = if julian { julian_date(days) } else { gregorian_date(days) };
        let seconds = millis / 1000;
        Self {
            days,
            year,
            month,
            day,
            hour: (seconds / 3600) as u8,
            minute: (seconds / 60 % 60) as u8,
            second: (seconds % 60) as u8,
            milli: (millis % 1000) as u16,
        }
    }

    /// 1 for Sunday to 7 for Saturday.
    pub fn weekday(&self) -> u8 {
        weekday(self.days)
    }

    /// The days of the mixed calendar on which its year, the one before and the one after begin.
    pub fn year_start(&self, years_later: i64) -> i64 {
        first_of_year(self.year + years_later)
    }

    /// The week of the year, from 1; 1 in December when the week belongs to the next year.
    pub fn week_of_year(&self, first_day: u8, minimal_days: u8) -> i64 {
        let start = self.year_start(0);
        let week = week_number(start, self.days, first_day, minimal_days);
        if week == 0 {
            return week_number(self.year_start(-1), start - 1, first_day, minimal_days);
        }
        if week >= 52 {
            let next = self.year_start(1);
            let first = on_or_before(next + 6, first_day);
            if first - next >= i64::from(minimal_days) && self.days >= first - 7 {
                return 1;
            }
        }
        week
    }

    /// The year its week belongs to.
    pub fn week_year(&self, first_day: u8, minimal_days: u8) -> i64 {
        match self.week_of_year(first_day, minimal_days) {
            52.. if self.month == 1 => self.year - 1,
            1 if self.month == 12 => self.year + 1,
            _ => self.year,
        }
    }

    /// The week of the month, from 0.
    pub fn week_of_month(&self, first_day: u8, minimal_days: u8) -> i64 {
        week_number(self.month_start(), self.days, first_day, minimal_days)
    }

    /// How often its day of the week has come this month, from 1.
    pub fn weekday_in_month(&self) -> i64 {
        (self.days - self.month_start()) / 7 + 1
    }

    /// The first day of the month, which in October 1582 had only 21.
    fn month_start(&self) -> i64 {
        let start = self.days - i64::from(self.day) + 1;
        if self.days >= CUTOVER && start < CUTOVER { start + 10 } else { start }
    }

    /// The day of the year, from 1.
    pub fn day_of_year(&self) -> i64 {
        self.days - self.year_start(0) + 1
    }
}

/// 1 for Sunday to 7 for Saturday.
pub fn weekday(days: i64) -> u8 {
    // 1970-01-01 was a Thursday.
    ((days + 4).rem_euclid(7) + 1) as u8
}

/// The last day up to `days` that is that day of the week.
pub fn on_or_before(days: i64, weekday: u8) -> i64 {
    let weekday = i64::from(weekday);
    days - (days + 5 - weekday).rem_euclid(7)
}

/// The week of a period that starts on a day.
pub fn week_number(start: i64, days: i64, first_day: u8, minimal_days: u8) -> i64 {
    (days - first_week(start, first_day, minimal_days)).div_euclid(7) + 1
}

/// The day on which the first week of a period begins.
pub fn first_week(start: i64, first_day: u8, minimal_days: u8) -> i64 {
    let first = on_or_before(start + 6, first_day);
    if first - start >= i64::from(minimal_days) { first - 7 } else { first }
}

/// The first day of a year in the mixed calendar.
fn first_of_year(year: i64) -> i64 {
    if year <= CUTOVER_YEAR { julian_days(year, 1, 1) } else { gregorian_days(year, 1, 1) }
}

/// The days since 1970-01-01 of a date in the Gregorian calendar; `day` may be any number.
pub fn gregorian_days(year: i64, month: i64, day: i64) -> i64 {
    // Years are counted from March, so that the leap day comes last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The same in the Julian calendar.
pub fn julian_days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) + of_year - 719_470
}

#[inline]
fn gregorian_date(days: i64) -> (i64, u8, u8) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    from_march(year + era * 400, of_year)
}

fn julian_date(days: i64) -> (i64, u8, u8) {
    let days = days + 719_470;
    let era = days.div_euclid(1_461);
    let of_era = days.rem_euclid(1_461);
    let year = (of_era - of_era / 1_460) / 365;
    from_march(year + era * 4, of_era - 365 * year)
}

/// The date of a day in a year that begins in March.
fn from_march(year: i64, of_year: i64) -> (i64, u8, u8) {
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (if month <= 2 { year + 1 } else { year }, month as u8, day as u8)
}

/// The days of a month in the Gregorian calendar.
pub fn month_length(year: i64, month: i64) -> i64 {
    let next = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    gregorian_days(next.0, next.1, 1) - gregorian_days(year, month, 1)
}

#[cfg(test)]
mod tests {
    use crate::ftl::format::calendar::{
        CUTOVER, Calendar, DAY, Moment, gregorian_days, julian_days, on_or_before, weekday,
    };

    #[test]
    fn both_calendars_count_every_day_back_and_forth() {
        assert_eq!(gregorian_days(1970, 1, 1), 0);
        assert_eq!(gregorian_days(1582, 10, 15), CUTOVER);
        assert_eq!(julian_days(1582, 10, 5), CUTOVER);
        for days in (-2_000_000..1_000_000).step_by(97) {
            let there = |calendar| Moment::new(days * DAY, 0, calendar);
            let date = there(Calendar::Gregorian);
            let (month, day) = (i64::from(date.month), i64::from(date.day));
            assert_eq!(gregorian_days(date.year, month, day), days);
            if days < CUTOVER {
                let date = there(Calendar::Mixed);
                let (month, day) = (i64::from(date.month), i64::from(date.day));
                assert_eq!(julian_days(date.year, month, day), days);
            }
        }
    }

    #[test]
    fn days_of_the_week_start_with_sunday() {
        assert_eq!(weekday(0), 5);
        assert_eq!(on_or_before(0, 5), 0);
        assert_eq!(on_or_before(0, 6), -6);
        assert_eq!(on_or_before(0, 1), -4);
    }
}
