//! Phones that are switched off and on again.

use super::Sim;
use crate::queue::Event;
use std::{net::SocketAddr, time::Duration};

impl Sim {
    /// A phone forgets everything that goes on and its connections break. Until `away` has passed nobody is there: the network says so
    /// to who sends it a datagram, and connections are refused. Then it takes calls again.
    pub fn restart(&mut self, phone: SocketAddr, away: Duration) {
        let (index, now) = (self.index(phone), self.now);
        self.stations[index].phone.restart(now);
        self.break_connections(phone);
        if away.is_zero() || self.stations[index].is_off {
            return;
        }
        self.stations[index].is_off = true;
        self.refuse_connections(phone, true);
        self.core.lose(phone);
        self.flight.push(now + away, Event::Back(phone));
    }

    pub(super) fn switch_on(&mut self, phone: SocketAddr) {
        let index = self.index(phone);
        self.stations[index].is_off = false;
        self.refuse_connections(phone, false);
        self.core.find_again(phone);
    }
}
