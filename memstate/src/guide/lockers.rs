use memstate::{Ctx, Timestamp, collections::BTreeMap};

#[memstate::data(error)]
#[derive(PartialEq)]
pub enum LockerError { AllTaken, Empty { locker: u32 }, WrongCode }

#[memstate::data]
#[derive(Debug, PartialEq)]
pub enum LockerEvent { Arrived { recipient: String, locker: u32 }, Collected { locker: u32 } }

#[memstate::data]
#[derive(Debug, PartialEq)]
pub struct Parcel { recipient: String, code: u64, since: Timestamp }

#[memstate::model]
#[derive(Default)]
pub struct Lockers { count: u32, parcels: BTreeMap<u32, Parcel> }

#[memstate::model(events = LockerEvent)]
impl Lockers {
    /// Puts up more lockers.
    pub fn install(&mut self, more: u32) { self.count += more; }

    /// Puts a parcel into a free locker; which one, and the code that opens it.
    pub fn deliver(&mut self, ctx: &mut Ctx<LockerEvent>, recipient: String) -> Result<(u32, u64), LockerError> {
        let free = (1..=self.count).find(|locker| !self.parcels.contains_key(locker));
        let locker = free.ok_or(LockerError::AllTaken)?;
        let (code, since) = (ctx.rng().below(10_000), ctx.now());
        self.parcels.insert(locker, Parcel { recipient: recipient.clone(), code, since });
        ctx.emit(LockerEvent::Arrived { recipient, locker });
        Ok((locker, code))
    }

    /// Takes the parcel out of a locker; whose it is.
    pub fn collect(&mut self, ctx: &mut Ctx<LockerEvent>, locker: u32, code: u64) -> Result<String, LockerError> {
        let parcel = self.parcels.remove(&locker).ok_or(LockerError::Empty { locker })?;
        if parcel.code != code {
            return Err(LockerError::WrongCode);         // the parcel is back in its locker
        }
        ctx.emit(LockerEvent::Collected { locker });
        Ok(parcel.recipient)
    }

    /// The lockers with a parcel for somebody.
    pub fn waiting(&self, recipient: &str) -> Vec<u32> {
        let theirs = self.parcels.iter().filter(|(_, parcel)| parcel.recipient == recipient);
        theirs.map(|(locker, _)| *locker).collect()
    }
}
