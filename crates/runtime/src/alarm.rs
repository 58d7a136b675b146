//! What the task of a call or an agent waits for: its mailbox, or its machine's deadline.

use crate::{
    clock::Clock,
    mailbox::{Mail, Mailbox},
};
use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};
use tandem_model::Timestamp;
use tandem_signalling::Input;
use tokio::time::{Sleep, sleep_until};

/// What an alarm waits with.
pub(crate) fn timer(clock: Clock) -> Sleep {
    sleep_until(clock.instant(Timestamp::ZERO))
}

/// A timer that is set only when the deadline is another one.
pub(crate) struct Alarm<'a> {
    timer: Pin<&'a mut Sleep>,
    clock: Clock,
    armed: Option<Timestamp>,
}

impl<'a> Alarm<'a> {
    pub(crate) fn new(timer: Pin<&'a mut Sleep>, clock: Clock) -> Self {
        Alarm { timer, clock, armed: None }
    }

    /// What is in the mailbox, or [`Input::Wake`] once it is `due`.
    pub(crate) async fn next(&mut self, mailbox: &Mailbox, due: Option<Timestamp>) -> Mail {
        if due != self.armed {
            self.armed = due;
            if let Some(at) = due {
                self.timer.as_mut().reset(self.clock.instant(at));
            }
        }
        poll_fn(|context| {
            if let Poll::Ready(mail) = mailbox.poll_take(context.waker()) {
                return Poll::Ready(mail);
            }
            if self.armed.is_some() && self.timer.as_mut().poll(context).is_ready() {
                // Should the same deadline be asked for again, it must be set anew.
                self.armed = None;
                return Poll::Ready(Mail::Input(Input::Wake));
            }
            Poll::Pending
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use tandem_model::EndReason;
    use tokio::runtime;

    #[test]
    fn what_is_in_the_mailbox_comes_before_a_deadline_and_each_deadline_comes() {
        let runtime = runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (clock, mailbox) = (Clock::start(), Mailbox::new());
            let mut waits = pin!(timer(clock));
            let mut alarm = Alarm::new(waits.as_mut(), clock);
            mailbox.put(Input::End(EndReason::Shutdown)).unwrap();
            let due = Some(Timestamp::ZERO);
            assert!(matches!(alarm.next(&mailbox, due).await, Mail::Input(Input::End(_))));
            assert!(matches!(alarm.next(&mailbox, due).await, Mail::Input(Input::Wake)));
            assert!(matches!(alarm.next(&mailbox, due).await, Mail::Input(Input::Wake)), "the same once more");
            mailbox.put(Input::End(EndReason::Shutdown)).unwrap();
            assert!(matches!(alarm.next(&mailbox, None).await, Mail::Input(Input::End(_))));
        });
    }
}
