//! The tandem program: reads the configuration, wires everything, decides nothing.
fn main() {}
