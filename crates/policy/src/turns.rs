//! Whose turn it is in the groups that ring in turn.

/// A count for each route with `strategy = "round-robin"`.
#[derive(Debug, Default)]
pub(crate) struct Turns(Vec<(Box<str>, usize)>);

impl Turns {
    /// Goes over to these routes; one that keeps its name goes on where it was.
    pub(crate) fn reload<'r>(&mut self, routes: impl Iterator<Item = &'r str>) {
        let before = std::mem::take(&mut self.0);
        let of = |name: &str| before.iter().find(|(known, _)| **known == *name).map_or(0, |(_, turn)| *turn);
        self.0 = routes.map(|name| (name.into(), of(name))).collect();
    }

    pub(crate) fn of(&self, route: &str) -> usize {
        self.0.iter().find(|(name, _)| **name == *route).map_or(0, |(_, turn)| *turn)
    }

    pub(crate) fn take(&mut self, route: &str) {
        if let Some((_, turn)) = self.0.iter_mut().find(|(name, _)| **name == *route) {
            *turn = turn.wrapping_add(1);
        }
    }
}
