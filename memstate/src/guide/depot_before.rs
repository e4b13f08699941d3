// The depot of `changing.md` as it was when its journal was written.
use memstate::collections::BTreeMap;

#[memstate::data]
pub struct Vehicle { plate: String, km: u32 }

#[memstate::model]
#[derive(Default)]
pub struct Depot { vehicles: BTreeMap<u32, Vehicle>, last: u32, spent_cents: u64 }

#[memstate::model]
impl Depot {
    pub fn buy(&mut self, plate: String) -> u32 {
        self.last += 1;
        self.vehicles.insert(self.last, Vehicle { plate, km: 0 });
        self.last
    }

    pub fn drive(&mut self, vehicle: u32, miles: u32) {
        if let Some(vehicle) = self.vehicles.get_mut(&vehicle) {
            vehicle.km += miles * 8 / 5;
        }
    }

    pub fn refuel(&mut self, cents: u32) { self.spent_cents += u64::from(cents); }

    pub fn wash(&mut self, vehicle: u32) { let _ = vehicle; }

    pub fn scrap(&mut self, vehicle: u32) { self.vehicles.remove(&vehicle); }
}
