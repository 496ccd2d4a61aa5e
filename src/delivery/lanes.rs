//! Which lanes have something unfinished. A new delivery whose lane has is put off to the store,
//! which gives it out when its turn comes; all others go straight to the senders.
//!
//! The table has a fixed size, however many lanes there are: those that share a place are taken
//! for one. That can only send a delivery through the store that could have gone straight, because
//! where order is at stake the store decides, lane by lane.

use std::collections::HashMap;

use crate::delivery::store::Change;
use crate::delivery::store::Job;

/// Places of the table, a power of two. It is made when the first lane is seen.
const PLACES: usize = 1 << 14;

/// What is unfinished in each lane.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    places: Vec<Place>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// Pending deliveries.
    unfinished: u32,
    /// Of these, those that were attempted already.
    failed: u32,
    /// Of those put off, those that will still be counted when they had their first attempt.
    untried: u32,
    /// Of those put off, those whose turn was counted; they come before the ones of `untried`.
    spent: u32,
}

/// New jobs, by what is to be done with them.
#[derive(Debug, Default)]
pub(crate) struct Sorted {
    /// To the senders.
    pub(crate) go: Vec<Job>,
    /// To the store, until it is their turn.
    pub(crate) wait: Vec<Job>,
    /// How many of these stand behind one that failed, so that no first attempt is waited for.
    pub(crate) turns_over: u64,
}

/// What follows for a lane when one of its deliveries had its turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Follows {
    /// So many deliveries had their first attempt, or no longer wait for it in this run.
    pub(crate) turns_over: u64,
    /// Whether the store may have the next one of the lane now.
    pub(crate) next_may_go: bool,
}

impl Lanes {
    /// Deliveries of these lanes are about to be accepted. From now on nothing overtakes them.
    pub(crate) fn announce(&mut self, lanes: &[u64]) {
        for lane in lanes {
            self.place(*lane).unfinished += 1;
        }
    }

    /// What was announced was not accepted.
    pub(crate) fn withdraw(&mut self, lanes: &[u64]) {
        for lane in lanes {
            let place = self.place(*lane);
            place.unfinished = place.unfinished.saturating_sub(1);
        }
    }

    /// A delivery that an earlier engine left in the store, with so many attempts made.
    pub(crate) fn resumed(&mut self, lane: u64, attempts: u32) {
        let place = self.place(lane);
        place.unfinished += 1;
        if attempts > 0 {
            place.failed += 1;
        } else {
            place.spent += 1;
        }
    }

    /// Of what was announced, these were accepted.
    pub(crate) fn sort(&mut self, announced: &[u64], jobs: Vec<Job>) -> Sorted {
        self.withdraw(announced);
        let mut own: HashMap<usize, u32> = HashMap::new();
        for lane in jobs.iter().filter_map(|job| job.delivery.lane) {
            self.place(lane).unfinished += 1;
            *own.entry(index(lane)).or_default() += 1;
        }
        let mut sorted = Sorted::default();
        for job in jobs {
            let Some(lane) = job.delivery.lane else {
                sorted.go.push(job);
                continue;
            };
            // Zero once the first one of the batch has been seen.
            let own_here = own.insert(index(lane), 0).unwrap_or_default();
            let place = self.place(lane);
            if place.unfinished == own_here {
                sorted.go.push(job);
                continue;
            }
            if place.failed > 0 {
                place.spent += 1;
                sorted.turns_over += 1;
            } else {
                place.untried += 1;
            }
            sorted.wait.push(job);
        }
        sorted
    }

    /// A delivery of this lane had its turn.
    pub(crate) fn ended(&mut self, lane: u64, job: &Job, change: &Change) -> Follows {
        let place = self.place(lane);
        let mut follows = Follows::default();
        if job.attempts == 0 && !job.first_turn {
            if place.spent > 0 {
                place.spent -= 1;
            } else if place.untried > 0 {
                place.untried -= 1;
                follows.turns_over += 1;
            }
        }
        match change {
            Change::Delivered | Change::Dead { .. } => {
                place.unfinished = place.unfinished.saturating_sub(1);
                if job.attempts > 0 {
                    place.failed = place.failed.saturating_sub(1);
                }
                follows.next_may_go = place.unfinished > 0;
            }
            Change::Retry { .. } => {
                if job.attempts == 0 {
                    place.failed += 1;
                }
                follows.turns_over += place.spend();
            }
            Change::PutOff { .. } => {
                if job.attempts == 0 {
                    place.spent += 1;
                }
                follows.turns_over += place.spend();
            }
        }
        follows
    }

    fn place(&mut self, lane: u64) -> &mut Place {
        if self.places.is_empty() {
            self.places = vec![Place::default(); PLACES];
        }
        &mut self.places[index(lane)]
    }
}

impl Place {
    /// Those who wait behind will not have their first attempt soon.
    fn spend(&mut self) -> u64 {
        let untried = std::mem::take(&mut self.untried);
        self.spent += untried;
        u64::from(untried)
    }
}

