//! Reads Tandem's configuration: text to typed sections with places, units and nearest-key hints.
