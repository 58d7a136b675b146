//! Calls that the node is told to make.

use super::{CoreNode, Held, World, registrations::EPOCH_MS};
use tandem_model::{CallId, Dial, DialError};
use tandem_policy::Places;
use tandem_signalling::{CallSetup, Machine};

impl CoreNode {
    pub(crate) fn dial(&mut self, world: &mut World<'_>, dial: Dial) -> Result<CallId, DialError> {
        dial.check()?;
        if self.draining {
            return Err(DialError::Draining);
        }
        self.limits.try_begin(world.now).map_err(|full| DialError::Full { retry_after_s: full.retry_after_s })?;
        self.counter = self.counter.wrapping_add(1);
        let id = CallId::new(EPOCH_MS + world.now.as_millis(), self.counter);
        self.founded += 1;
        let seed = self.random.next_u64();
        let setup = CallSetup { id, seed, node: self.facts.clone() };
        let (call, places) = (Machine::dial(setup, world.now, dial), Places::new(&self.trunks, None));
        self.calls.insert(id, Held { call, seed, places });
        self.carry_out(world, id);
        Ok(id)
    }
}