fn index(lane: u64) -> usize {
    // Lanes are hashes already. The mask makes it fit.
    (lane & (PLACES as u64 - 1)) as usize
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::delivery::clock::Timestamp;
    use crate::delivery::lanes::Follows;
    use crate::delivery::lanes::Lanes;
    use crate::delivery::lanes::Sorted;
    use crate::delivery::request::Request;
    use crate::delivery::request::Target;
    use crate::delivery::store::AttemptRecord;
    use crate::delivery::store::Change;
    use crate::delivery::store::Delivery;
    use crate::delivery::store::Job;

    fn job(id: u64, lane: u64) -> Job {
        let target = Target::new("POST", "http://a/", Vec::new(), 5);
        let target = Arc::new(target.unwrap_or_else(|error| panic!("{error}")));
        let request = Request::new(target, format!("msg_{id}"), "{}");
        let delivery = Delivery {
            id,
            key: id.to_string(),
            request: request.unwrap_or_else(|error| panic!("{error}")),
            event: None,
            accepted_at: Timestamp::default(),
            place: None,
            lane: Some(lane),
        };
        Job {
            delivery: Arc::new(delivery),
            attempts: 0,
            first_attempt_at: None,
            first_turn: true,
            damaged: false,
        }
    }

    fn accept(lanes: &mut Lanes, jobs: &[(u64, u64)]) -> Sorted {
        let announced: Vec<u64> = jobs.iter().map(|(_, lane)| *lane).collect();
        lanes.announce(&announced);
        lanes.sort(&announced, jobs.iter().map(|(id, lane)| job(*id, *lane)).collect())
    }

    fn ids(jobs: &[Job]) -> Vec<u64> {
        jobs.iter().map(|job| job.delivery.id).collect()
    }

    fn failed() -> Change {
        let record = AttemptRecord {
            number: 1,
            started_at: Timestamp::default(),
            took: std::time::Duration::ZERO,
            tries: 1,
            status: None,
            error: String::new(),
            message: String::new(),
            answer: String::new(),
        };
        Change::Retry { record, due: Timestamp::default() }
    }

    /// As the store gives it out after it was put off.
    fn claimed(id: u64, lane: u64, attempts: u32) -> Job {
        Job { first_turn: false, attempts, ..job(id, lane) }
    }

    #[test]
    fn the_first_of_each_lane_goes_and_the_others_wait() {
        let mut lanes = Lanes::default();
        let sorted = accept(&mut lanes, &[(1, 7), (2, 8), (3, 7), (4, 7), (5, 9)]);
        assert_eq!((ids(&sorted.go), ids(&sorted.wait)), (vec![1, 2, 5], vec![3, 4]));
        assert_eq!(ids(&accept(&mut lanes, &[(6, 8)]).wait), [6]);
        let after_two = lanes.ended(8, &job(2, 8), &Change::Delivered);
        assert_eq!(after_two, Follows { turns_over: 0, next_may_go: true });
        let after_six = lanes.ended(8, &claimed(6, 8, 0), &Change::Delivered);
        assert_eq!(after_six, Follows { turns_over: 1, next_may_go: false });
        assert_eq!(ids(&accept(&mut lanes, &[(7, 8)]).go), [7]);
    }

    #[test]
    fn who_stands_behind_a_failed_one_is_not_waited_for() {
        let mut lanes = Lanes::default();
        accept(&mut lanes, &[(1, 7), (2, 7)]);
        let follows = lanes.ended(7, &job(1, 7), &failed());
        assert_eq!(follows, Follows { turns_over: 1, next_may_go: false });
        let sorted = accept(&mut lanes, &[(3, 7)]);
        assert_eq!((sorted.go.len(), sorted.turns_over), (0, 1));
        assert!(lanes.ended(7, &claimed(1, 7, 1), &Change::Delivered).next_may_go);
        // What arrives now is counted when it was attempted; the two before it were counted.
        assert_eq!(accept(&mut lanes, &[(4, 7)]).turns_over, 0);
        for (id, turns_over) in [(2, 0), (3, 0), (4, 1)] {
            let follows = lanes.ended(7, &claimed(id, 7, 0), &Change::Delivered);
            assert_eq!(follows.turns_over, turns_over, "{id}");
        }
        assert_eq!(accept(&mut lanes, &[(5, 7)]).go.len(), 1);
    }

    #[test]
    fn what_an_earlier_engine_left_comes_first() {
        let mut lanes = Lanes::default();
        lanes.resumed(7, 2);
        lanes.resumed(8, 0);
        let sorted = accept(&mut lanes, &[(3, 7), (4, 8), (5, 9)]);
        assert_eq!((ids(&sorted.go), sorted.turns_over), (vec![5], 1));
        assert_eq!(lanes.ended(8, &claimed(2, 8, 0), &Change::Delivered).turns_over, 0);
        assert_eq!(lanes.ended(8, &claimed(4, 8, 0), &Change::Delivered).turns_over, 1);
    }

    #[test]
    fn what_was_announced_but_not_accepted_holds_nobody_up() {
        let mut lanes = Lanes::default();
        lanes.announce(&[7, 7, 8]);
        // Meanwhile somebody else's wait: it may be behind.
        assert_eq!(accept(&mut lanes, &[(1, 7)]).wait.len(), 1);
        let sorted = lanes.sort(&[7, 7, 8], vec![job(2, 8)]);
        assert_eq!(sorted.go.len(), 1);
        assert!(!lanes.ended(7, &claimed(1, 7, 0), &Change::Delivered).next_may_go);
    }
}
