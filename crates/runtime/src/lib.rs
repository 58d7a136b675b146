//! The shell: sockets, threads, tasks and clocks around the pure core.
