//! Which contacts of a user give way to new ones: a phone that comes back at another port after each start must not lock itself out.

use tandem_model::Binding;

/// Takes out of `kept` what gives way to `fresh`, for both together to be no more than `most`, as far as that goes: an older contact
/// of the same phone, or else one that seems to be.
pub(super) fn make(kept: &mut Vec<Binding>, fresh: &[Binding], most: usize) -> Vec<Binding> {
    let mut gone = Vec::new();
    for new in fresh {
        if kept.len() + fresh.len() <= most {
            break;
        }
        let place = oldest(kept, |old| old.instance.is_some() && old.instance == new.instance);
        gone.extend(place.or_else(|| oldest(kept, |old| seems_same(old, new))).map(|place| kept.remove(place)));
    }
    gone
}

fn oldest(bindings: &[Binding], is_it: impl Fn(&Binding) -> bool) -> Option<usize> {
    let found = bindings.iter().enumerate().filter(|(_, binding)| is_it(binding));
    found.min_by_key(|(_, binding)| (binding.since, binding.until)).map(|(place, _)| place)
}

/// Phones of one model in one house are not told apart, unless both say who they are.
fn seems_same(old: &Binding, new: &Binding) -> bool {
    let are_two = old.instance.is_some() && new.instance.is_some();
    let (there, here) = (old.flow.remote.ip().to_canonical(), new.flow.remote.ip().to_canonical());
    !are_two && !new.agent.is_empty() && old.agent == new.agent && there == here
}
