//! From the fields that were read to the moment they mean, by the rules of Java's lenient
//! calendar: what was set last wins, and values out of range roll over.

#![expect(clippy::cast_possible_truncation, reason = "days of the week: 1 to 7")]

use crate::ftl::format::calendar::CUTOVER;
use crate::ftl::format::calendar::CUTOVER_YEAR;
use crate::ftl::format::calendar::Moment;
use crate::ftl::format::calendar::first_week;
use crate::ftl::format::calendar::gregorian_days;
use crate::ftl::format::calendar::julian_days;
use crate::ftl::format::calendar::on_or_before;
use crate::ftl::format::locale::Locale;
use crate::ftl::format::zone::Zone;

/// A value and when it was set, from 1; 0: not at all.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    value: i64,
    stamp: u32,
}

impl Part {
    fn is_set(self) -> bool {
        self.stamp > 0
    }

    fn or(self, default: i64) -> i64 {
        if self.is_set() { self.value } else { default }
    }
}

/// The fields that were read.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    stamp: u32,
    era: Part,
    year: Part,
    week_year: Part,
    month: Part,
    week_of_year: Part,
    week_of_month: Part,
    day: Part,
    day_of_year: Part,
    weekday: Part,
    weekday_in_month: Part,
    half: Part,
    half_hour: Part,
    hour: Part,
    minute: Part,
    second: Part,
    milli: Part,
    /// Milliseconds ahead of UTC without and with daylight saving time.
    offset: Part,
    saving: Part,
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident => $field:ident),* $(,)?) => {
        $($(#[$doc])*
        pub fn $name(&mut self, value: i64) {
            self.stamp += 1;
            self.$field = Part { value, stamp: self.stamp };
        })*
    };
}

impl Parts {
    setters! {
        /// 0 for years before 1.
        set_era => era,
        /// The year in its era.
        set_year => year,
        /// The year that weeks are counted in.
        set_week_year => week_year,
        /// From 0.
        set_month => month,
        /// From 1.
        set_week_of_year => week_of_year,
        /// From 1.
        set_week_of_month => week_of_month,
        /// From 1.
        set_day => day,
        /// From 1.
        set_day_of_year => day_of_year,
        /// 1 for Sunday.
        set_weekday => weekday,
        /// From 1.
        set_weekday_in_month => weekday_in_month,
        /// 1 for the afternoon.
        set_half => half,
        /// 0 to 11.
        set_half_hour => half_hour,
        /// 0 to 23.
        set_hour => hour,
        /// 0 to 59.
        set_minute => minute,
        /// 0 to 59.
        set_second => second,
        /// 0 to 999.
        set_milli => milli,
    }

    /// The fields of a moment.
    pub fn of_moment(moment: &Moment) -> Self {
        let mut parts = Self::default();
        parts.set_year(moment.year);
        parts.set_month(i64::from(moment.month) - 1);
        parts.set_day(i64::from(moment.day));
        parts.set_hour(i64::from(moment.hour));
        parts.set_minute(i64::from(moment.minute));
        parts.set_second(i64::from(moment.second));
        parts.set_milli(i64::from(moment.milli));
        parts
    }

    /// 1 for Monday to 7 for Sunday; others roll over into other weeks where weeks count.
    pub fn set_iso_weekday(&mut self, value: i64) {
        let inside = (1..=7).contains(&value);
        self.set_weekday(if inside { value % 7 + 1 } else { value });
    }

    /// Milliseconds ahead of UTC, daylight saving time included.
    pub fn set_offset(&mut self, millis: i32) {
        self.stamp += 1;
        self.offset = Part { value: i64::from(millis), stamp: self.stamp };
        self.saving = Part { value: 0, stamp: self.stamp };
    }

    /// The zone is known, and by how much its clocks are ahead in summer.
    pub fn set_saving(&mut self, millis: i32) {
        self.stamp += 1;
        self.offset = Part::default();
        self.saving = Part { value: i64::from(millis), stamp: self.stamp };
    }

    /// Moves the year.
    pub fn add_years(&mut self, years: i64) {
        self.year.value += years;
        self.week_year.value += years;
    }

    /// The moment.
    pub fn millis(&self, zone: &Zone, locale: &Locale) -> i64 {
        let local = self.local_in(locale);
        match (self.offset.is_set(), self.saving.is_set()) {
            (true, _) => local.wrapping_sub(self.offset.value).wrapping_sub(self.saving.value),
            (false, false) => zone.at_local(local),
            (false, true) => {
                let offset = zone.offset(zone.at_local(local));
                // Where there is none nowadays, it was an hour.
                let own = match (offset.daylight, i64::from(zone.saving())) {
                    (false, _) => 0,
                    (true, 0) => 3_600_000,
                    (true, saving) => saving,
                };
                let base = i64::from(offset.millis) - own;
                local.wrapping_sub(base).wrapping_sub(self.saving.value)
            }
        }
    }

    /// What the clock shows, for a date that was given by day and month.
    pub fn local(&self) -> i64 {
        let days = self.days(1, 1);
        self.time().wrapping_add(days.wrapping_mul(DAY))
    }

    fn local_in(&self, locale: &Locale) -> i64 {
        let days = self.days(locale.first_day, locale.minimal_days);
        self.time().wrapping_add(days.wrapping_mul(DAY))
    }

    fn time(&self) -> i64 {
        let halves = both(self.half_hour, self.half);
        let by_half = match halves.max(self.hour.stamp) {
            0 => self.half_hour.is_set() || self.half.is_set(),
            best => best != self.hour.stamp,
        };
        let hour =
            if by_half { self.half_hour.or(0) + 12 * self.half.or(0) } else { self.hour.or(0) };
        let seconds = (hour * 60 + self.minute.or(0)) * 60 + self.second.or(0);
        seconds * 1000 + self.milli.or(0)
    }

