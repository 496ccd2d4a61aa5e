//! What an outage of the receiver would mean for a sync.

use std::time::Duration;

use crate::delivery::EngineError;
use crate::delivery::forecast::Forecast;
use crate::delivery::forecast::ForecastOptions;
use crate::pipeline::Sync;

pub use crate::delivery::forecast::OutageKind;

/// An outage to imagine.
#[derive(Clone, Copy, Debug)]
pub struct Outage {
    /// How long the receiver is down.
    pub lasts: Duration,
    /// What requests meet meanwhile.
    pub kind: OutageKind,
    /// Events a second, all the time.
    pub rate: f64,
    /// How long the receiver takes to answer.
    pub latency: Duration,
}

impl Sync {
    /// What would happen in that outage. Nothing is sent; `go_on` is asked now and then.
    ///
    /// # Errors
    /// When `go_on` says no.
    pub fn forecast(
        &self,
        outage: Outage,
        go_on: &dyn Fn() -> bool,
    ) -> Result<Forecast, EngineError> {
        let options = ForecastOptions {
            delivery: self.unsigned_delivery_options(),
            rate: outage.rate,
            outage: outage.lasts,
            failure: outage.kind,
            latency: outage.latency,
        };
        Forecast::run(&options, go_on)
    }
}
