//! Accepting and settling, at the desk.

use std::sync::Arc;

use crate::delivery::clock::Timestamp;
use crate::delivery::store::AttemptRecord;
use crate::delivery::store::Delivery;
use crate::delivery::store::SourcePlace;
use crate::delivery::store::StoreError;
use crate::delivery::store::sqlite::dead::Dead;
use crate::delivery::store::sqlite::desk::Desk;
use crate::delivery::store::sqlite::desk::Finisher;
use crate::delivery::store::sqlite::row::Row;
use crate::delivery::store::sqlite::sync_desk::Hand;
use crate::delivery::store::sqlite::writes::Write;

/// What was accepted at once.
#[derive(Debug, Default)]
pub(crate) struct Accepted {
    /// Deliveries that are written.
    pub(crate) rows: Vec<Row>,
    /// Deliveries that can be read again from their source.
    pub(crate) unwritten: Vec<Arc<Delivery>>,
    /// Places of what was confirmed before, and is therefore finished.
    pub(crate) confirmed: Vec<SourcePlace>,
    /// When.
    pub(crate) at: Timestamp,
}

/// What became of a delivery, prepared on the caller's thread.
#[derive(Debug)]
pub(crate) enum Settled {
    Delivered { fingerprint: u64 },
    Wait { due: Timestamp, record: Option<AttemptRecord>, row: Option<Box<Row>> },
    Dead(Box<Dead>),
}

impl Desk {
    /// Takes deliveries on. Those that nobody waits for are on hand at once, with a row or without:
    /// the next thing to come may be what became of them.
    pub(crate) fn accept(&mut self, id: i64, accepted: Accepted, done: Option<Finisher>) {
        let Accepted { rows, unwritten, confirmed, at } = accepted;
        if let Ok(sync) = self.sync(id) {
            sync.hear(at);
            for place in confirmed {
                sync.finish(place, true);
            }
        }
        let Some(done) = done else {
            self.take_unawaited(id, rows);
            self.take_unwritten(id, unwritten);
            return;
        };
        if rows.is_empty() {
            self.take_unwritten(id, unwritten);
            done(self, Ok(()));
            return;
        }
        let hands: Vec<(u64, Option<u64>)> =
            rows.iter().map(|row| (row.delivery.id, row.delivery.lane)).collect();
        let count = rows.len();
        let change = move |desk: &mut Self| {
            desk.around().insert_all(id, &rows)?;
            if let Ok(sync) = desk.sync(id) {
                sync.stage().accepted += rows.len() as u64;
                for place in rows.iter().filter_map(|row| row.delivery.place) {
                    sync.stage_finish(place, true);
                }
            }
            Ok(())
        };
        let after = move |desk: &mut Self, result: Result<(), StoreError>| {
            if result.is_ok() {
                if let Ok(sync) = desk.sync(id) {
                    for (row, lane) in hands {
                        let hand = Hand { attempts: 0, lane, damaged: false, unwritten: None };
                        sync.hand.insert(row, hand);
                    }
                }
                desk.take_unwritten(id, unwritten);
            }
            done(desk, result);
        };
        self.change(count, change, after);
    }

    /// Takes on what has a row that nobody waits for; it is kept until it is written.
    fn take_unawaited(&mut self, id: i64, rows: Vec<Row>) {
        for row in rows {
            let Ok(sync) = self.sync(id) else {
                return;
            };
            let (delivery, lane, place) = (row.delivery.id, row.delivery.lane, row.delivery.place);
            sync.count().accepted += 1;
            if let Some(place) = place {
                sync.finish(place, true);
            }
            let hand = Hand { attempts: 0, lane, damaged: false, unwritten: None };
            sync.hand.insert(delivery, hand);
            self.note(Write::Accept { sync: id, row: Box::new(row) });
        }
    }

    fn take_unwritten(&mut self, id: i64, unwritten: Vec<Arc<Delivery>>) {
        for delivery in &unwritten {
            if let Some(lane) = delivery.lane {
                self.lanes.entry((id, lane)).or_default().insert(delivery.id);
            }
        }
        if let Ok(sync) = self.sync(id) {
            sync.unwritten += unwritten.len() as u64;
            for delivery in unwritten {
                let hand = Hand {
                    attempts: 0,
                    lane: delivery.lane,
                    damaged: false,
                    unwritten: Some(Arc::clone(&delivery)),
                };
                sync.hand.insert(delivery.id, hand);
            }
        }
    }

    /// Notes what became of a delivery; nothing, if it is not on hand.
    pub(crate) fn settle(&mut self, id: i64, delivery: u64, settled: Settled) {
        let Ok(sync) = self.sync(id) else {
            return;
        };
        let Some(hand) = sync.hand.remove(&delivery) else {
            return;
        };
        let lane = hand.lane;
        if let Some(unwritten) = &hand.unwritten {
            sync.unwritten -= 1;
            sync.count().accepted += 1;
            if let Some(place) = unwritten.place {
                sync.finish(place, true);
            }
            if let Some(lane) = lane {
                self.leave_lane(id, lane, delivery);
            }
        }
        let had_row = hand.unwritten.is_none();
        match settled {
            Settled::Delivered { fingerprint } => {
                let Ok(sync) = self.sync(id) else {
                    return;
                };
                sync.count().delivered += 1;
                sync.remember(fingerprint);
                if had_row {
                    let had_attempts = hand.attempts > 0;
                    self.note(Write::Delivered { sync: id, id: delivery, had_attempts, lane });
                } else if let Some(lane) = lane {
                    self.note(Write::NextInLane { sync: id, lane });
                } else {
                    self.settled();
                }
            }
            Settled::Wait { due, record, row } => match row {
                Some(row) if !had_row => {
                    if let Ok(sync) = self.sync(id) {
                        sync.first_id = sync.first_id.min(delivery);
                    }
                    self.note(Write::Insert { sync: id, row, due, record });
                }
                _ => self.note(Write::Wait { sync: id, id: delivery, due, record, lane }),
            },
            Settled::Dead(mut dead) => {
                if let Ok(sync) = self.sync(id) {
                    *sync.count().dead(dead.reason) += 1;
                }
                dead.had_row = had_row;
                dead.damaged = hand.damaged;
                self.note(Write::Dead { sync: id, dead });
            }
        }
    }

    /// A delivery without a row leaves its lane.
    pub(crate) fn leave_lane(&mut self, id: i64, lane: u64, delivery: u64) {
        if let Some(ids) = self.lanes.get_mut(&(id, lane)) {
            ids.remove(&delivery);
            if ids.is_empty() {
                self.lanes.remove(&(id, lane));
            }
        }
    }
}