    fn days(&self, first_day: u8, minimal_days: u8) -> i64 {
        if self.week_year.stamp > self.year.stamp {
            return self.week_date(first_day, minimal_days);
        }
        let year = self.year.or(1970);
        let year = if self.era.is_set() && self.era.value == 0 { 1 - year } else { year };
        let choice = self.choice();
        let gregorian = || self.days_by(choice, year, first_day, minimal_days, gregorian_days);
        let julian = || self.days_by(choice, year, first_day, minimal_days, julian_days);
        // Hours beyond a day move the date before the calendar is chosen.
        let moved = self.time().div_euclid(DAY);
        if year > CUTOVER_YEAR {
            let days = gregorian();
            return if days + moved >= CUTOVER { days } else { julian() };
        }
        let days = julian();
        if year < CUTOVER_YEAR && days + moved < CUTOVER {
            return days;
        }
        if matches!(choice, Choice::DayOfYear | Choice::WeekOfYear) && year == CUTOVER_YEAR {
            return days;
        }
        let later = if year < CUTOVER_YEAR { days } else { gregorian() };
        if later + moved >= CUTOVER && days + moved >= CUTOVER { later } else { days }
    }

    /// Which fields decide about the day: those set last, if they are enough.
    fn choice(&self) -> Choice {
        let mut week_of_month = both(self.week_of_month, self.weekday);
        let mut weekday_in_month = both(self.weekday_in_month, self.weekday);
        let mut week_of_year = both(self.week_of_year, self.weekday);
        let mut day = self.day.stamp;
        let day_of_year = self.day_of_year.stamp;
        let mut best =
            day.max(week_of_month).max(weekday_in_month).max(day_of_year).max(week_of_year);
        if best == 0 {
            week_of_month = self.week_of_month.stamp;
            weekday_in_month = self.weekday_in_month.stamp.max(self.weekday.stamp);
            week_of_year = self.week_of_year.stamp;
            best = week_of_month.max(weekday_in_month).max(week_of_year);
            if best == 0 {
                day = self.month.stamp;
                best = day;
            }
        }
        let of_year = self.week_of_year.stamp;
        let by_month = best == day
            || (best == week_of_month && self.week_of_month.stamp >= of_year)
            || (best == weekday_in_month && self.weekday_in_month.stamp >= of_year);
        if !by_month {
            return if best == day_of_year { Choice::DayOfYear } else { Choice::WeekOfYear };
        }
        if best == day {
            return Choice::Day;
        }
        let week = if week_of_month == weekday_in_month {
            self.week_of_month.stamp >= self.weekday_in_month.stamp
        } else {
            best == week_of_month
        };
        if week { Choice::WeekOfMonth } else { Choice::WeekdayInMonth }
    }

    fn days_by(
        &self,
        choice: Choice,
        year: i64,
        first_day: u8,
        minimal_days: u8,
        days_of: fn(i64, i64, i64) -> i64,
    ) -> i64 {
        let weekday = |days: i64, weekday: i64| {
            // Days of the week roll over, too.
            on_or_before(days, (weekday - 1).rem_euclid(7) as u8 + 1)
        };
        let by_month = !matches!(choice, Choice::DayOfYear | Choice::WeekOfYear);
        let month = if by_month { self.month.or(0) } else { 0 };
        let (year, month) = (year + month.div_euclid(12), month.rem_euclid(12));
        let start = days_of(year, month + 1, 1);
        match choice {
            Choice::Day => start + self.day.or(1) - 1,
            Choice::DayOfYear => start + self.day_of_year.or(1) - 1,
            Choice::WeekOfMonth | Choice::WeekOfYear => {
                let first = first_week(start, first_day, minimal_days);
                let first = match self.weekday {
                    day if day.is_set() && day.value != i64::from(first_day) => {
                        weekday(first + 6, day.value)
                    }
                    _ => first,
                };
                let week = match choice {
                    Choice::WeekOfMonth => self.week_of_month,
                    _ => self.week_of_year,
                };
                first + 7 * (week.or(1) - 1)
            }
            Choice::WeekdayInMonth => {
                let day = self.weekday.or(i64::from(first_day));
                let ordinal = self.weekday_in_month.or(1);
                if ordinal >= 0 {
                    return weekday(start + 7 * ordinal - 1, day);
                }
                let next = days_of(year + (month + 1) / 12, (month + 1) % 12 + 1, 1);
                weekday(next + 7 * (ordinal + 1) - 1, day)
            }
        }
    }

    /// The day of a week-based year, week and day.
    fn week_date(&self, first_day: u8, minimal_days: u8) -> i64 {
        let mut week = self.week_of_year.or(1);
        let mut day = self.weekday.or(i64::from(first_day));
        if day >= 8 {
            day -= 1;
            week += day / 7;
            day = day % 7 + 1;
            day = day % 7 + 1;
        } else if day <= 0 {
            while day <= 0 {
                day += 7;
                week -= 1;
            }
            day = day % 7 + 1;
        }
        let year = self.week_year.value;
        let days_of = if year > CUTOVER_YEAR { gregorian_days } else { julian_days };
        let first = first_week(days_of(year, 1, 1), first_day, minimal_days);
        first + (day - i64::from(first_day)).rem_euclid(7) + 7 * (week - 1)
    }
}

const DAY: i64 = 86_400_000;

/// Which fields decide about the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    Day,
    WeekOfMonth,
    WeekdayInMonth,
    DayOfYear,
    WeekOfYear,
}

/// When the later of two was set that are worth nothing alone.
fn both(one: Part, other: Part) -> u32 {
    if one.is_set() && other.is_set() { one.stamp.max(other.stamp) } else { 0 }
}
